"""Checks a reader's own program before it goes onto a device: that it compiles, and has its main.

The agent calls `app.main(device)`. What it would stumble over at every boot, at a finish line, is
found here: by the device's own compiler, and by what the source says of `main`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping

from startline_host.errors import BadInput

#: Where `import NAME` finds a module, in the order of a device's path: a folder comes first.
_PLACES = ("/{}/__init__.py", "/{}.py", "/lib/{}/__init__.py", "/lib/{}.py")
#: What editors put before a text, and MicroPython takes for a part of it.
_MARKS = {b"\xef\xbb\xbf": "a byte order mark", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_HINT = "The agent calls app.main(device) once the first boot has finished: def main(device): ..."
_NONE, _ASYNC = " has no main", ": main is async, and nobody would wait for it"
_ARGUMENTS = ": main cannot be called with one argument"

#: Compiles a source; raises BadInput with the compiler's words.
Compile = Callable[[bytes, str], bytes]


def check_app(files: Mapping[str, bytes], compile_source: Compile) -> None:
    """Raise BadInput for an app.py that does not compile, with all it imports, or has no fit main.

    `files` are the owner's, by absolute path. Without any app there is nothing to check.
    """
    app = next((path for path in _paths("app") if path in files), None)
    if app is None:
        return
    _check_folder(files, app)
    for path in _reachable(files, app):
        _check_encoding(files[path], path.lstrip("/"))
        compile_source(files[path], path.lstrip("/"))
    tree = _tree(files[app])
    if tree is not None:
        _check_main(tree, app.lstrip("/"))


def _paths(module: str) -> Iterator[str]:
    return (place.format(module.replace(".", "/")) for place in _PLACES)


def _reachable(files: Mapping[str, bytes], app: str) -> list[str]:
    """Return the sources among the files that importing the app may import, itself first."""
    found = [app]
    for path in found:
        tree = _tree(files[path])
        names = _imports(tree) if tree is not None else ()
        paths = (candidate for name in names for candidate in _paths(name))
        found += [one for one in dict.fromkeys(paths) if one in files and one not in found]
    return found


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _tree(source: bytes) -> ast.Module | None:
    """Return the syntax tree; None for what only MicroPython understands."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _check_folder(files: Mapping[str, bytes], app: str) -> None:
    """Raise BadInput for a folder beside a module that a device would import in its place."""
    folder = app.removesuffix(".py")
    if not app.endswith("/__init__.py") and any(path.startswith(f"{folder}/") for path in files):
        raise BadInput(
            f"{app.lstrip('/')} would never run: the device imports the folder "
            f"{folder.lstrip('/')}/ in its place.",
            "Give the folder another name, or make the program its __init__.py.",
        )


def _check_encoding(source: bytes, name: str) -> None:
    for mark, words in _MARKS.items():
        if source.startswith(mark):
            raise BadInput(
                f"{name} begins with {words}, which the device does not read.",
                "Save it as UTF-8 without a byte order mark.",
            )


def _check_main(tree: ast.Module, name: str) -> None:
    """Raise BadInput where whatever `main` may be at the end of the import cannot be called.

    What is given a value on a condition only may keep the one that it had before.
    """
    wrong = ""
    for node in reversed(tree.body):
        said = [_wrong(one, tree) for one in reversed([*_statements([node])]) if _binds(one)]
        if "" in said:
            return
        wrong = wrong or next(iter(said), "")
        if said and not isinstance(node, ast.If | ast.Try | ast.For | ast.While):
            break
    hint = "Let a plain main run it: def main(device): asyncio.run(timing(device))"
    raise BadInput(f"{name}{wrong or _NONE}.", hint if wrong == _ASYNC else _HINT)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield what runs when a module is imported, also below if, try, with and loops."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, part, []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)


def _binds(node: ast.stmt) -> bool:
    """Tell whether a statement itself gives `main` a value, or takes it away."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        inside = any(isinstance(one, ast.Global) and "main" in one.names for one in ast.walk(node))
        return node.name == "main" or inside
    if isinstance(node, ast.Import | ast.ImportFrom):
        return any((one.asname or one.name) in {"main", "*"} for one in node.names)
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return False
    return any(
        isinstance(one, ast.Name) and one.id == "main" and not isinstance(one.ctx, ast.Load)
        for one in _own_parts(node)
    )


def _own_parts(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield the parts of a statement without the statements below it."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from ast.walk(child)


def _wrong(node: ast.stmt, tree: ast.Module) -> str:
    """Return why what a statement makes of `main` cannot be called with a device; "" if it may be."""
    if isinstance(node, ast.AsyncFunctionDef) and node.name == "main":
        return _ASYNC
    if isinstance(node, ast.FunctionDef) and node.name == "main" and not node.decorator_list:
        if any(isinstance(one, ast.Yield | ast.YieldFrom) for one in _of_function(node)):
            return ": main yields, and nobody would go on with it"
        return "" if _takes_one(node.args) else _ARGUMENTS
    if isinstance(node, ast.Delete):
        return _NONE
    if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) for one in node.targets):
        return _wrong_value(node.value, tree)
    return ""


def _wrong_value(value: ast.expr, tree: ast.Module) -> str:
    if isinstance(value, ast.Constant | ast.JoinedStr | ast.List | ast.Tuple | ast.Dict):
        return ": main is no function"
    if isinstance(value, ast.Lambda) and not _takes_one(value.args):
        return _ARGUMENTS
    if isinstance(value, ast.Name):
        made = [one for one in tree.body if getattr(one, "name", "") == value.id]
        if made and isinstance(made[-1], ast.FunctionDef | ast.AsyncFunctionDef):
            return _wrong(_renamed(made[-1]), tree)
    return ""


def _renamed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    same = copy.copy(function)
    same.name = "main"
    return same


def _of_function(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield what stands in a function, and not in one within it."""
    stack: list[ast.AST] = list(function.body)
    while stack:
        one = stack.pop()
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield one
            stack += ast.iter_child_nodes(one)


def _takes_one(arguments: ast.arguments) -> bool:
    places = len(arguments.posonlyargs) + len(arguments.args)
    needed = places - len(arguments.defaults)
    named = any(default is None for default in arguments.kw_defaults)
    return needed <= 1 and not named and (places >= 1 or arguments.vararg is not None)
