"""What the journal has called unsure, also in sectors that were reused since.

A ring keeps what is confirmed only as long as there is room, and so what it says of that: whoever
audits a reader has to come by before it has gone round. The judge comes by before each erase.
"""

from vm.reached import Reached

from .journal_view import unsure_numbers

_SECTOR = 4096


class KeptHistory(Reached):
    """Notes what was reached, and what each sector named that is about to be erased."""

    def __init__(self, judge) -> None:
        super().__init__(judge.rows)
        self.judge = judge

    def erase(self, offset: int) -> None:
        """Take the erase of a sector that begins."""
        super().erase(offset)
        row = self.judge.rows["race"]
        if row.offset <= offset < row.offset + row.size:
            if self.judge.waits():
                self.judge.note_reached("reused_while_waiting")
            self.judge.unsure.update(unsure_numbers(self.judge.memory, offset, _SECTOR))
