"""labgrid's resource and drivers for timing readers: `imports: [startline_labgrid]` registers them."""

from __future__ import annotations

from startline_labgrid.reader_driver import ReaderDriver
from startline_labgrid.virtual_reader import VirtualReaderDriver, VirtualReaderPort

__all__ = ["ReaderDriver", "VirtualReaderDriver", "VirtualReaderPort"]
