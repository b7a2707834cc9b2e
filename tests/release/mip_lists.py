"""`make fmt` writes what mip takes: each package.json lists the files that a device gets."""

from __future__ import annotations

import json
import re
from pathlib import Path

from startline_host.formats.agent_sources import HOST_ONLY
from tests.release.versions import packages

_URLS = re.compile(r'(?<="urls": \[\n).*?(?=\n  \])', re.DOTALL)


def listed(package: Path) -> str:
    """Return a package.json as it has to be: a line a file, the target and where it stands."""
    home = package.parent
    firmware = home if (home / "startline").is_dir() else home.parent
    root = home if home != firmware else firmware / "startline"
    rows = [
        json.dumps([path.relative_to(firmware).as_posix(), path.relative_to(home).as_posix()])
        for path in sorted(root.rglob("*.py"))
        if path.relative_to(firmware).as_posix() not in HOST_ONLY and path.name != "manifest.py"
    ]
    urls = ",\n".join(f"    {row}" for row in rows)
    return _URLS.sub(lambda _: urls, package.read_text(encoding="utf-8"), count=1)


def main() -> None:
    """Bring every package.json up to date."""
    for package in packages():
        text = listed(package)
        if text != package.read_text(encoding="utf-8"):
            package.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
