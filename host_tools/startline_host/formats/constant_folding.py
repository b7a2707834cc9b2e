"""Constants put where they are used, before the agent's sources are compiled for a device.

On a device every name costs: flash, heap, and a lookup each time it is used. MicroPython's own
`const` does without the names of one module only, and is not there on a PC, which imports the same
sources. So numbers and short texts that a module defines once, in capitals, stand here in their
names' places, in that module and in whatever imports them; tuples of numbers in the latter, which
may then need not load that module at all.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
#: Characters of a text that MicroPython keeps once for all who say it; a longer one is an object.
LONGEST_TEXT = 10
#: What a constant may be computed with.
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.LShift, ast.BitOr)
_Value = int | str | tuple[int, ...]
_Constants = dict[str, _Value]


def fold_constants(
    sources: Mapping[str, str],
    hidden: Collection[str] = (),
    known_by: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the sources of modules, by their paths such as `startline/chip.py`, without comments.

    `known_by` are modules that they may import constants from, and that are left alone. A name that
    begins with an underscore is gone for good, as are all of modules that are `hidden`,
    of which nobody else can ask for one; another one is still defined where it was. What does not
    parse is as it was: the compiler says so.
    """
    trees = {path: tree for path, source in sources.items() if (tree := parsed(source))}
    others = {path: tree for path, source in (known_by or {}).items() if (tree := parsed(source))}
    bound = {path: Counter(_bindings(tree)) for path, tree in (trees | others).items()}
    known = {
        _module(path): _own_constants(tree, bound[path]) for path, tree in (trees | others).items()
    }
    folded = dict(sources)
    for path, tree in trees.items():
        package = path.rpartition("/")[0].replace("/", ".")
        imported = _imported_constants(tree, bound[path], package, known)
        new = _Folding(known[_module(path)], imported, hides_all=path in hidden).visit(tree)
        folded[path] = ast.unparse(ast.fix_missing_locations(new)) + "\n"
    return folded


def parsed(source: str) -> ast.Module | None:
    """Return the syntax tree of a source, without what mypy alone reads; None for what is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    tree.body = [node for node in tree.body if not _is_for_types(node)]
    _Untyped().visit(tree)
    return tree


def _is_for_types(node: ast.stmt) -> bool:
    """Tell whether a statement is `if False:`, of which a compiler keeps nothing."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Constant)
        and node.test.value is False
        and not node.orelse
    )


class _Untyped(ast.NodeTransformer):
    """Has variables stand without their types."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """Keep what is assigned, if anything is."""
        return ast.Assign([node.target], node.value, lineno=0) if node.value else ast.Pass()


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _bindings(tree: ast.Module) -> Iterator[str]:
    """Yield each name as often as it is given a value anywhere in a module.

    How far something is shifted counts as well: the compiler would compute `1 << 8 * SIZE`, and
    keep the thousand digits.
    """
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(op=ast.LShift(), right=far):
                yield from (one.id for one in ast.walk(far) if isinstance(one, ast.Name))
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name


def _own_constants(tree: ast.Module, bound: Counter[str]) -> _Constants:
    found: _Constants = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            names, values = _pairs(node, found)
            pairs = zip(names, values, strict=True) if len(names) == len(values) else ()
            found |= {name: value for name, value in pairs if bound[name] == 1}
    return found


def _pairs(node: ast.Assign, known: _Constants) -> tuple[list[str], list[_Value]]:
    """Return the constants that an assignment names, and their values; [] for what is none."""
    target = node.targets[0]
    if isinstance(target, ast.Tuple):
        names = [one.id for one in target.elts if isinstance(one, ast.Name)]
        values = _series(node.value, known) if len(names) == len(target.elts) else []
    else:
        names = [target.id] if isinstance(target, ast.Name) else []
        one = _value(node.value, known)
        values = [] if one is None else [one]
    return (names, values) if all(map(_CONSTANT.fullmatch, names)) else ([], [])


def _series(node: ast.expr, known: _Constants) -> list[_Value]:
    match node:
        case ast.Tuple(elts=items):
            values = [_value(item, known) for item in items]
        case ast.Call(func=ast.Name(id="range"), args=items):
            bounds = [_value(item, known) for item in items]
            values = list(range(*bounds)) if all(isinstance(one, int) for one in bounds) else []  # type: ignore[arg-type]
        case _:
            values = []
    return [] if None in values else [one for one in values if one is not None]


def _value(node: ast.expr, known: _Constants) -> _Value | None:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.Constant(value=str(text)) if len(text) <= LONGEST_TEXT:
            return text
        case ast.Name(id=name):
            return known.get(name)
        case ast.Tuple(elts=items):
            numbers = [one for item in items if isinstance(one := _value(item, known), int)]
            return tuple(numbers) if len(numbers) == len(items) else None
        case ast.BinOp(op=operator) if isinstance(operator, _OPERATORS):
            return _computed(node, known)
    return None


def _computed(node: ast.BinOp, known: _Constants) -> int | None:
    if not all(isinstance(_value(side, known), int) for side in (node.left, node.right)):
        return None
    plain = ast.Expression(_Folding(known, {}).visit(node))
    code = compile(ast.fix_missing_locations(plain), "constant", "eval")
    return int(eval(code, {"__builtins__": {}}))  # noqa: S307 - numbers and operators


def _imported_constants(
    tree: ast.Module, bound: Counter[str], package: str, known: Mapping[str, _Constants]
) -> _Constants:
    found: _Constants = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            there = known.get(_imported_module(node, package), {})
            for alias in node.names:
                name = alias.asname or alias.name
                # Written as `X as X` it is handed on, and so is to be there.
                if alias.name in there and alias.asname != alias.name and bound[name] == 1:
                    found[name] = there[alias.name]
    return found


def _imported_module(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


class _Folding(ast.NodeTransformer):
    """Puts constants in the places of their names, and drops what nobody needs then."""

    def __init__(self, own: _Constants, imported: _Constants, *, hides_all: bool = False) -> None:
        self._own = own
        self._imported = imported
        self._all = {**own, **imported}
        self._hides_all = hides_all

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put the constant there."""
        value = self._all.get(node.id)
        if value is None or not isinstance(node.ctx, ast.Load):
            return node
        if not isinstance(value, tuple):
            return ast.Constant(value)
        if node.id in self._own:
            return node  # an object, which is made once
        return ast.Tuple([ast.Constant(one) for one in value], ast.Load())

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        """Leave out what is put where it is used."""
        node.names = [one for one in node.names if (one.asname or one.name) not in self._imported]
        return node if node.names else ast.Pass()

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | None:
        """Leave out the constants that no other module can ask for."""
        target = node.targets[0]
        names = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
        if names and all(name in self._own and self._is_hidden(name) for name in names):
            return None
        self.generic_visit(node)
        return node

    def _is_hidden(self, name: str) -> bool:
        is_object = isinstance(self._own[name], tuple)
        return not is_object and (self._hides_all or name.startswith("_"))
