"""Images of whole flashes, kept without what is blank: the VM's collector goes through all it holds."""

_SECTOR = 4096
_BLANK = b"\xff" * _SECTOR


class FlashImage:
    """What a flash holds, sector by sector; a new one is blank."""

    def __init__(self) -> None:
        self._sectors: dict = {}

    def add(self, offset: int, data: bytes) -> None:
        """Take the bytes of a sector."""
        if data != _BLANK[: len(data)]:
            self._sectors[offset] = bytes(data)

    def restore(self, memory: bytearray) -> None:
        """Put it into a flash's bytes, which may be more than the image ever had."""
        for offset in range(0, len(memory), _SECTOR):
            memory[offset : offset + _SECTOR] = self._sectors.get(offset, _BLANK)


def read_image(path: str) -> FlashImage:
    """Return the image in a file."""
    image = FlashImage()
    with open(path, "rb") as file:
        offset = 0
        data = file.read(_SECTOR)
        while data:
            image.add(offset, data)
            offset += len(data)
            data = file.read(_SECTOR)
    return image


def image_of(memory: bytearray) -> FlashImage:
    """Return the image of what a flash's bytes are now."""
    image = FlashImage()
    for offset in range(0, len(memory), _SECTOR):
        image.add(offset, memory[offset : offset + _SECTOR])
    return image
