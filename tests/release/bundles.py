"""The bundles for `mip`: each package of the device as a ZIP of its package.json and its files."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from startline_host.virtual.vm_binary import micropython_command
from tests.release.versions import ROOT, packages, version

_FIRMWARE = ROOT / "firmware"
_INSTALL = "import mip\nmip.install({url!r}, target={target!r})\n"


def make_bundles(folder: Path) -> list[Path]:
    """Write a ZIP for each package into a folder; unpacked on a web server, mip installs from it."""
    return [_make(package, folder) for package in packages()]


def check_bundle(bundle: Path) -> None:
    """Have MicroPython's own mip install a bundle from a web server, and compare every file.

    Raises AssertionError where a file is missing or differs.
    """
    with tempfile.TemporaryDirectory() as name, _serving(Path(name)) as base:
        served, target = Path(name) / "served", Path(name) / "lib"
        with zipfile.ZipFile(bundle) as archive:
            archive.extractall(served)
        (package,) = served.rglob("package.json")
        url = f"{base}/served/{package.relative_to(served).as_posix()}"
        program = _INSTALL.format(url=url, target=str(target))
        done = subprocess.run(
            [*micropython_command(), "-c", program],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for there, source in _files(package):
            assert (target / there).read_bytes() == source.read_bytes(), there


def _make(package: Path, folder: Path) -> Path:
    name = "startline" if package.parent == _FIRMWARE else package.parent.name
    bundle = folder / f"{name}-{version()}-mip.zip"
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [package, *(source for _, source in _files(package))]:
            # A fixed time: the same sources make the same bundle.
            entry = zipfile.ZipInfo(path.resolve().relative_to(_FIRMWARE).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return bundle


def _files(package: Path) -> list[tuple[str, Path]]:
    """Return where each file of a package goes on a device, and where it is here."""
    listed = json.loads(package.read_text(encoding="utf-8"))["urls"]
    return [(there, package.parent / here) for there, here in listed]


class _QuietServer(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    handler = functools.partial(_QuietServer, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
