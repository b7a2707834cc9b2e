"""What a lifetime that was asked for by name tells of itself: every point, every entry of its journal."""


class PointLog:
    """Writes every point at which power can go into a lifetime's log, with its number."""

    def __init__(self, time, log: list) -> None:
        self.time = time
        self.log = log
        self.count = 0

    def append(self, point: tuple) -> None:
        """Take the next point, as (label, ways)."""
        self.log.append([self.time.now_us // 1000, "point %d" % self.count, point[0]])
        self.count += 1


def log_entries(journal, time, log: list) -> None:
    """Have a journal's entries written into a log, too."""
    append = journal.append

    def append_too(kind: int, payload, reserve: int = 0) -> int:
        log.append([time.now_us // 1000, "entry %d" % kind, bytes(payload).hex()])
        return append(kind, payload, reserve)

    journal.append = append_too
