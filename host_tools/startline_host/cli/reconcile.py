"""`startline reconcile`: settle a device whose outcome is unknown, by what the cloud lists."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.device.port_session import PortSession
from startline_host.flows.next_steps import next_of_state
from startline_host.flows.operator.adopt import adopt
from startline_host.flows.operator.reconcile import SAME_COMPANY, reconcile
from startline_host.flows.operator.reconcile_result import ReconcileResult
from startline_host.secrets import Secret, secret_from_prompt
from startline_host.util import printable

_OTHERWISE = f"Put it into {options.READ_KEY_VARIABLE}, or name a file with --read-key-file."


@click.command("reconcile")
@options.port_option
@options.several(options.place_options)
@options.read_key_option
@click.option(
    "--known-serial",
    "known",
    multiple=True,
    metavar="SERIAL",
    help="Serial number of another unit of this company: a READ key whose list has it is accepted.",
)
@click.option(
    "--ledger",
    "where",
    envvar="STARTLINE_LEDGER",
    metavar="FILE|URL",
    help="Accept a READ key whose list has the bound units of this device's batch in this ledger.",
)
@click.option(
    "--same-company", is_flag=True, help="The READ key is this company's; skip the check."
)
@click.option(
    "--adopt",
    "--token",
    "deviceid",
    metavar="ID",
    help="Bind the device to this cloud entry, by its deviceid or id, without proof.",
)
@options.confirm_option
@options.hard_option
@options.json_option
def command(
    port: str | None,
    settings_file: Path | None,
    base_url: str | None,
    ca_file: Path | None,
    read_key_file: Path | None,
    known: tuple[str, ...],
    where: str | None,
    same_company: bool,  # noqa: FBT001
    deviceid: str | None,
    confirm: str | None,
    hard: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Settle a device that is `unknown` by what the cloud's list says.

    The device is stopped for it. Nothing is changed at the cloud. An entry made by the device's
    own request is its own; without any entry it becomes unbound after two looks. Where it ends with
    31 or 32, the device has not changed. A cloud without a list wants no key, and the id from you.
    """
    cloud_target = options.chosen_cloud(settings_file, base_url, ca_file)
    key = options.read_key(read_key_file)
    _tokens(where, "")  # a ledger that cannot be read is named before a device is stopped
    with (
        output.view(as_json=as_json) as view,
        PortSession(options.chosen_port(port), hard=hard) as line,
    ):
        if deviceid is not None:
            done = adopt(
                line,
                cloud_target,
                key,
                deviceid,
                options.asker(confirm),
                ask_key=_ask_key,
                listen=view,
            )
        else:
            vouched = options.asker(SAME_COMPANY if same_company else None)
            done = reconcile(
                line, cloud_target, key, vouched, known_serials=known,
                tokens_of=partial(_tokens, where), ask_key=_ask_key, listen=view,
            )  # fmt: skip
    _show(done, as_json=as_json)


def _ask_key() -> Secret:
    """Ask the person at the terminal for a READ key."""
    return secret_from_prompt("READ key", _OTHERWISE)


def _tokens(where: str | None, serial: str) -> tuple[str, ...]:
    """Return the tokens of the units that were made in one batch with this one."""
    if where is None:
        return ()
    from startline_host.factory.ledger import Ledger  # late: the database is an extra

    with Ledger.open(where, create=False) as ledger:
        own = ledger.look_up(serial)
        units = ledger.entries(own.batch) if own else []
    return tuple(one.token for one in units if one.token and own and one.number != own.number)


def _show(done: ReconcileResult, *, as_json: bool) -> None:
    if as_json:
        output.result(results.Reconciled(**done.as_dict()))
        return
    click.echo(f"{printable(done.serial)} is {done.state}.")
    if done.token:
        click.echo(f"deviceid {printable(done.token)}")
    if done.state != "bound":
        output.note(next_of_state(done.state, done.reason))
