"""`startline set`: Wi-Fi and other settings of a device that is at its venue."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.cli.plan_view import show_preview
from startline_host.device.port_session import PortSession
from startline_host.errors import BadInput
from startline_host.flows.operator.change_plan import FACTORY, check_changes
from startline_host.flows.operator.change_settings import ChangeResult, change, preview_change
from startline_host.flows.operator.requested_changes import requested_changes
from startline_host.flows.operator.try_network import NetworkTrial, try_network
from startline_host.formats.wifi import ssid_warnings
from startline_host.secrets import Secret, secret_from_file, secret_from_prompt

PASSWORD_VARIABLE = "STARTLINE_WIFI_PASSWORD"  # noqa: S105 - where it is, not what it is
_WHAT = "Wi-Fi password"


@click.command("set")
@click.argument("names", nargs=-1, type=click.Choice(sorted(FACTORY)), metavar="[NAME]...")
@options.port_option
@click.option(
    "--factory",
    is_flag=True,
    help="Restore the factory's setting of each NAME, or all without one. "
    f"Names: {', '.join(sorted(FACTORY))}.",
)
@click.option("--ssid", help="Name of the Wi-Fi; its password is asked for.")
@click.option(
    "--password",
    is_flag=True,
    help=f"Another password for the same Wi-Fi, from ${PASSWORD_VARIABLE} or a prompt.",
)
@click.option("--password-file", type=options.FILE, help="File with the password.")
@click.option("--open", "is_open", is_flag=True, help="The Wi-Fi has no password.")
@click.option("--link", type=click.Choice(["wifi", "usb"]), help="How the cloud is reached.")
@click.option("--ntp", multiple=True, metavar="HOST", help="Time server; can be repeated.")
@click.option("--boot-limit", type=int, help="Seconds for a first boot.")
@click.option("--look-pause", type=int, help="Seconds between two looks.")
@click.option("--dead-time", type=int, help="Milliseconds of repeats that are one passing.")
@click.option("--batch", type=int, help="Most passings in a request.")
@click.option("--mark/--no-mark", default=None, help="Whether a request carries its attempt id.")
@click.option(
    "--try",
    "only_try",
    is_flag=True,
    help="Write nothing: join, resolve, connect, check the certificate, and say how far it got.",
)
@options.several(options.place_options)
@options.hard_option
@options.dry_run_option
@options.json_option
def command(
    names: tuple[str, ...],
    port: str | None,
    factory: bool,  # noqa: FBT001
    ssid: str | None,
    password: bool,  # noqa: FBT001
    password_file: Path | None,
    is_open: bool,  # noqa: FBT001
    link: str | None,
    ntp: tuple[str, ...],
    boot_limit: int | None,
    look_pause: int | None,
    dead_time: int | None,
    batch: int | None,
    mark: bool | None,  # noqa: FBT001
    only_try: bool,  # noqa: FBT001
    settings_file: Path | None,
    base_url: str | None,
    ca_file: Path | None,
    hard: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write settings that override the factory's; the device then restarts with them.

    The device is stopped for it. The result says whether it is bound after the restart; `set` ends
    with 0 either way. With --factory, the factory's settings apply again. With --try, the device
    tries them and keeps those that it has; neither its record nor the cloud is touched. The cloud
    has to be named only for a device that reaches it over this cable.
    """
    if names and not factory:
        raise BadInput(
            f"{', '.join(names)} is named, but not what to do with it.",
            f"To take it back to the factory's: startline set --factory {' '.join(names)}",
        )
    changes = requested_changes(
        link=link,
        ssid=ssid,
        password=_password(ssid, password_file, wanted=password, is_open=is_open),
        ntp=ntp,
        boot_limit=boot_limit,
        look_pause=look_pause,
        dead_time=dead_time,
        batch=batch,
        mark=mark,
    )
    if changes or not (factory or only_try):
        check_changes(changes)
    for words in ssid_warnings(ssid or ""):
        output.warn(words)
    if only_try:
        if factory or dry_run:
            other = "--factory" if factory else "--dry-run"
            raise click.UsageError(f"Give either --try or {other}.")
        target = options.chosen_cloud(settings_file, base_url, ca_file) if link == "usb" else None
        with (
            output.view(as_json=as_json) as view,
            PortSession(options.chosen_port(port), hard=hard) as line,
        ):
            tried = try_network(line, changes, target.base_url if target else "", view)
        _show_trial(tried, ssid, as_json=as_json)
        return
    with (
        output.view(as_json=as_json) as view,
        PortSession(options.chosen_port(port), hard=hard) as line,
    ):
        restored = names if factory else None
        if dry_run:
            seen = preview_change(line, changes, factory=restored, listen=view)
        else:
            done = change(line, changes, factory=restored, listen=view)
    if dry_run:
        show_preview(seen, as_json=as_json)
        return
    _show(done, as_json=as_json)


def _password(
    ssid: str | None, path: Path | None, *, wanted: bool, is_open: bool
) -> Secret | None:
    """Return the password to write: empty for an open Wi-Fi, None to leave the one there is."""
    if is_open:
        if path is not None or wanted:
            raise BadInput("An open Wi-Fi has no password: leave out one or the other.")
        return Secret("")
    if path is not None:
        return secret_from_file(path, _WHAT, warn=output.warn)
    if not wanted and ssid is None:
        return None
    if value := os.environ.get(PASSWORD_VARIABLE, ""):
        return Secret(value)
    if not sys.stdin.isatty():
        raise BadInput(
            f"The {_WHAT} is needed, and there is nobody to ask for it.",
            f"Set {PASSWORD_VARIABLE}, name a --password-file, or say --open.",
        )
    return secret_from_prompt(_WHAT)


def _show_trial(tried: NetworkTrial, ssid: str | None, *, as_json: bool) -> None:
    if as_json:
        output.result(
            results.Changed(
                written=[], taken_back=[], state="", reason="", serial=tried.serial,
                address=tried.address, verified=tried.verified,
            )
        )  # fmt: skip
        return
    click.echo(tried.sentence(ssid))
    output.note("Nothing was written. To keep these settings, run it again without --try.")


def _show(done: ChangeResult, *, as_json: bool) -> None:
    if as_json:
        output.result(results.Changed(**done.as_dict()))
        return
    for sentence in done.sentences():
        click.echo(sentence)
