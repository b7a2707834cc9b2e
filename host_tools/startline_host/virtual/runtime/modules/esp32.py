"""`esp32`: NVS and partitions, as the port gives them to Python."""

from .. import nvs_errors as _nvs
from ..buffers import byte_view as _byte_view
from ..buffers import c_int as _c_int
from ..buffers import c_text as _c_text
from ..buffers import writable_view as _writable_view
from ..chip import current as _current
from ..esp_errors import fail as _fail
from ..nvs_page import BLOB_INDEX as _BLOB
from ..nvs_page import I32 as _I32
from ..partition import Partition as _Partition
from .not_imitated import add_to as _add_to

Partition = _Partition
WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True
HEAP_DATA = 4
HEAP_EXEC = 1

_HEAP = (
    (HEAP_DATA, 7_288, 0, 0, 0),
    (HEAP_DATA, 16_648, 4, 0, 4),
    (HEAP_DATA, 79_912, 37_712, 34_816, 32_308),
    (HEAP_DATA | HEAP_EXEC, 15_072, 15_036, 14_848, 15_036),
    (HEAP_DATA | HEAP_EXEC, 113_840, 47_376, 43_008, 40_960),
    (HEAP_EXEC, 94_968, 94_376, 90_112, 94_376),
)
"""What a region is good for, and its sizes in bytes: DRAM, memory of both kinds, IRAM."""


def raw_temperature() -> int:
    """Return the sensor's raw value, in Fahrenheit as the port gives it."""
    return 128


def idf_heap_info(capabilities: int) -> list:
    """Return regions (size, free, largest block, least free ever) of all these capabilities.

    The numbers are those of a chip with Wi-Fi on.
    """
    return [region[1:] for region in _HEAP if not _c_int(capabilities) & ~region[0]]


class NVS:
    """A namespace of the `nvs` partition: 32-bit integers and blobs only."""

    def __init__(self, namespace: str) -> None:
        self._chip = _current()
        name = _c_text(namespace)
        if not 0 < len(name) <= 15:
            _fail(_nvs.INVALID_NAME)
        self._index = self._call("namespace", name)

    def __repr__(self) -> str:
        return "<NVS namespace>"

    def set_i32(self, key: str, value: int) -> None:
        """Set an integer of 32 bits. Raises OverflowError, OSError(-4361) for a long key."""
        data = (_c_int(value) & 0xFFFFFFFF).to_bytes(4, "little")
        self._call("set", self, self._index, _c_text(key), _I32, data)

    def get_i32(self, key: str) -> int:
        """Return an integer. Raises OSError(-4354) when there is none."""
        data = self._call("get", self._index, _c_text(key), _I32)
        value = int.from_bytes(data[:4], "little")
        return value - (value >> 31 << 32)

    def set_blob(self, key: str, value) -> None:
        """Set a blob. Raises OSError(-4361) for a key of more than 15 bytes."""
        data = bytes(_byte_view(value))
        self._call("set", self, self._index, _c_text(key), _BLOB, data)

    def get_blob(self, key: str, buffer) -> int:
        """Copy a blob to the start of `buffer` and return its length.

        An empty buffer only asks for the length. Raises OSError(-4354) when there is none,
        OSError(-4364) when the buffer is too short. Of a longer key the first 15 bytes count.
        """
        key, view = _c_text(key), _writable_view(buffer)
        data = self._call("get", self._index, key, _BLOB)
        if len(view):
            if len(view) < len(data):
                _fail(_nvs.INVALID_LENGTH)
            view[: len(data)] = data
        return len(data)

    def erase_key(self, key: str) -> None:
        """Erase a key. Raises OSError(-4354) when there is none."""
        self._call("erase", self, self._index, _c_text(key))

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
