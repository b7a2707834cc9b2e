"""`esp32`: NVS and partitions, as the port gives them to Python."""

from .. import nvs_errors as _nvs
from .. import table as _table
from ..buffers import byte_view as _byte_view
from ..chip import FlashWindow as _Window
from ..chip import current as _current
from ..console import calm as _calm
from ..nvs_page import BLOB_INDEX as _BLOB
from ..nvs_page import I32 as _I32
from .not_imitated import add_to as _add_to

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True
HEAP_DATA = 4
HEAP_EXEC = 1

_BLOCK = 4096
_HEAP = (
    (HEAP_DATA, 7_288, 0, 0, 0),
    (HEAP_DATA, 16_648, 4, 0, 4),
    (HEAP_DATA, 79_912, 37_712, 34_816, 32_308),
    (HEAP_DATA | HEAP_EXEC, 15_072, 15_036, 14_848, 15_036),
    (HEAP_DATA | HEAP_EXEC, 113_840, 47_376, 43_008, 40_960),
    (HEAP_EXEC, 94_968, 94_376, 90_112, 94_376),
)
"""What a region is good for, and its sizes in bytes: DRAM, memory of both kinds, IRAM."""
_NAMES = {
    _nvs.NOT_FOUND: "ESP_ERR_NVS_NOT_FOUND",
    _nvs.NOT_ENOUGH_SPACE: "ESP_ERR_NVS_NOT_ENOUGH_SPACE",
    _nvs.INVALID_NAME: "ESP_ERR_NVS_INVALID_NAME",
    _nvs.KEY_TOO_LONG: "ESP_ERR_NVS_KEY_TOO_LONG",
    _nvs.INVALID_LENGTH: "ESP_ERR_NVS_INVALID_LENGTH",
    _nvs.VALUE_TOO_LONG: "ESP_ERR_NVS_VALUE_TOO_LONG",
    _nvs.PART_NOT_FOUND: "ESP_ERR_NVS_PART_NOT_FOUND",
    _nvs.NO_FREE_PAGES: "ESP_ERR_NVS_NO_FREE_PAGES",
    _nvs.NEW_VERSION_FOUND: "ESP_ERR_NVS_NEW_VERSION_FOUND",
    0x102: "ESP_ERR_INVALID_ARG",
    0x104: "ESP_ERR_INVALID_SIZE",
}


def _fail(code: int) -> None:
    raise OSError(-code, _NAMES[code])


def raw_temperature() -> int:
    """Return the sensor's raw value, in Fahrenheit as the port gives it."""
    return 128


def idf_heap_info(capabilities: int) -> list:
    """Return regions (size, free, largest block, least free ever) of all these capabilities.

    The numbers are those of a chip with Wi-Fi on.
    """
    return [region[1:] for region in _HEAP if not capabilities & ~region[0]]


class NVS:
    """A namespace of the `nvs` partition: 32-bit integers and blobs only."""

    def __init__(self, namespace: str) -> None:
        self._chip = _current()
        if not 0 < len(namespace.encode()) <= 15:
            _fail(_nvs.INVALID_NAME)
        self._index = self._call("namespace", namespace.encode())

    def __repr__(self) -> str:
        return "<NVS namespace>"

    def set_i32(self, key: str, value: int) -> None:
        """Set an integer of 32 bits. Raises OverflowError, OSError(-4361) for a long key."""
        if not isinstance(value, int):
            raise TypeError("can't convert %s to int" % type(value).__name__)
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        data = (value & 0xFFFFFFFF).to_bytes(4, "little")
        self._call("set", self, self._index, key.encode(), _I32, data)

    def get_i32(self, key: str) -> int:
        """Return an integer. Raises OSError(-4354) when there is none."""
        data = self._call("get", self._index, key.encode(), _I32)
        value = int.from_bytes(data[:4], "little")
        return value - (value >> 31 << 32)

    def set_blob(self, key: str, value) -> None:
        """Set a blob. Raises OSError(-4361) for a key of more than 15 bytes."""
        data = bytes(_byte_view(value))
        self._call("set", self, self._index, key.encode(), _BLOB, data)

    def get_blob(self, key: str, buffer) -> int:
        """Copy a blob to the start of `buffer` and return its length.

        An empty buffer only asks for the length. Raises OSError(-4354) when there is none,
        OSError(-4364) when the buffer is too short. Of a longer key the first 15 bytes count.
        """
        data = self._call("get", self._index, key.encode(), _BLOB)
        view = _byte_view(buffer)
        if len(view):
            if len(view) < len(data):
                _fail(_nvs.INVALID_LENGTH)
            view[: len(data)] = data
        return len(data)

    def erase_key(self, key: str) -> None:
        """Erase a key. Raises OSError(-4354) when there is none."""
        self._call("erase", self, self._index, key.encode())

    def commit(self) -> None:
        """Make this object's changes durable."""
        self._call("commit", self)

    def _call(self, name: str, *args):
        """Call the store, which is C on a chip: a Ctrl-C must not stop it half way."""
        self._chip.console.check()
        try:
            try:
                return getattr(self._chip.nvs(), name)(*args)
            except KeyboardInterrupt:
                pass
            self._chip.nvs().open()
            result = getattr(self._chip.nvs(), name)(*args)
            self._chip.console.interrupt_again()
            return result
        except _nvs.NvsError as error:
            _fail(error.code)


class Partition:
    """A partition as a block device of 4096-byte blocks."""

    BOOT = 0
    RUNNING = 1
    TYPE_APP = _table.TYPE_APP
    TYPE_DATA = _table.TYPE_DATA

    def __init__(self, which, block_size: int = _BLOCK) -> None:
        self._chip = _current()
        self._row = which if isinstance(which, _table.RuntimePartition) else self._search(which)
        self._window = _Window(self._chip.flash, self._row)
        self._block = block_size

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=_BLOCK) -> list:
        """Return the partitions of a type (an app by default), a subtype and a label."""
        rows = _table.find_row(_current().rows, type, subtype, label)
        return [Partition(row, block_size) for row in rows]

    def __repr__(self) -> str:
        return "<Partition type=%d, subtype=%d, address=%d, size=%d, label=%s, encrypted=%d>" % (
            self.info()
        )

    def info(self) -> tuple:
        """Return (type, subtype, address, size, label, encrypted)."""
        row = self._row
        return row.kind, row.subtype, row.offset, row.size, row.label, row.encrypted

    def readblocks(self, block: int, buffer, offset: int = 0) -> None:
        """Fill `buffer` from a block, and an offset in bytes behind its start."""
        start = block * self._block + offset
        try:
            view = _byte_view(buffer)
            self._check(start, len(view))
            _calm(self._chip.console, self._read, start, view)
        except MemoryError:
            self._chip.flash.read_frugally(self._row.offset + start, buffer)

    def writeblocks(self, block: int, data, offset=None) -> None:
        """Program bytes; without an offset the blocks are erased first."""
        start = block * self._block + (offset or 0)
        try:
            view = _byte_view(data)
            self._check(start, len(view))
            _calm(self._chip.console, self._write, start, view, offset is None)
        except MemoryError:
            self._write_frugally(start, data, offset is None)

    def ioctl(self, request: int, arg: int):
        """Answer the block device protocol: 4 block count, 5 block size, 6 erase a block."""
        if request == 4:
            return self._row.size // self._block
        if request == 5:
            return self._block
        if request == 6:
            start = arg * self._block
            try:
                self._check(start, self._block)
                _calm(self._chip.console, self._erase, start, self._block)
            except MemoryError:
                self._chip.flash.erase_frugally(self._row.offset + start)
            return 0
        return 0 if request in (1, 2, 3) else None

    def set_boot(self) -> None:
        """Do nothing: there is one application. Raises OSError(-5379) for another partition."""
        if self._row.kind != _table.TYPE_APP:
            raise OSError(-5379, "ESP_ERR_OTA_VALIDATE_FAILED")

    def get_next_update(self):
        """Raise: there is no second application partition."""
        raise OSError(2)

    @staticmethod
    def mark_app_valid_cancel_rollback() -> None:
        """Do nothing: there is one application."""

    def _search(self, which):
        if which in (self.BOOT, self.RUNNING):
            rows = _table.find_row(self._chip.rows, _table.TYPE_APP)
        else:
            rows = [row for row in self._chip.rows if row.label == which]
        if not rows:
            raise OSError(2)
        return rows[0]

    def _check(self, start: int, length: int) -> None:
        if not 0 <= start <= self._row.size:
            _fail(0x102)
        if start + length > self._row.size:
            _fail(0x104)

    def _read(self, start: int, view) -> None:
        self._chip.flash.readinto(self._row.offset + start, view)

    def _write(self, start: int, data, erase: bool) -> None:
        if erase:
            self._erase(start, len(data))
        self._window.program(start, data)

    def _write_frugally(self, start: int, data, erase: bool) -> None:
        start += self._row.offset
        if erase:
            sector = start
            while sector < start + len(data):
                self._chip.flash.erase_frugally(sector)
                sector += _BLOCK
        self._chip.flash.program_frugally(start, data)

    def _erase(self, start: int, length: int) -> None:
        if start % _BLOCK:
            _fail(0x102)
        if length % _BLOCK:
            _fail(0x104)
        self._window.erase(start, length)


_add_to(
    globals(),
    "esp32",
    (
        "PCNT",
        "RMT",
        "ULP",
        "gpio_deep_sleep_hold",
        "wake_on_ext0",
        "wake_on_ext1",
        "wake_on_gpio",
        "wake_on_touch",
        "wake_on_ulp",
    ),
)
