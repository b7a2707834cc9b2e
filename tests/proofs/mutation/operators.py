"""What can be done to a statement, to a condition, to a calculation: the kinds of change."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

_COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_CALCULATED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitXor: ast.BitOr,
}  # fmt: skip
_TERMS = (ast.Add, ast.Sub, ast.BitAnd, ast.BitXor, ast.Mod, ast.RShift, ast.LShift)
#: States and other words of the record, each with the one that is most like it.
_WORDS = {
    "bound": "unknown", "unknown": "unbound", "unbound": "unknown", "refused": "unknown",
    "timeout": "cut", "serial_taken": "", "doubled": "", "cannot_look": "", "other_key": "",
}  # fmt: skip
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}

#: The name of an operator, and what takes an expression's place.
Replacement = tuple[str, ast.expr]


def of_statements(
    node: ast.AST, body: Sequence[ast.stmt], again: AbstractSet[str]
) -> Iterator[tuple[str, ast.stmt, list[ast.stmt]]]:
    """Yield what can be done to a node's list of statements.

    `again` are the names that the function sets more than once.
    """
    for number, one in enumerate(body):
        is_early = isinstance(one, ast.Return) and not isinstance(node, ast.FunctionDef)
        if is_early or _can_go(one, again):
            rest = [*body[:number], *body[number + 1 :]]
            yield "remove_statement", one, rest or [ast.Pass()]
        if number + 1 < len(body) and _can_swap(one, body[number + 1]):
            swapped = [*body[:number], body[number + 1], one, *body[number + 2 :]]
            yield "swap_statements", one, swapped


def _can_go(one: ast.stmt, again: AbstractSet[str]) -> bool:
    """Tell whether a program without that statement still means something."""
    if isinstance(one, ast.Expr):
        return not isinstance(one.value, ast.Constant)
    if isinstance(one, ast.Assign) or (isinstance(one, ast.AnnAssign) and one.value):
        return _names(one, ast.Store) <= again
    return isinstance(one, ast.AugAssign | ast.Raise | ast.Continue | ast.Break | ast.Delete)


def _can_swap(one: ast.stmt, other: ast.stmt) -> bool:
    """Tell whether two statements could stand the other way round, and that may matter."""
    both = (one, other)
    kinds = ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr
    if not all(isinstance(each, kinds) and each.value for each in both):
        return False
    if any(isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) for each in both):
        return False  # a docstring
    calls = any(isinstance(node, ast.Call) for each in both for node in ast.walk(each))
    return calls and not _names(one, ast.Store) & _names(other, ast.Load)


def _names(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, context)
    }


def set_again(function: ast.AST) -> frozenset[str]:
    """Return the names that a function sets more than once."""
    names = [
        one.id
        for one in ast.walk(function)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    ]
    return frozenset(name for name in names if names.count(name) > 1)


def of_expression(node: ast.expr, *, is_test: bool) -> Iterator[Replacement]:
    """Yield what can take the place of an expression."""
    if is_test:
        yield "negate_condition", _negated(node)
        yield "drop_check", ast.Constant(value=False)
        yield "always", ast.Constant(value=True)
    if isinstance(node, ast.Compare):
        yield from _of_comparison(node)
    elif isinstance(node, ast.BoolOp):
        other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        yield "and_or", ast.BoolOp(other, node.values)
        for number in range(len(node.values)):
            rest = [*node.values[:number], *node.values[number + 1 :]]
            yield "drop_term", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "negate_condition", node.operand
    elif isinstance(node, ast.BinOp):
        yield from _of_calculation(node)
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        yield from _of_call(node, node.func.id)


def _of_comparison(node: ast.Compare) -> Iterator[Replacement]:
    for number, operator in enumerate(node.ops):
        ops = list(node.ops)
        ops[number] = _COMPARED[type(operator)]()
        yield "compare", ast.Compare(node.left, ops, node.comparators)
    if isinstance(node.ops[0], ast.In | ast.NotIn) and isinstance(node.left, ast.Attribute):
        part = ast.Subscript(node.left, ast.Slice(upper=ast.Constant(value=5)))
        yield "compare_a_part", ast.Compare(part, node.ops, node.comparators)


def _of_calculation(node: ast.BinOp) -> Iterator[Replacement]:
    if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str | bytes):
        return  # a text that is formatted
    if type(node.op) in _CALCULATED:
        yield "calculate", ast.BinOp(node.left, _CALCULATED[type(node.op)](), node.right)
    if isinstance(node.op, _TERMS):
        yield "drop_term", node.left
        if isinstance(node.op, ast.Add):
            yield "drop_term", node.right


def _of_constant(value: object) -> Iterator[Replacement]:
    if isinstance(value, bool):
        yield "constant", ast.Constant(value=not value)
    elif isinstance(value, int):
        yield "off_by_one", ast.Constant(value=value + 1)
        if value > 1:
            yield "off_by_one", ast.Constant(value=value - 1)
    elif isinstance(value, str) and value in _WORDS:
        yield "constant", ast.Constant(value=_WORDS[value])


def _of_call(node: ast.Call, name: str) -> Iterator[Replacement]:
    if name in _SWAPPED:
        yield "call", ast.Call(ast.Name(_SWAPPED[name]), node.args, node.keywords)
    if name in {"min", "max"} and len(node.args) > 1:
        for argument in node.args:
            yield "drop_term", argument


def _negated(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return node.operand
    return ast.UnaryOp(ast.Not(), node)


def of_items(node: ast.Tuple) -> Iterator[Replacement]:
    """Yield what can be done to a tuple that a loop goes through."""
    yield "other_order", ast.Tuple(node.elts[::-1])
    for number in range(len(node.elts)):
        yield "drop_item", ast.Tuple([*node.elts[:number], *node.elts[number + 1 :]])
