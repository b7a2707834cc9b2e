"""The rest of taking a key off a stock `nvs`, where NVS's own driver works on the same bytes."""

from . import crc32, unpack_from

if False:  # for mypy; a device has none of these
    from agent_types import AnyChip, WritableFlash


def zero_erased(chip: "AnyChip", flash: "WritableFlash") -> None:
    """Zero whatever the driver counts as erased, then have it forget the key. Raises OSError.

    A key that was set twice has left its older self behind, and a page whose erase was cut may
    still hold a copy of what was moved out of it: the driver erases that one before its next use.
    """
    for page in range(0, flash.size, 4096):
        head = flash.read(page, 64)
        unused = (
            crc32(head[4:28], -1) != unpack_from("<I", head, 28)[0]
            or head[0] not in b"\xfe\xfc\xf8"
        )
        for index in range(126):
            offset = page + 64 + 32 * index
            erased = unused or not head[32 + (index >> 2)] >> (index & 3) * 2 & 3
            if erased and flash.read(offset, 32) not in (bytes(32), b"\xff" * 32):
                flash.program(offset, bytes(32))
    nvs = chip.nvs("claim")
    for key in ("key", "auth"):
        try:
            nvs.erase_key(key)
        except OSError as error:
            if error.errno != -4354:  # there is none
                raise
    nvs.commit()
