"""Compares the running server with its OpenAPI description: `python tests/proofs/schema.py`.

Needs schemathesis. Every envelope, strict and lenient, and every rule for doubles have their turn, until at least
the number of cases given (2,000 by default) were tried; ends with 1 if an answer was undocumented.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from startline_host.mock_cloud import MockCloud, MockOptions

CONFIG = Path(__file__).with_name("schemathesis.toml")

OPTIONS: tuple[dict[str, object], ...] = (
    {"envelope": "bare", "second_bind": "new"},
    {"envelope": "body", "second_bind": "same", "largest_list": 3, "duplicates": "number"},
    {"envelope": "bare", "strict": False, "duplicates": "none"},
    {"envelope": "bare", "second_bind": "conflict", "type_required": True},
)


def run(options: dict[str, object], examples: int, seed: int) -> tuple[int, int]:
    """Try one cloud; return schemathesis's exit code and the number of requests made."""
    # It leaves a cache behind where it runs.
    with (
        tempfile.TemporaryDirectory() as folder,
        MockCloud(MockOptions(tls=False, **options)) as cloud,  # type: ignore[arg-type]
    ):
        code = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG, "run",
             f"{cloud.root_url}/openapi.json", "--max-examples", str(examples),
             "--seed", str(seed), "--no-color",
             "--header", f"api_key: {cloud.keys['READ_WRITE_UNBIND']}"],
            check=False, cwd=folder,
        ).returncode  # fmt: skip
        return code, cloud.requests[-1].number if len(cloud.requests) else 0


def main() -> int:
    """Run all of them, print the total, and return the exit code."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    total, codes = 0, []
    for seed, options in enumerate(OPTIONS):
        code, cases = run(options, max(10, wanted // 80), seed)
        codes.append(code)
        total += cases
    print(  # noqa: T201 - this is a command
        f"{total} cases against {len(OPTIONS)} clouds: {'all as described' if not any(codes) else 'see above'}."
    )
    return 1 if any(codes) or total < wanted else 0


if __name__ == "__main__":
    sys.exit(main())
