"""Checks a reader's own program before it goes onto a device: that it compiles, and has its main.

The agent calls `app.main(device)`. What it would stumble over at every boot, at a finish line, is
found here: by the device's own compiler, and by what the source says of `main`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from startline_host.errors import BadInput

#: Where `import NAME` finds a module, in the order of a device's path.
_PLACES = ("/{}.py", "/{}/__init__.py", "/lib/{}.py", "/lib/{}/__init__.py")
_HINT = "The agent calls app.main(device) once the first boot has finished: def main(device): ..."

#: Compiles a source; raises BadInput with the compiler's words.
Compile = Callable[[bytes, str], bytes]


def check_app(files: Mapping[str, bytes], compile_source: Compile) -> None:
    """Raise BadInput for an app.py that does not compile, with all it imports, or has no fit main.

    `files` are the owner's, by absolute path. Without any app there is nothing to check.
    """
    app = next((path for path in _paths("app") if path in files), None)
    if app is None:
        return
    for path in _reachable(files, app):
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


def _check_main(tree: ast.Module, name: str) -> None:
    mains = [node for node in _statements(tree.body) if "main" in _defined(node)]
    if not mains:
        raise BadInput(f"{name} has no main.", _HINT)
    last = mains[-1]
    if isinstance(last, ast.AsyncFunctionDef):
        raise BadInput(
            f"{name}: main is async, and nobody would wait for it.",
            "Let a plain main run it: def main(device): asyncio.run(timing(device))",
        )
    if isinstance(last, ast.FunctionDef) and not last.decorator_list and not _takes_one(last.args):
        raise BadInput(f"{name}: main cannot be called with one argument.", _HINT)


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


def _defined(node: ast.stmt) -> set[str]:
    """Return the names that a statement gives a value; of what a star import brings, main."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = {alias.asname or alias.name for alias in node.names}
        return {"main"} if "*" in names else names
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        found = (one for target in targets for one in ast.walk(target))
        return {one.id for one in found if isinstance(one, ast.Name)}
    return set()


def _takes_one(arguments: ast.arguments) -> bool:
    places = len(arguments.posonlyargs) + len(arguments.args)
    needed = places - len(arguments.defaults)
    named = any(default is None for default in arguments.kw_defaults)
    return needed <= 1 and not named and (places >= 1 or arguments.vararg is not None)
