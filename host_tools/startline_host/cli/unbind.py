"""`startline unbind`: take a device off its cloud."""

from __future__ import annotations

import os
from pathlib import Path

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.device.port_session import PortSession
from startline_host.flows.operator.unbind import unbind
from startline_host.secrets import Secret, secret_from_file, secret_from_prompt
from startline_host.util import printable

UNBIND_KEY_VARIABLE = "STARTLINE_UNBIND_KEY"


@click.command("unbind")
@options.port_option
@options.several(options.place_options)
@click.option(
    "--unbind-key-file",
    type=options.FILE,
    help=f"File with a key that may unbind; otherwise ${UNBIND_KEY_VARIABLE}.",
)
@options.read_key_option
@options.confirm_option
@options.hard_option
@options.json_option
def command(
    port: str | None,
    settings_file: Path | None,
    base_url: str | None,
    ca_file: Path | None,
    unbind_key_file: Path | None,
    read_key_file: Path | None,
    confirm: str | None,
    hard: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Delete a device at its cloud, with its sessions, and then clear its record.

    The device is stopped for it. What will be lost is shown first, and has to be confirmed. After
    a cut, run it again.
    """
    cloud_target = options.chosen_cloud(settings_file, base_url, ca_file)
    key = _key(unbind_key_file)
    reading = options.read_key(read_key_file)
    with (
        output.view(as_json=as_json) as view,
        PortSession(options.chosen_port(port), hard=hard) as line,
    ):
        done = unbind(
            line, cloud_target, key, options.asker(confirm),
            read_key=reading, listen=view,
        )  # fmt: skip
    if as_json:
        output.result(results.Unbound(**done.as_dict()))
    else:
        click.echo(f"{printable(done.serial)} is {done.state}.")


def _key(path: Path | None) -> Secret:
    what = "key that may unbind"
    if path is not None:
        return secret_from_file(path, what, warn=output.warn)
    value = os.environ.get(UNBIND_KEY_VARIABLE, "")
    otherwise = f"Put it into {UNBIND_KEY_VARIABLE}, or name a file with --unbind-key-file."
    return Secret(value) if value else secret_from_prompt(what, otherwise)
