"""What test labs do with a reader, in one place for every framework's drivers.

The packages `startline_jumpstarter`, `startline_labgrid` and `startline_pytest_embedded` beside
this one put it into the words of their frameworks.
"""

from __future__ import annotations

from startline_host.lab.lab_reader import LabReader
from startline_host.lab.switched_chip import SwitchedChip

__all__ = ["LabReader", "SwitchedChip"]
