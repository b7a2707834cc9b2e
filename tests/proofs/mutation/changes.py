"""What can be changed in a source, over its syntax tree: each change is one mutant."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from tests.proofs.mutation.operators import (
    Replacement,
    of_expression,
    of_items,
    of_statements,
    set_again,
)

#: So many characters around a change are enough to know it again.
_KEPT = 32
_BODIES = ("body", "orelse", "finalbody")
#: What is not part of what a program does.
_SILENT = {"annotation", "returns", "decorator_list", "names"}


@dataclass(frozen=True)
class Change:
    """One change: in which function, of what kind, what stands there and what takes its place.

    `number` counts changes that are alike in all of that. To make it, `field` of the node with
    that index in the order of `ast.walk` gets `value`.
    """

    function: str
    operator: str
    before: str
    after: str
    number: int
    index: int
    field: str
    value: object

    @property
    def key(self) -> str:
        """What it is called, without a line number: it outlives what moves in a file."""
        again = f" #{self.number}" if self.number > 1 else ""
        return f"{self.function} | {self.operator} | {self.before} -> {self.after}{again}"

    def apply(self, source: str) -> str:
        """Return the source with this change; comments are gone, and the layout is another."""
        nodes = list(ast.walk(tree := ast.parse(source)))
        setattr(nodes[self.index], self.field, self.value)
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def changes(source: str) -> list[Change]:
    """Return every change of a source, in the order of its text; no two have the same outcome."""
    tree = ast.parse(source)
    indices = {node: index for index, node in enumerate(ast.walk(tree))}
    seen: dict[tuple[str, str, str, str], int] = {}
    outcomes: set[tuple[str, int, str, str]] = set()
    found = []
    for operator, place, node, field, value in _walk(tree, _Place("", tree, frozenset())):
        before, after = _heads(place.statement, node, field, value)
        outcome = (place.function, indices[place.statement], before, after)
        if before == after or outcome in outcomes:
            continue
        outcomes.add(outcome)
        name = (place.function, operator, *_shortened(before, after))
        seen[name] = seen.get(name, 0) + 1
        found.append(Change(*name, seen[name], indices[node], field, value))
    return found


@dataclass(frozen=True)
class _Place:
    """Where a walk through the tree is: in which function, and in which statement of it.

    `again` are the names that the function sets more than once.
    """

    function: str
    statement: ast.AST
    again: frozenset[str]

    def at(self, node: ast.AST) -> _Place:
        """Return the place of a node's children."""
        place = self
        if isinstance(node, ast.stmt):
            place = replace(place, statement=node)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = f"{self.function}.{node.name}".lstrip(".")
            place = replace(place, function=name, again=set_again(node))
        return place


#: The operator, the place, and what to set: a field of a node, to a value.
_Edit = tuple[str, _Place, ast.AST, str, object]


def _walk(node: ast.AST, outer: _Place) -> Iterator[_Edit]:
    """Yield every edit at and below a node, in the order of the text."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
        return  # what no device has: imports for a type checker
    place = outer.at(node)
    for field, old in ast.iter_fields(node):
        if field in _SILENT or _is_docstring(node, field):
            continue
        if isinstance(old, list):
            yield from _of_list(node, field, old, place)
        elif isinstance(old, ast.AST):
            for operator, new in _of_child(old, field):
                yield operator, place, node, field, new
            yield from _walk(old, place)
    if isinstance(node, ast.ExceptHandler):
        yield "raise_again", replace(place, statement=node), node, "body", [ast.Raise()]


def _of_list(node: ast.AST, field: str, old: list[ast.AST], place: _Place) -> Iterator[_Edit]:
    if field in _BODIES:
        for operator, statement, value in of_statements(
            node, cast("list[ast.stmt]", old), place.again
        ):
            yield operator, replace(place, statement=statement), node, field, value
    for number, child in enumerate(old):
        if isinstance(child, ast.AST):
            for operator, new in _of_child(child, field):
                yield operator, place, node, field, [*old[:number], new, *old[number + 1 :]]
            yield from _walk(child, place)


def _of_child(child: ast.AST, field: str) -> Iterator[Replacement]:
    if isinstance(child, ast.expr):
        yield from of_expression(child, is_test=field == "test")
    if field == "iter" and isinstance(child, ast.Tuple):
        yield from of_items(child)


def _is_docstring(node: ast.AST, field: str) -> bool:
    return isinstance(node, ast.Expr) and field == "value" and isinstance(node.value, ast.Constant)


def _heads(statement: ast.AST, node: ast.AST, field: str, value: object) -> tuple[str, str]:
    """Return how the statement reads before and after, without what stands below it."""
    if field in _BODIES and isinstance(value, list) and not isinstance(node, ast.Lambda):
        if isinstance(node, ast.ExceptHandler) and statement is node:
            return _head(node), "raise"
        return _head(statement), _moved(statement, value, getattr(node, field))
    nodes = list(ast.walk(statement))
    twin = copy.deepcopy(statement)
    setattr(list(ast.walk(twin))[nodes.index(node)], field, value)
    return _head(statement), _head(twin)


def _shortened(before: str, after: str) -> tuple[str, str]:
    """Return both without what is the same far from where they differ."""
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    return _around(before, start, end), _around(after, start, end)


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _around(text: str, start: int, end: int) -> str:
    head = text[:start] if start <= _KEPT + 8 else "…" + text[start - _KEPT : start]
    tail = text[len(text) - end :]
    return (
        head + text[start : len(text) - end] + (tail if end <= _KEPT + 8 else tail[:_KEPT] + "…")
    )


def _moved(one: ast.AST, new: Sequence[ast.AST], old: Sequence[ast.AST]) -> str:
    return (
        f"after `{_head(new[new.index(one) - 1])}`" if len(new) == len(old) and one in new else ""
    )


def _head(node: ast.AST) -> str:
    """Return a statement's first line, in the one way that `ast.unparse` writes it."""
    bare = copy.copy(node)
    for field in (*_BODIES, "handlers"):
        if getattr(bare, field, None) and isinstance(bare, ast.stmt | ast.ExceptHandler):
            setattr(bare, field, [ast.Pass()] if field == "body" else [])
    return ast.unparse(ast.fix_missing_locations(bare)).split("\n    pass")[0].rstrip(":")
