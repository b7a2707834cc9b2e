"""The names that a module uses most, numbered so that each use takes a byte less.

In bytecode a name is its number in the module's table, seven bits to a byte, and the compiler
numbers names as it meets them. So those that are used most are met first, in a line that is never
run and of which the compiler keeps no more than the jump over it.
"""

from __future__ import annotations

import ast
import keyword
from collections import Counter

from startline_host.formats.constant_folding import LONGEST_TEXT

#: Numbers of one byte, but for the few that the compiler gives away before.
_SHORT = 124


def frequent_names_first(source: str) -> str:
    """Return the source of a module that does the same, with its names numbered by their use."""
    uses = _Uses()
    uses.visit(ast.parse(source))
    if len(uses.found) <= _SHORT:
        return source
    names = [name for name, count in uses.found.most_common(_SHORT) if count > 1]
    return f"while 1:\n    break\n    names.{'.'.join(names)}\n{source}"


class _Uses(ast.NodeVisitor):
    """Counts how often bytecode refers to a name: local variables are no names in it."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self._local: frozenset[str] = frozenset()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Count a function's name where it is kept and where it is told, and what it refers to."""
        self.found[node.name] += 2
        outer = self._local
        stored = {
            one.id
            for one in ast.walk(node)
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
        }
        arguments = [one.arg for one in node.args.args]
        self.found.update(arguments)
        self._local = outer | stored | frozenset(arguments)
        for statement in node.body:
            self.visit(statement)
        self._local = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the visitor's own name for it

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Count an attribute."""
        self.found[node.attr] += 1
        self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        """Count a name that is none of a function's own."""
        if node.id not in self._local:
            self.found[node.id] += 1

    def visit_Constant(self, node: ast.Constant) -> None:
        """Count a short text that could be a name."""
        text = node.value
        if not isinstance(text, str) or len(text) > LONGEST_TEXT or keyword.iskeyword(text):
            return
        if text.isidentifier():
            self.found[text] += 1
