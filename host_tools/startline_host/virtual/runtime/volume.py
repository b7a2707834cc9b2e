"""The flash under a file system, whose C code is neither to be entered twice nor left half way.

On a chip the file system's C code calls the flash's. Here it calls Python, which takes memory: a
garbage collection at that moment would close forgotten files of the very file system that is at
work. So none is begun here, and what then finds no memory gets by without, see chip_flash.py.
"""

from gc import disable, enable, isenabled

from .partition import Partition


class Volume(Partition):
    """A partition as a file system's C code works on it: nothing is interrupted here.

    The operation that asked for the block has been, see open_file.py. The methods that C code
    calls are so short that the VM runs them on its stack: with a longer one the call itself would
    take memory, before collections are off.
    """

    _readblocks = Partition._read_block
    _writeblocks = Partition._write_block
    _ioctl = Partition._answer

    @classmethod
    def of(cls, device):
        """Return a block device for a file system: a partition as a volume, others as they are."""
        return cls(device.row) if type(device) is Partition else device

    def readblocks(self, block: int, buffer, offset: int = 0) -> None:
        if isenabled():
            disable()
            return self._read_and_enable(block, buffer, offset)
        return self._readblocks(block, buffer, offset)

    def writeblocks(self, block: int, data, offset=None) -> None:
        if isenabled():
            disable()
            return self._write_and_enable(block, data, offset)
        return self._writeblocks(block, data, offset)

    def ioctl(self, request: int, arg: int):
        if isenabled():
            disable()
            return self._ioctl_and_enable(request, arg)
        return self._ioctl(request, arg)

    def _read_and_enable(self, block: int, buffer, offset: int) -> None:
        try:
            self._readblocks(block, buffer, offset)
        finally:
            enable()

    def _write_and_enable(self, block: int, data, offset) -> None:
        try:
            self._writeblocks(block, data, offset)
        finally:
            enable()

    def _ioctl_and_enable(self, request: int, arg: int):
        try:
            return self._ioctl(request, arg)
        finally:
            enable()

    def _notice(self) -> None:
        self._chip.console.stay()
