"""Modules that always load together, as one file on the device.

Each file costs: its own table of names, most of which its neighbours have as well, the imports
between them, and a search through the file system. In the sources they stay apart, one idea each.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence

from startline_host.errors import Bug
from startline_host.formats.constant_folding import parsed


def bundle_modules(
    sources: Mapping[str, str], bundles: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return the sources of modules, by their paths, with some of them put together.

    `bundles` has, by the path of the module that stands for all, the names of those in its folder
    that it is made of, in an order in which each imports only from those before it. A bundle with a
    module that is not there, or does not parse, is left out. Raises Bug for modules that cannot be
    put together: where two give a name to different things, one is imported as a whole, or somebody
    asks for what none of them defines.
    """
    trees = {path: tree for path, source in sources.items() if (tree := parsed(source))}
    bundles = {
        path: names
        for path, names in bundles.items()
        if all(f"{_folder(path)}/{name}.py" in trees for name in names)
    }
    homes = {
        _dotted(f"{_folder(path)}/{name}.py"): _dotted(path)
        for path, names in bundles.items()
        for name in names
    }
    members = members_of(bundles)
    asked: set[tuple[str, str]] = set()
    result = {path: source for path, source in sources.items() if path not in members}
    for path in result.keys() & trees.keys():
        result[path] = _unparsed(_Redirection(path, homes, asked).visit(trees[path]).body)
    defined: dict[str, set[str]] = {}
    for path, names in bundles.items():
        parts = {one: trees[one] for one in (f"{_folder(path)}/{name}.py" for name in names)}
        result[path], defined[_dotted(path)] = _bundle(path, parts, homes, asked)
    for home, name in asked:
        if name not in defined[home]:
            raise Bug(f"{home} is asked for {name}, which it does not define.")
    return result


def members_of(bundles: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the paths of the modules that bundles are made of."""
    return {f"{_folder(path)}/{name}.py" for path, names in bundles.items() for name in names}


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _unparsed(body: list[ast.stmt]) -> str:
    module = ast.fix_missing_locations(ast.Module(body, []))
    return ast.unparse(module) + "\n"


def _bundle(
    path: str,
    parts: Mapping[str, ast.Module],
    homes: Mapping[str, str],
    asked: set[tuple[str, str]],
) -> tuple[str, set[str]]:
    """Return the source of a bundle, and the names that it defines."""
    body: list[ast.stmt] = []
    imports: dict[str, ast.Import | ast.ImportFrom] = {}
    defined: dict[str, str] = dict.fromkeys(dir(builtins), "a builtin")
    for source, tree in parts.items():
        for node in _Redirection(source, homes, asked, _dotted(path)).visit(tree).body:
            for new, origin in _names_of(node, source):
                if defined.setdefault(new, origin) != origin:
                    raise Bug(f"{path} cannot hold {new} of both {origin} and {defined[new]}.")
            if isinstance(node, ast.Import | ast.ImportFrom):
                _join(imports, node)
            else:
                body.append(node)
    return _unparsed([*imports.values(), *body]), set(defined)


def _join(
    imports: dict[str, ast.Import | ast.ImportFrom], node: ast.Import | ast.ImportFrom
) -> None:
    """Have one statement for all that is imported from a module."""
    before = imports.setdefault(_place(node), node)
    if before is not node:
        there = [ast.unparse(one) for one in before.names]
        before.names += [one for one in node.names if ast.unparse(one) not in there]


def _place(node: ast.Import | ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else "import"


def _names_of(node: ast.stmt, source: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a statement gives to a module, each with where it comes from."""
    match node:
        case (
            ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name)
        ):
            yield name, source
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (
                    (one.id, source) for one in ast.walk(target) if isinstance(one, ast.Name)
                )
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name, source
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for one in names:
                yield one.asname or one.name, f"{_place(node)} {one.name}"
        case ast.Expr() | ast.Pass():  # a docstring, or an import that is needed no more
            pass
        case _:
            raise Bug(f"{source} has more than definitions: it cannot be part of a bundle.")


class _Redirection(ast.NodeTransformer):
    """Has imports from a bundle's modules go to the bundle; within it, `here`, they are not needed."""

    def __init__(
        self, path: str, homes: Mapping[str, str], asked: set[tuple[str, str]], here: str = ""
    ) -> None:
        self._package = _folder(path).replace("/", ".")
        self._homes = homes
        self._asked = asked
        self._here = here

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        """Rewrite one."""
        module = node.module or ""
        if node.level:
            parts = self._package.split(".")
            parts = parts[: len(parts) - node.level + 1]
            module = ".".join([*parts, module] if module else parts)
        if any(f"{module}.{alias.name}" in self._homes for alias in node.names):
            raise Bug(
                f"A module of {self._package} is imported as a whole: it is part of a bundle."
            )
        home = self._homes.get(module, module)
        if module in self._homes:
            self._asked |= {(home, alias.name) for alias in node.names}
        if home == self._here and self._here:
            if any(alias.asname not in (None, alias.name) for alias in node.names):
                raise Bug(f"Within {home} something is imported under another name.")
            return ast.Pass()
        if home == module:
            return node
        return ast.ImportFrom(home, node.names, 0)
