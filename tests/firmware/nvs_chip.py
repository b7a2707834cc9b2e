"""A chip whose `nvs` is the real format, written by the virtual ESP32's own NVS library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from startline.binding import Binding
from startline.device import Device
from startline.record import read_nvs, traces
from startline.record.rules import Record, load_record

from startline_host.formats.factory_partition import make_entries
from startline_host.formats.units import Unit
from startline_host.virtual.runtime.nvs import NvsStore
from startline_host.virtual.runtime.nvs_errors import NvsError
from startline_host.virtual.runtime.nvs_page import BLOB_INDEX
from startline_host.virtual.runtime.nvs_pending import PendingNvs
from tests.firmware.fake_chip import FakeChip, RamFlash
from tests.firmware.harness import BLANK, MADE_AT, factory_image, settings_for
from tests.firmware.test_copies import Cut

SETTINGS = settings_for("https://localhost:1/v0", b"0" * 300)
UNIT = Unit(serial="DEVICE-123", model="Model X1", made_at=MADE_AT)
SPACE = "startline"


class CutSupply:
    """Counts the operations of all of a chip's flash; after `left` of them half of one is done."""

    left = 1 << 30


class CutPartition(RamFlash):
    """A partition whose power can go."""

    def __init__(self, data: bytes, supply: CutSupply) -> None:
        super().__init__(bytearray(data))
        self.supply = supply

    def program(self, offset: int, data: bytes) -> None:
        """Clear bits; of the operation that the power goes in, those of the first half."""
        old = self.read(offset, len(data))
        self._pass(offset, bytes(a & b for a, b in zip(old, data, strict=True)))

    def erase(self, offset: int) -> None:
        """Set the bits of a sector."""
        self.erased.append(offset)
        self._pass(offset, BLANK * 4096)

    def _pass(self, offset: int, data: bytes) -> None:
        self.supply.left -= 1
        if self.supply.left < 0:
            self.put(offset, data[: len(data) // 2] if self.supply.left == -1 else b"")
            raise Cut
        self.put(offset, data)


class Library:
    """A partition as NVS's library takes it."""

    def __init__(self, part: RamFlash) -> None:
        self.size = part.size
        self.program = part.program
        self._part = part

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes."""
        return bytes(self._part.read(offset, length))

    def erase(self, offset: int, length: int) -> None:
        """Set the bits of sectors."""
        for sector in range(offset, offset + length, 4096):
            self._part.erase(sector)


def opened(part: RamFlash) -> NvsStore:
    """Open a partition as the port does at its start: if that fails, all of it is erased."""
    store = NvsStore(Library(part), part.size)
    try:
        store.open()
    except NvsError:
        store.erase_all()
        store.open()
    return store


class Namespace:
    """`esp32.NVS` over the library."""

    def __init__(self, pending: PendingNvs, name: str) -> None:
        self._pending = pending
        self._index = self._call(pending.namespace, name.encode())

    def set_blob(self, key: str, data: bytes) -> None:
        """Set a blob. Raises OSError."""
        self._call(self._pending.set, self, self._index, key.encode(), BLOB_INDEX, data)

    def erase_key(self, key: str) -> None:
        """Erase a key. Raises OSError."""
        self._call(self._pending.erase, self, self._index, key.encode())

    def commit(self) -> None:
        """Make it durable."""
        self._call(self._pending.commit, self)

    @staticmethod
    def _call(what: Any, *args: Any) -> Any:
        try:
            return what(*args)
        except NvsError as error:
            raise OSError(-error.code, "") from None


class NvsChip(FakeChip):
    """A provisioned chip, with the agent's partition table or the stock one."""

    def __init__(self, *, stock: bool = False) -> None:
        self.supply = CutSupply()
        parts = {"nvs": CutPartition(BLANK * 0x6000, self.supply)}
        if not stock:
            parts["bind"] = CutPartition(BLANK * 0x2000, self.supply)
            parts["fctry"] = CutPartition(factory_image(SETTINGS), self.supply)
        super().__init__(parts, {"cause": "reset"})
        self.restart()
        if stock:
            for entry in make_entries(UNIT, SETTINGS):
                value = entry.plain()
                raw = value if isinstance(value, bytes) else str(value).encode()
                self.put(entry.namespace, entry.key, raw)

    def restart(self) -> None:
        """Start anew, with power: as the port does, NVS is opened first, or erased."""
        self.supply.left = 1 << 30
        self.out.clear()
        for part in self.parts.values():
            part.erased.clear()
        self._pending = PendingNvs(opened(self.parts["nvs"]))

    def nvs(self, namespace: str) -> Any:
        """Return a namespace."""
        return Namespace(self._pending, namespace)

    def put(self, namespace: str, key: str, data: bytes) -> None:
        """Set a blob, as an application does."""
        nvs = self.nvs(namespace)
        nvs.set_blob(key, data)
        nvs.commit()

    def blob(self) -> bytes:
        """Return the record's blob, as the agent reads it."""
        flash = self.parts["nvs"]
        return read_nvs(flash) or traces.remains(flash)

    def flip(self, label: str, bit: int) -> None:
        """Turn one bit of a partition over."""
        self.parts[label].data[bit >> 3] ^= 1 << (bit & 7)

    def snapshot(self) -> dict[str, bytes]:
        """Return all of the flash."""
        return {label: bytes(part.data) for label, part in self.parts.items()}

    def put_back(self, parts: dict[str, bytes]) -> None:
        """Have the flash as it was, and start."""
        for label, data in parts.items():
            self.parts[label].data[:] = data
        self.restart()


def binding(chip: FakeChip) -> Binding:
    """Begin a boot and return what would go on with it, before it has read the record."""
    device = Device(chip)
    device.identify()
    return Binding(device)


def loaded(chip: FakeChip) -> Binding:
    """Boot as far as the record goes, and return how it stands then."""
    one = binding(chip)
    load_record(one)
    return one


def saved(chip: FakeChip, *states: str, **fields: Any) -> Record:
    """Have the agent write a record after the other; return the last. `bound` ones have a token."""
    one = loaded(chip)
    one.new_record().attempt = b"\xde\xad\xbe\xef"
    for name, value in fields.items():
        setattr(one.record, name, value)
    for state in states:
        one.save(state, "", 0, "A" * 64 if state == "bound" else "")
    assert one.record is not None
    return one.record


def cuts(chip: NvsChip, act: Callable[[], object]) -> Iterator[int]:
    """Do something again and again, with the power cut at each of its operations in turn."""
    whole = chip.snapshot()
    number = 0
    while True:
        chip.put_back(whole)
        chip.supply.left = number
        try:
            act()
        except Cut:
            chip.restart()
            yield number
            number += 1
        else:
            return
