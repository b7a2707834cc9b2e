"""`startline cloud`: a mock of both clouds in the foreground, its keys, and its faults."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Any

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.cli.written_files import WRITTEN
from startline_host.clouds.cloud_registry import DEFAULT_CLOUD, find_cloud
from startline_host.errors import BadInput
from startline_host.local_web.stop_signal import stop_on_signals, until_stopped
from startline_host.mock_cloud import MockCloud, MockOptions
from startline_host.mock_cloud.command_options import (
    ANSWER_OPTIONS,
    LIMIT_OPTIONS,
    SECRET_OPTIONS,
)
from startline_host.mock_cloud.fault_client import DEFAULT_PAGE, running_faults, switch_faults
from startline_host.mock_cloud.fault_switches import ALL_FAULTS
from startline_host.mock_cloud.foreground import (
    allow_many_files,
    is_loopback,
    listed_keys,
    own_names,
    running,
)
from startline_host.mock_cloud.keys import ACCESS
from startline_host.mock_cloud.site import FIRST_COMPANY
from startline_host.mock_cloud.store import CloudStore
from startline_host.secrets import Secret
from startline_host.util import printable

_PORT = click.IntRange(0, 65535)
_DEFAULTS = MockOptions()


def _choice(names: tuple[str, ...]) -> click.Choice[str]:
    return click.Choice(list(names))


_OPTIONS = [
    click.option("--host", default="localhost", show_default=True,
                 help="Address to listen on; beyond loopback the page wants a password."),
    click.option("--port", type=_PORT, default=8443, show_default=True,
                 help="Port for readers, behind the fault proxy; 0 takes a free one."),
    click.option("--http-port", type=_PORT, default=8480, show_default=True,
                 help="Port for browsers, plain HTTP past the proxy; 0 takes a free one."),
    click.option("--tls/--no-tls", default=True, show_default=True,
                 help="Serve readers over HTTPS with a CA of our own, or over plain HTTP."),
    click.option("--name", "names", multiple=True, metavar="HOST",
                 help="A further host name to answer to; may be repeated."),
    click.option("--ca-file", type=WRITTEN, help="Where to write the CA's certificate (PEM)."),
    click.option("--db", type=options.FILE, help="Keep state, keys and CA in this file."),
    *(click.option(f"--{one.name.replace('_', '-')}", type=_choice(one.choices),
                   default=getattr(_DEFAULTS, one.name), show_default=True, help=one.says)
      for one in ANSWER_OPTIONS),
    click.option("--type-required", is_flag=True, help="Refuse to bind without a type."),
    click.option("--strict/--lenient", default=True, show_default=True,
                 help="Take sessions and passings as the newest description has them, unknown "
                      "fields refused, or as the older page does."),
    click.option("--partial-insertion", is_flag=True,
                 help="Insert the good passings of a list, instead of refusing all for a bad one."),
    *(click.option(f"--{one.name.replace('_', '-')}", type=click.IntRange(one.least, one.most),
                   default=getattr(_DEFAULTS, one.name), show_default=True, metavar=one.unit,
                   help=one.says)
      for one in LIMIT_OPTIONS),
    click.option("--faults", default="", metavar="LIST",
                 help="Faults to begin with, such as `status:503x2,delay:200`."),
    click.option("--cloud", "name", type=options.CloudChoice(), default=DEFAULT_CLOUD,
                 help="Whose mock to run, and whose base URL to print."),
    options.json_option,
]  # fmt: skip


_SECRETS = f"""
What calls must carry that is secret comes from the environment: {", ".join(SECRET_OPTIONS.values())}.
"""


@click.group("cloud", invoke_without_command=True)
@options.several(_OPTIONS)
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    host: str,
    port: int,
    http_port: int,
    tls: bool,
    names: tuple[str, ...],
    ca_file: Path | None,
    db: Path | None,
    type_required: bool,
    faults: str,
    name: str,
    as_json: bool,
    **answers: Any,
) -> None:
    """Run a mock of the clouds until Ctrl-C, with a page to watch it."""
    if context.invoked_subcommand is not None:
        return
    played = find_cloud(name).played
    cloud: MockCloud = played.make_mock(
        MockOptions(
            **answers,
            **_secret_options(),
            type_required=type_required,
            faults=[one for one in faults.split(",") if one],
            proxied=True,
            tls=tls,
            host=host,
            port=port,
            http_port=http_port,
            names=[*names, *([] if is_loopback(host) else own_names(host))],
            db=db,
            password=None if is_loopback(host) else _password(host),
        )
    )
    if not as_json:
        cloud.on_tls_objection = lambda words: output.note(f"TLS: {words}.")
    allow_many_files()
    stop = stop_on_signals()
    with running(cloud, ca_file) as told:
        own = played.base_url(cloud)
        if as_json:
            output.event("cloud", "listening", **told.as_dict() | {"base_url": own})
        else:
            # The default mock names its clouds itself.
            more = [] if name == DEFAULT_CLOUD else [f"{name} base URL  {own}"]
            click.echo("\n".join([*more, *told.as_lines()]))
        output.note("Ctrl-C stops it.")
        began = time.monotonic()
        until_stopped(stop)
    if as_json:
        output.result(results.Served(seconds=round(time.monotonic() - began, 1)))


# The list of verbs goes by the docstring, which can say nothing that is only known when it runs.
command.help = f"{command.help}\n{_SECRETS}"


def _secret_options() -> dict[str, Any]:
    return {option: os.environ.get(variable) for option, variable in SECRET_OPTIONS.items()}


def _password(host: str) -> Secret:
    """Warn, and take the page's password from the environment or make one up and print it."""
    click.echo(
        f"Warning: {host} can be reached from other computers, and the first company's WRITE key "
        "is public knowledge. Use it in networks that you trust.",
        err=True,
    )
    given = os.environ.get("STARTLINE_CLOUD_PASSWORD")
    password = given or secrets.token_urlsafe(9)
    if not given:
        click.echo(f"The page's password is {password} (any user name).", err=True)
    return Secret(password)


@command.command("faults")
@options.json_option
def faults_command(*, as_json: bool) -> None:
    """List every fault by name."""
    rows = []
    for name, (says, value, is_bytes) in ALL_FAULTS.items():
        number = f"{value.unit}, {value.least} to {value.most}, {value.default}" if value else ""
        rows.append({"name": name, "says": says, "number": number, "bytes": is_bytes})
    if as_json:
        output.result(results.FaultList(faults=rows))
        return
    click.echo("Written as NAME[:NUMBER][xTIMES][@METHOD][@/PATH].\n")
    for row in rows:
        click.echo(
            f"{row['name']:<20} {row['says']}" + (f" [{row['number']}]" * bool(row["number"]))
        )


_FAULT_OPTIONS = [
    click.option("--page", default=DEFAULT_PAGE, envvar="STARTLINE_CLOUD_PAGE", show_default=True,
                 metavar="URL", help="Page of the running cloud, as it prints it."),
    options.json_option,
]  # fmt: skip


@command.group("fault")
def fault_command() -> None:
    """Switch faults of a `startline cloud` that is running, from a script or another terminal.

    A page beyond loopback asks for its password, from STARTLINE_CLOUD_PASSWORD.
    """


@fault_command.command("on")
@click.argument("faults", nargs=-1, required=True, metavar="FAULT...")
@options.several(_FAULT_OPTIONS)
def on_command(faults: tuple[str, ...], page: str, *, as_json: bool) -> None:
    """Switch faults on, such as `status:503x2`; prints all that are on then."""
    for one in faults:
        active = switch_faults(page, _page_password(), {"on": one})
    _show_active(active, as_json=as_json)


@fault_command.command("off")
@click.argument("faults", nargs=-1, metavar="[FAULT]...")
@options.several(_FAULT_OPTIONS)
def off_command(faults: tuple[str, ...], page: str, *, as_json: bool) -> None:
    """Switch faults off by name, or all; prints those that are still on."""
    if not faults:
        active = switch_faults(page, _page_password(), {"clear": True})
    for one in faults:
        active = switch_faults(page, _page_password(), {"off": one.partition(":")[0]})
    _show_active(active, as_json=as_json)


@fault_command.command("list")
@options.several(_FAULT_OPTIONS)
def list_command(page: str, *, as_json: bool) -> None:
    """Print the faults that are on."""
    _show_active(running_faults(page, _page_password()), as_json=as_json)


def _page_password() -> Secret | None:
    given = os.environ.get("STARTLINE_CLOUD_PASSWORD")
    return Secret(given) if given else None


def _show_active(faults: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        output.result(results.FaultList(faults=faults))
        return
    for one in faults:
        click.echo(f"{printable(one['order']):<20} {printable(one['says'])}")
    if not faults:
        output.note("No faults are on.")


_db_option = click.option("--db", type=options.FILE, help="The cloud's database.")


def _opened(context: click.Context, db: Path | None) -> CloudStore:
    """Open the database named here or before the sub-command; it is closed with the command."""
    db = db or context.obj
    if not isinstance(db, Path):
        raise click.UsageError("Missing option '--db'.", context)
    store = CloudStore(db)
    context.call_on_close(store.close)
    return store


@command.group("keys", invoke_without_command=True)
@_db_option
@options.json_option
@click.pass_context
def keys_command(context: click.Context, db: Path | None, *, as_json: bool) -> None:
    """List the keys of a cloud that keeps its state in a file; or add and remove some."""
    if context.invoked_subcommand is None:
        _show_keys(_opened(context, db), as_json=as_json)
    elif db is not None:
        context.obj = db


@keys_command.command("add")
@click.argument("access", type=_choice(tuple(ACCESS)))
@click.option("--company", default=FIRST_COMPANY, show_default=True, help="Whose key it is.")
@click.option("--alias", default="", help="What it is for.")
@_db_option
@options.json_option
@click.pass_context
def add_command(
    context: click.Context,
    access: str,
    company: str,
    alias: str,
    db: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make a key of an access type; a company may have 10."""
    store = _opened(context, db)
    store.add_key(store.company(company), access, alias)
    _show_keys(store, as_json=as_json)


@keys_command.command("remove")
@click.argument("number", type=int)
@_db_option
@options.json_option
@click.pass_context
def remove_command(context: click.Context, number: int, db: Path | None, *, as_json: bool) -> None:
    """Remove the key with that number in the list."""
    store = _opened(context, db)
    found = [one for one in listed_keys(store) if one.number == number]
    if not found:
        raise BadInput(f"There is no key number {number}.", "`startline cloud keys` lists them.")
    store.remove_key(found[0].key)
    _show_keys(store, as_json=as_json)


def _show_keys(store: CloudStore, *, as_json: bool) -> None:
    keys = listed_keys(store)
    if as_json:
        rows = [
            {"number": one.number, "company": one.company, "access": one.access, "key": one.key,
             "alias": one.alias}
            for one in keys
        ]  # fmt: skip
        output.result(results.Keys(keys=rows))
        return
    for one in keys:
        click.echo(f"{one.number:>3}  {one.key}  {one.access:<17}  {one.company}  {one.alias}")
