"""`startline line`: many boards on many ports, with one ledger."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click
from click.core import ParameterSource

from startline_host.boards import Board
from startline_host.cli import options, output
from startline_host.cli.ledger import ledger_option, warn_of_old
from startline_host.cli.line_view import line_view, raise_for, show_end, show_preview
from startline_host.clouds.cloud_registry import kind_of
from startline_host.errors import BadInput
from startline_host.factory.batch import UnitBatch, is_pattern, load_batch, pattern_batch
from startline_host.factory.company_proof import CompanyProof, check_key
from startline_host.factory.entries import StationSlot
from startline_host.factory.job import LinePlan
from startline_host.factory.ledger import Ledger
from startline_host.factory.line import FactoryLine
from startline_host.factory.line_preview import LineRehearsal
from startline_host.factory.power import PowerSwitch
from startline_host.factory.rehearsal import rehearsal_ledger
from startline_host.factory.slots import PortScanner, Slot, find_slots, parse_slots
from startline_host.factory.verify import VerifyResult, compare_with_cloud, record_verdict
from startline_host.flows.firmware_bundle import FirmwareBundle, make_bundle
from startline_host.flows.notices import Notice, Remark, ignore_notices
from startline_host.flows.preflight import check_before_writing, check_offline
from startline_host.flows.settings_file import load_settings
from startline_host.formats.factory_partition import DeviceSettings
from startline_host.secrets import Secret
from startline_host.util import counted, make_writable

More = Callable[[], Sequence[Slot]]
_VIRTUAL = {"pattern": "VR-{n:06d}", "board": "VIRTUAL_ESP32", "model": "Model X1"}


class _LineArguments(msgspec.Struct, frozen=True, kw_only=True):
    """All that was typed; `slots` are virtual ones."""

    units: str | None
    count: int | None
    start: int
    name: str
    model: str | None
    encoding: str
    as_written: bool
    ports: tuple[str, ...]
    watch: bool
    where: str
    station: str
    settings_file: Path
    board: str
    baud: int | None
    firmware_version: str | None
    firmware_file: Path | None
    app_folder: Path | None
    overwrite: bool
    read_key_file: Path | None
    no_verify: bool
    defer_bind: bool
    labels: Path | None
    tries: int
    power_command: str | None
    slots: int
    folder: Path
    faults: float
    seed: int | None
    keep_boards: bool
    dry_run: bool
    as_json: bool


@click.command("line")
@click.argument("units", required=False)
@click.option("--count", type=click.IntRange(1), help="How many units a pattern makes.")
@click.option("--start", type=click.IntRange(0), default=1, show_default=True,
              help="The first number of a pattern.")  # fmt: skip
@click.option("--batch", "name", default="", help="The batch's name; the file's by default.")
@click.option("--model", help="Model of all units, where nothing else says it.")
@click.option("--encoding", default="", help="Of the list, if not UTF-8: windows-1252 …")
@options.as_written_option
@click.option("-p", "--port", "ports", multiple=True, metavar="[NAME=]PORT",
              help="A slot: a port, or a USB socket as usb:1-1.4. Can be repeated.")  # fmt: skip
@click.option(
    "--watch",
    is_flag=True,
    help="Work on each board that is plugged in, until the batch is complete.",
)
@ledger_option
@click.option("--station", default=socket.gethostname, help="This station's name.")
@options.settings_option
@options.board_option
@options.flash_baud_option
@options.firmware_version_option
@options.firmware_file_option
@options.app_option
@click.option("--overwrite", is_flag=True,
              help="Replace a main.py or other files that a board comes with; they are saved.")  # fmt: skip
@options.read_key_option
@click.option("--no-verify", is_flag=True, help="Pass units without asking the cloud.")
@click.option("--defer-bind", is_flag=True, help="Load only: units bind where they are used.")
@click.option("--labels", type=options.FILE, help="Folder for a label of each unit that passes.")
@click.option("--tries", type=click.IntRange(1, 9), default=2, show_default=True,
              help="Attempts before a board counts as failed.")  # fmt: skip
@click.option("--power-command", metavar="COMMAND",
              help="Run between two attempts: uhubctl -l {hub} -p {hub_port} -a cycle")  # fmt: skip
@click.option("--virtual", type=click.IntRange(1, 64), metavar="SLOTS",
              help="Use virtual readers and a mock cloud; no hardware is needed.")  # fmt: skip
@click.option("--folder", type=options.FILE, default="startline-virtual", show_default=True,
              help="Where the virtual readers, cloud and ledger live.")  # fmt: skip
@click.option("--faults", type=click.FloatRange(0, 100), default=0, metavar="PERCENT",
              help="Virtual readers that meet with a fault.")  # fmt: skip
@click.option("--seed", type=int, help="Makes the faults repeatable.")
@click.option("--keep-boards", is_flag=True, help="Keep the flash of virtual readers that passed.")
@options.dry_run_option
@options.json_option
@click.pass_context
def command(
    context: click.Context,
    /,
    units: str | None,
    count: int | None,
    start: int,
    name: str,
    model: str | None,
    encoding: str,
    as_written: bool,  # noqa: FBT001
    ports: tuple[str, ...],
    watch: bool,  # noqa: FBT001
    where: str,
    station: str,
    settings_file: Path,
    board: str,
    baud: int | None,
    firmware_version: str | None,
    firmware_file: Path | None,
    app_folder: Path | None,
    overwrite: bool,  # noqa: FBT001
    read_key_file: Path | None,
    no_verify: bool,  # noqa: FBT001
    defer_bind: bool,  # noqa: FBT001
    labels: Path | None,
    tries: int,
    power_command: str | None,
    virtual: int | None,
    folder: Path,
    faults: float,
    seed: int | None,
    keep_boards: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Make a batch of UNITS: a list of them, or a pattern such as RR-{n:06d} with --count.

    A list is a CSV or an .xlsx whose first row names the columns: serial, and where they are wanted
    model, type, alias, hw_rev, mac, made_at, name, and any of your own that begin with x_.

    Every slot works at once; each board is identified, given its serial number, loaded, bound,
    verified with the cloud and passed, or it fails with a reason. Ctrl-C finishes the boards in
    hand; a line that was killed continues where it was.
    """
    given = _LineArguments(
        units=units, count=count, start=start, name=name, model=model, encoding=encoding,
        as_written=as_written, ports=ports, watch=watch, where=where, station=station, settings_file=settings_file,
        board=board, baud=baud, firmware_version=firmware_version, firmware_file=firmware_file,
        app_folder=app_folder, overwrite=overwrite,
        read_key_file=read_key_file, no_verify=no_verify, defer_bind=defer_bind, labels=labels,
        tries=tries, power_command=power_command, slots=virtual or 0, folder=folder,
        faults=faults, seed=seed, keep_boards=keep_boards, dry_run=dry_run, as_json=as_json,
    )  # fmt: skip
    if virtual and (ports or watch):
        raise click.UsageError("Virtual readers bring their own slots: no --port, no --watch.")
    if faults and not virtual:
        raise click.UsageError("Only virtual readers meet with faults: --virtual.")
    if virtual and dry_run:
        raise click.UsageError("Virtual readers are made by the run: no --dry-run with --virtual.")
    if not virtual:
        _run_real(given)
    elif context.get_parameter_source("where") != ParameterSource.COMMANDLINE:
        # Virtual units have no business in the ledger of the real ones, wherever that is set.
        _run_virtual(msgspec.structs.replace(given, where=str(folder / "ledger.db")))
    else:
        _run_virtual(given)


def _run_real(given: _LineArguments) -> None:
    if not given.units:
        raise click.UsageError("Name a CSV or .xlsx of units, or a pattern with --count.")
    told = load_settings(given.settings_file, warn=output.warn)
    key = None if given.no_verify else options.read_key(given.read_key_file)
    wanted = kind_of(told.settings.claim.cloud).check_wants_key and not given.no_verify
    if key is None and wanted and not given.defer_bind:
        raise BadInput(
            "Units are verified with a READ key, and there is none.",
            f"Put it into {options.READ_KEY_VARIABLE}, or pass units unverified: --no-verify.",
        )
    if not given.dry_run:
        make_writable(given.labels)
    power = PowerSwitch(given.power_command) if given.power_command else None
    watch = given.watch and not given.dry_run
    slots: Sequence[Slot] = parse_slots(given.ports, watch=watch, power=power)
    sockets = PortScanner(options.usb_ids(), watch=watch, power=power)
    if not given.ports and given.dry_run:
        slots = sockets.new()
    elif not given.ports and not watch:
        slots = find_slots(sockets)
    batch = _batch(given, given.units, told.unit_defaults)
    board = options.chosen_board(given.board, given.firmware_version, given.firmware_file)
    plan = _plan(given, batch, board, _kit(given, board), told.settings, key)
    if given.dry_run:
        _preview(given, batch, plan, slots)
        return
    more: More | None = None
    if watch:
        more = _no_more if given.ports else sockets.new
        output.note("Plug in readers. It ends with the batch's last unit, or with Ctrl-C.")
    _run(given, batch, plan, slots, more)


def _no_more() -> Sequence[Slot]:
    return ()


def _run_virtual(given: _LineArguments) -> None:
    # Late: a line of real boards needs no mock cloud.
    from startline_host.factory.fault_injection import FaultInjector
    from startline_host.factory.virtual_plant import VirtualPlant

    make_writable(given.labels)
    board = options.chosen_board(_VIRTUAL["board"], given.firmware_version, given.firmware_file)
    count = given.count or given.slots
    given = msgspec.structs.replace(given, name=given.name or "virtual", count=count)
    units, defaults = given.units or _VIRTUAL["pattern"], {"model": _VIRTUAL["model"]}
    batch = None if is_pattern(units) else _batch(given, units, defaults)
    count = len(batch.units) if batch else count
    with contextlib.ExitStack() as stack:
        plant = stack.enter_context(VirtualPlant(given.folder, count, keep=given.keep_boards))
        injector = None
        if given.faults:
            injector = FaultInjector(given.faults / 100, plant.cloud, given.seed)
        batch = batch or _batch(given, units, defaults)
        key = None if given.no_verify else plant.read_key
        plan = _plan(given, batch, board, _kit(given, board), plant.settings, key)
        try:
            slots = plant.slots(given.slots, injector)
            _run(given, batch, plan, slots, check=plant.check_left)
        finally:
            if injector is not None:
                _tell_faults(injector.done, as_json=given.as_json)


def _tell_faults(done: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        output.event("line", "faults", **done)
    else:
        click.echo("Faults: " + ", ".join(f"{count} {kind}" for kind, count in done.items()))


def _batch(given: _LineArguments, units: str, defaults: dict[str, Any]) -> UnitBatch:
    if given.model:
        defaults = {**defaults, "model": given.model}
    if not is_pattern(units):
        return load_batch(
            Path(units), name=given.name, defaults=defaults, encoding=given.encoding,
            as_written=given.as_written, warn=output.warn,
        )  # fmt: skip
    if not given.count:
        raise click.UsageError(f"How many units does {units} make? Give --count.")
    return pattern_batch(units, given.count, start=given.start, name=given.name, defaults=defaults)


def _kit(given: _LineArguments, board: Board) -> FirmwareBundle:
    store = options.firmware_store()
    return make_bundle(board, store.obtain(board, given.firmware_file), given.app_folder)


def _plan(
    given: _LineArguments,
    batch: UnitBatch,
    board: Board,
    bundle: FirmwareBundle,
    settings: DeviceSettings,
    key: Secret | None,
) -> LinePlan:
    return LinePlan(
        batch=batch.name, board=board, bundle=bundle, settings=settings, read_key=key,
        verify=not given.no_verify, defer=given.defer_bind, labels=given.labels,
        tries=given.tries, flash_baud=given.baud, overwrite=given.overwrite,
    )  # fmt: skip


def _run(
    given: _LineArguments,
    batch: UnitBatch,
    plan: LinePlan,
    slots: Sequence[Slot],
    more: More | None = None,
    check: Callable[[int], None] | None = None,
) -> None:
    verdict = None
    with Ledger.open(given.where, hide=_hidden(plan)) as ledger:
        company = _begin(given, batch, plan, ledger)
        view = line_view(slots, as_json=given.as_json)
        line = FactoryLine(ledger, plan, slots, given.station, view, more=more, company=company)
        counts = ledger.counts(batch.name)
        if check is not None:
            check(counts["free"])
        line.totals.see(counts)
        try:
            with view:
                line.run()
            verdict = _verdict(ledger, plan, given.station) if given.slots else None
        except KeyboardInterrupt:
            output.note("The same command goes on where each unit is.")
            raise
        finally:
            show_end(line.totals, ledger, batch.name, verdict, as_json=given.as_json)
    raise_for(line.totals, verdict, given.where)


def _preview(
    given: _LineArguments, batch: UnitBatch, plan: LinePlan, slots: Sequence[Slot]
) -> None:
    """Show what a run would do: all that it checks and decides, on a copy of the ledger."""
    with rehearsal_ledger(given.where, hide=_hidden(plan)) as ledger:
        company = _begin(given, batch, plan, ledger)
        with output.view(as_json=given.as_json) as view:
            rehearsal = LineRehearsal(ledger, plan, given.station, view, company)
            seen = rehearsal.run(slots, may_be_empty=given.watch)
    show_preview(seen, plan, as_json=given.as_json)


def _hidden(plan: LinePlan) -> list[Secret]:
    return [*plan.settings.claim.secrets, *([plan.read_key] if plan.read_key is not None else [])]


def _begin(
    given: _LineArguments, batch: UnitBatch, plan: LinePlan, ledger: Ledger
) -> CompanyProof:
    """Check settings and key, then take the batch into the ledger."""
    if plan.read_key is not None:
        output.note("Checking the READ key ...")
    check_offline(plan.settings)
    may_read = check_before_writing(plan.settings, _warn_of)
    station = given.station if given.slots else ""
    company = check_key(ledger, plan, ignore_notices, station=station, claim_may_read=may_read)
    added = ledger.add_batch(batch)
    warn_of_old(ledger.entries(batch.name))
    output.note(f"Batch {batch.name}: {counted(added.new, 'new unit')}, {added.known} known.")
    return company


def _warn_of(notice: Notice) -> None:
    if isinstance(notice, Remark) and notice.warning:
        output.warn(notice.text)


def _verdict(ledger: Ledger, plan: LinePlan, station: str) -> VerifyResult | None:
    """Hold the list of a cloud that is about to go away against the ledger."""
    settings = plan.settings
    list_devices = kind_of(settings.claim.cloud).list_devices
    if plan.read_key is None or list_devices is None:
        return None
    listed = list_devices(settings.claim.base_url, settings.tls.ca, plan.read_key, whole=True)
    # Each station has a virtual cloud of its own, which knows the units of no other.
    every = ledger.entries()
    own = [unit for unit in every if unit.station == station]
    verdict = compare_with_cloud(own, listed, every)
    record_verdict(ledger, verdict, StationSlot(station))
    return verdict
