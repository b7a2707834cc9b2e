"""Draws docs/images/up.svg: `startline up` with a blank virtual reader, as it is on a terminal.

Run by hand where what `up` prints has changed: `.venv/bin/python docs/_picture.py`.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.secrets import child_environment
from startline_host.virtual import VirtualEsp32

_PICTURE = Path(__file__).parent / "images" / "up.svg"
_WIDTH = 92
_COMMAND = "startline up --serial DEVICE-123"
_SETTINGS = """\
[claim]
cloud = "rufus"
base_url = "{base_url}"
key_env = "STARTLINE_CLAIM_KEY"
[net]
ssid = "bench"
password_env = "WIFI_PASSWORD"
[tls]
ca = "ca.pem"
[unit]
model = "Model X1"
"""
#: The picture loads no font from elsewhere; a reader's own monospace one will do.
_FORMAT = re.sub(r"@font-face\s*\{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono"
)


def _printed() -> str:
    """Run the command in a folder of its own; return what it prints, colours and all."""
    with (
        tempfile.TemporaryDirectory() as name,
        MockCloud(MockOptions(answer_form="documented")) as cloud,
        VirtualEsp32(Path(name) / "flash") as chip,
    ):
        folder = Path(name)
        (folder / "ca.pem").write_bytes(cloud.ca_pem)
        (folder / "settings.toml").write_text(_SETTINGS.format(base_url=cloud.base_url))
        done = subprocess.run(
            [sys.executable, "-m", "startline_host", *_COMMAND.split()[1:]],
            cwd=folder,
            env={
                **child_environment(),
                "COLUMNS": str(_WIDTH),
                "STARTLINE_BOARD": "VIRTUAL_ESP32",
                "STARTLINE_CLAIM_KEY": cloud.keys["WRITE"],
                "STARTLINE_PORT": chip.url,
                "STARTLINE_READ_KEY": cloud.keys["READ"],
                "WIFI_PASSWORD": "bench-wifi",
                "PYTHONUNBUFFERED": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
    return done.stdout


def draw(printed: str, picture: Path) -> None:
    """Draw a terminal with the command and what it printed."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), highlight=False)
    console.print(f"[bold green]$[/] [bold]{_COMMAND}[/]")
    for line in printed.splitlines():
        text = Text.from_ansi(line)
        text.highlight_regex(r"^ {10,}.*|^ +\d+\.\d{3} s", "dim")
        text.highlight_regex(
            r"ready: bound|verified|DEVICE-123 is bound.*|knows this very device", "green"
        )
        console.print(text, soft_wrap=False)
    svg = console.export_svg(
        title="startline", theme=SVG_EXPORT_THEME, code_format=_FORMAT, unique_id="up"
    )
    picture.parent.mkdir(exist_ok=True)
    picture.write_text(svg + "\n", encoding="utf-8")


if __name__ == "__main__":
    draw(_printed(), _PICTURE)
    sys.stdout.write(f"{_PICTURE}\n")
