"""Decides a load: from a request and what was found on the device, without touching either.

Everything that a load may do is decided here, and nowhere else: the prompt and the boot loader only
read what a plan still needs, and carry out what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from startline_host.errors import BadInput, StartlineError, WouldTouchBound
from startline_host.flows import owner_files
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.expected_identity import ExpectedIdentity, identity_after
from startline_host.flows.field_settings import Name, field_settings, overridden
from startline_host.flows.file_update import FileChanges, file_changes
from startline_host.flows.firmware_bundle import FirmwareBundle, Provision
from startline_host.flows.found_device import Files, FoundDevice, Via
from startline_host.flows.load_policy import may_load
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.notices import Remark
from startline_host.flows.roles import listens_to_a_browser, roles_in_use, roles_to_bind
from startline_host.flows.stock_identity import STOCK_TABLE, StockEntries, stock_entries
from startline_host.formats.bytecode import ROLES, role_of
from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.flash_plan import FlashRegion
from startline_host.formats.partitions import PartitionTable
from startline_host.formats.stored_settings import StoredSettings, read_stored_settings
from startline_host.secrets import Secret

#: What has to be known before a load can be decided: the partitions that hold a device's identity
#: and record (`kept`), who it shall be, which of the agent's roles it has, its file system or its
#: files, the bytes of those that would be lost, a person's answer, whether its agent takes orders;
#: or all that a boot loader tells, where the prompt does not do.
Need = Literal[
    "kept",
    "identity",
    "roles",
    "file system",
    "files",
    "contents",
    "answer",
    "agent",
    "boot loader",
]

#: Partitions that hold what a bound device must not lose.
_PRECIOUS = ("nvs", "bind", "fctry")
#: Said of a device that is told who it is before it has what makes use of it.
NO_AGENT = Remark(
    "The device has no agent yet: it keeps what it was told, and binds once it has one "
    "(startline flash)."
)


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a load does to a device, or why it does nothing.

    With `needs`, it is not decided yet; with `refusal`, nothing is written. Otherwise, in this order:
    `before` is said, `saves` (files of the owner's) and `backs_up` (offset and size of a file system)
    are saved, `regions` are written to flash, `files` are changed, and the identity is written:
    `fctry` is that partition's image, `stock` are entries of `nvs`. `files_later`: a file system in
    use is brought up to date at the prompt, by a plan of its own, once the flash is written.
    `takes_back` are settings of its venue that it then forgets, `settings` those that it is given.
    `owned` are files of the reader's owner that would be replaced.
    """

    via: Via
    needs: Need | None = None
    refusal: StartlineError | None = None
    keeps_identity: bool = False
    identity: ExpectedIdentity = ExpectedIdentity(serial="")
    before: tuple[Remark, ...] = ()
    owned: tuple[str, ...] = ()
    saves: Files = msgspec.field(default_factory=dict)
    backs_up: tuple[int, int] | None = None
    regions: tuple[FlashRegion, ...] = ()
    files: FileChanges | None = None
    files_later: bool = False
    fctry: bytes | None = None
    stock: StockEntries | None = None
    takes_back: tuple[Name, ...] = ()
    settings: Mapping[Name, str | int | Secret] = msgspec.field(default_factory=dict)
    after: tuple[Remark, ...] = ()

    # fctry and nvs hold keys, the settings a password.
    def __repr__(self) -> str:
        return f"LoadPlan({self.via!r}, needs {self.needs!r}, refusal {self.refusal!r})"

    @property
    def question(self) -> str:
        """What a person is asked where `needs` is "answer"."""
        return owner_files.question(self.owned)


def plan_load(request: LoadRequest, found: FoundDevice) -> LoadPlan:
    """Return what is to be done to the device that was found, so that it is as requested.

    Nothing is read, written or asked: what is missing for the decision is named in `needs`.
    """
    try:
        return _decided(request, found)
    except StartlineError as refusal:
        return LoadPlan(via=found.via, refusal=refusal)


def _decided(request: LoadRequest, found: FoundDevice) -> LoadPlan:
    if found.via == "prompt" and not _fits(request, found):
        return LoadPlan(via="prompt", needs="boot loader")
    request.check_chip(found.chip or request.board.chip, found.mac, found.flash_size)
    if found.kept is None:
        return LoadPlan(via=found.via, needs="kept")
    if request.choose is not None:
        return LoadPlan(via=found.via, needs="identity")
    return _with_identity(request, found, found.kept)


def _with_identity(request: LoadRequest, found: FoundDevice, kept: DeviceSnapshot) -> LoadPlan:
    """Decide whether the device's identity stays, and go on to what else is written."""
    request = request.for_device(kept)
    new = _image(request.provision, kept, request.today)
    stays = may_load(kept, serial=request.serial, fctry=new, allow_bound=request.allow_bound)
    identity, image = (None, None) if stays else (request.provision, new)
    plan = LoadPlan(
        via=found.via,
        keeps_identity=stays,
        identity=identity_after(kept, request.provision, stays=stays),
        before=overridden(kept, image),
    )
    bundle = request.bundle
    if bundle is not None:
        told = kept.stored() if image is None else read_stored_settings(partition_reader(image))
        roles = _roles(request, found, kept, told)
        bundle = bundle.with_roles(roles, listens=listens_to_a_browser(told))
    if found.via == "prompt":
        if found.has("fctry"):
            plan = msgspec.structs.replace(plan, fctry=image)
        elif identity is not None:
            stock = stock_entries(identity, kept.nvs, request.today)
            plan = msgspec.structs.replace(plan, stock=stock, before=(*plan.before, STOCK_TABLE))
        if bundle is None:
            return _with_agent_there(plan, found, image)
        return _with_files(plan, request, bundle, found)
    if bundle is None:
        return msgspec.structs.replace(plan, regions=_identity_alone(found.table, image))
    return _with_flash(plan, request, bundle, found, image)


def _roles(
    request: LoadRequest, found: FoundDevice, kept: DeviceSnapshot, told: StoredSettings
) -> frozenset[str]:
    """Return the roles that the device gets: those that its settings use, and those that it has."""
    there = (*(found.files.library if found.files else ()), *(found.owned or ()))
    used = frozenset(ROLES) if request.every_role else roles_in_use(told, field_settings(kept.nvs))
    return used | frozenset(map(role_of, there))


# At the prompt


def _fits(request: LoadRequest, found: FoundDevice) -> bool:
    """Tell whether what runs is what the request wants to run, so that files are all that is left."""
    if found.release is None or found.broken_files:
        return False
    if request.bundle is None:
        # Without `fctry` a firmware with a stock table is told everything in its `nvs`.
        return found.has("fctry") or found.has("nvs")
    return found.release == request.bundle.release and _rows(found.table) == _rows(
        request.bundle.table
    )


def _with_agent_there(plan: LoadPlan, found: FoundDevice, image: bytes | None) -> LoadPlan:
    """Have an identity written beside the agent that a device has, if it can bind by that."""
    if not found.has_agent:
        return msgspec.structs.replace(plan, after=(NO_AGENT,))
    told = None if image is None else read_stored_settings(partition_reader(image))
    used = roles_to_bind(told) if told is not None else frozenset[str]()
    if used and found.lacks is None:
        return LoadPlan(via="prompt", needs="roles")
    if lacking := used.intersection(found.lacks or ()):
        raise BadInput(
            f"The device has no {', '.join(sorted(lacking))}, which these settings use. Nothing "
            "was written.",
            "To load it with these settings: startline up.",
        )
    return plan


def _rows(table: PartitionTable | None) -> set[tuple[str, int, int, int, int]]:
    """Return a table's rows as a running firmware sees them: without their flags."""
    return {(row.name, row.kind, row.subtype, row.offset, row.size) for row in table or ()}


def _with_files(
    plan: LoadPlan, request: LoadRequest, bundle: FirmwareBundle, found: FoundDevice
) -> LoadPlan:
    """Have a running device's files brought up to date one by one."""
    if request.recreate_files:
        return LoadPlan(via="prompt", needs="boot loader")
    if found.files is None:
        return LoadPlan(via="prompt", needs="files")
    changes = file_changes({**bundle.files, **bundle.own}, found.files)
    owned = owner_files.replaced_at_prompt(found.files.starters, changes)
    if owned and request.agreed is None:
        return LoadPlan(via="prompt", needs="answer", owned=tuple(owned))
    if owned and not request.agreed:
        raise owner_files.refusal(owned)
    return msgspec.structs.replace(plan, files=changes, saves=owned, owned=tuple(owned))


# In the boot loader


def _identity_alone(table: PartitionTable | None, image: bytes | None) -> tuple[FlashRegion, ...]:
    row = table.find("fctry") if table else None
    if row is None:
        raise BadInput(
            "The device has no partition 'fctry' to write an identity to.",
            "Load it first: startline flash.",
        )
    return () if image is None else (FlashRegion("fctry", row.offset, image),)


def _with_flash(
    plan: LoadPlan,
    request: LoadRequest,
    bundle: FirmwareBundle,
    found: FoundDevice,
    image: bytes | None,
) -> LoadPlan:
    """Have firmware and table written, and a file system that is not in use as an image."""
    assert found.kept is not None  # noqa: S101 - nothing is decided without it
    _check_journal(found.table, bundle.table)
    if found.kept.summary().must_stay:
        _check_places(found.table, bundle.table)
    if found.file_system is None:
        return LoadPlan(via="boot loader", needs="file system")
    recreate = request.recreate_files or found.broken_files
    whole = found.file_system != "in use" or recreate
    backs_up = found.old_files if whole and request.backup is not None else None
    # Who names a backup, or has the files recreated, has said what becomes of them.
    if backs_up is None and not request.recreate_files:
        plan = _spare_the_owner(plan, request, found, whole=whole)
        if plan.needs is not None:
            return plan
    if not whole:
        # The new agent stands before the new identity does, so that no old one acts on it.
        regions = tuple(bundle.plan(vfs=False, fctry=None))
        return msgspec.structs.replace(plan, regions=regions, files_later=True)
    before = plan.before
    if not request.recreate_files:
        before += _fate(found, spared=backs_up is not None or bool(found.owned))
    regions = tuple(bundle.plan(vfs=True, fctry=image))
    return msgspec.structs.replace(plan, before=before, regions=regions, backs_up=backs_up)


def _spare_the_owner(
    plan: LoadPlan, request: LoadRequest, found: FoundDevice, *, whole: bool
) -> LoadPlan:
    """Ask about files of the reader's owner that would go, and save those that may.

    What is only written over is saved at the prompt, before that. Raises BadInput for those that
    may not.
    """
    if found.owned is None:
        return LoadPlan(via="boot loader", needs="files")
    names = tuple(owner_files.replaced_in_flash(found.owned, whole=whole))
    if not names:
        return plan
    if request.agreed is None:
        return LoadPlan(via="boot loader", needs="answer", owned=names)
    if not request.agreed:
        raise owner_files.refusal(names)
    if not whole:
        return msgspec.structs.replace(plan, owned=names)
    if found.contents is None:
        return LoadPlan(via="boot loader", needs="contents", owned=names)
    saves = {name: found.contents.get(name) for name in names}
    return msgspec.structs.replace(plan, saves=saves, owned=names)


def _fate(found: FoundDevice, *, spared: bool) -> tuple[Remark, ...]:
    """Say what becomes of a file system that does not stay; nothing of a blank one."""
    if found.file_system == "blank":
        return ()
    why = "is damaged" if found.file_system == "in use" else "does not fit or is damaged"
    lost = "" if spared else " What is on it is lost; --backup FILE would keep it."
    words = f"The file system on the device {why}: it is written anew.{lost}"
    return (Remark(words, warning=True),)


def _check_places(there: PartitionTable | None, planned: PartitionTable) -> None:
    if there is None:
        return
    for name in _PRECIOUS:
        if there.find(name) != planned.find(name):
            raise WouldTouchBound(
                f"The device is bound, and its partition {name!r} is not where the agent's table "
                "would have it.",
                "Update its agent's files only, over the prompt.",
            )


def _check_journal(there: PartitionTable | None, planned: PartitionTable) -> None:
    """Raise WouldTouchBound for a journal of passings that the new table would cut or move."""
    row = there.find("race") if there else None
    if row is not None and row != planned.find("race"):
        raise WouldTouchBound(
            "The device keeps a journal of passings in its partition 'race', which the new table "
            "would have elsewhere, or in another size.",
            "Load it with the board profile that it was made with, or update its agent's files only.",
        )


def _image(identity: Provision | None, kept: DeviceSnapshot, today: int) -> bytes | None:
    """Return the `fctry` to write: a unit that is loaded again keeps its time of making."""
    if identity is None:
        return None
    return identity.image(_made_at(kept.fctry, identity) or today)


def _made_at(fctry: bytes | None, provision: Provision) -> int | None:
    """Return the time of making that the device has, if it is this very unit already.

    Loading a unit again then gives the same bytes, and nothing is written.
    """
    if fctry is None:
        return None
    stored = read_stored_settings(partition_reader(fctry))
    unit = provision.unit
    if [stored.get("factory", name) for name in ("serial", "model")] != [unit.serial, unit.model]:
        return None
    factory: Mapping[str, object] = stored.values["factory"]
    made_at = factory.get("made_at")
    return made_at if isinstance(made_at, int) else None
