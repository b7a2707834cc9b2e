"""The power plan of a lifetime: numbers every point at which power can go, and cuts it there.

A point is a flash operation or a moment of the exchange with the cloud. A plan is a list of
[number, way], in the order of numbers; what way means is the business of whoever asks, and of one
beyond the last what is left over counts.
"""

from flash import NorFlash, PowerCut, PowerSource

from .fake_socket import BenchBroken

FLASH_WAYS = ("before", "first", "half", "last", "mess", "after")
"""Nothing of the operation is done; one byte; half; all but a byte; every other bit; all of it."""
ERASE_WAYS = FLASH_WAYS + ("garbage",)  # noqa: RUF005 - MicroPython knows no unpacking here
"""A sector whose erase is cut may hold anything: some chips clear its bits before they set them."""

WRITTEN = ("nvs", "bind", "fctry", "race")
"""The partitions that a device writes to."""


class PowerPlan:
    """Counts points over all lives of a lifetime. `trace` is a list of labels to fill, or None."""

    def __init__(self, plan: list, trace: "list | None" = None) -> None:
        self.plan = [tuple(cut) for cut in plan]
        self.count = 0
        self.done = 0
        self.trace = trace
        self.chip = None
        self.reached = self.weak = None  # see `reached`, `weak_cells`
        self.wear: dict = {}  # (operation, sector): how often
        self.erases: dict = {}  # sector: how often in the current life

    def point(self, label: str, ways: int) -> "int | None":
        """Pass a point at which power may go in so many ways; return the way, or None."""
        number = self.count
        self.count += 1
        if self.trace is not None:
            self.trace.append((label, ways))
        if self.plan and self.plan[0][0] <= number:
            planned, way = self.plan.pop(0)
            if planned == number and ways:
                return way % ways
        return None

    def cut(self) -> None:
        """End the current life here. Raises PowerCut."""
        self.off()
        raise PowerCut

    def off(self) -> None:
        """Take the power away without a word to the program."""
        self.done += 1
        self.chip.power_off()

    def is_off(self) -> bool:
        """Tell whether the current life has lost its power."""
        return self.chip is not None and self.chip.flash.dead

    def wear_of(self, rows: dict) -> dict:
        """Return by partition: programs, erases, and the most erases of one of its sectors."""
        found = {label: [0, 0, 0] for label in rows if label in WRITTEN}
        for (operation, sector), count in self.wear.items():
            for label, sums in found.items():
                row = rows[label]
                if row.offset <= sector << 12 < row.offset + row.size:
                    if operation == "erase":
                        sums[1] += count
                        sums[2] = max(sums[2], count)
                    else:
                        sums[0] += count
        return found

    def moment(self, label: str) -> None:
        """Pass a point that can only be cut at once."""
        if self.point(label, 1) is not None:
            self.cut()


class PlannedPower(PowerSource):
    """Asks the plan before each flash operation, and counts it; `worn` is a region or None."""

    def __init__(self, power_plan: PowerPlan, rng, worn: "tuple | None" = None) -> None:
        self.power_plan = power_plan
        self.rng = rng
        self.worn = worn
        self.programs = False
        self.cut = False
        self.last = False
        self.mess = False
        self.garbage = False

    def allow(self, operation: str, offset: int, length: int) -> int:
        power_plan = self.power_plan
        if power_plan.weak:
            power_plan.weak.before_operation()
        self.programs = operation == "program"
        self._count(operation, offset)
        way = power_plan.point(operation, len(FLASH_WAYS if self.programs else ERASE_WAYS))
        if way is None:
            return length
        power_plan.done += 1
        name = ERASE_WAYS[way]
        self.cut = True
        self.mess = name == "mess"
        self.garbage = name == "garbage"
        self.last = name in ("mess", "after", "garbage")
        if self.garbage:
            power_plan.reached.note("garbage")
        if self.last:
            return length
        return {"before": 0, "first": min(1, length - 1), "half": length // 2}.get(
            name, length - 1
        )

    def _count(self, operation: str, offset: int) -> None:
        wear = self.power_plan.wear
        place = operation, offset >> 12
        wear[place] = wear.get(place, 0) + 1
        if not self.programs:
            erases = self.power_plan.erases
            erases[offset] = erases.get(offset, 0) + 1
            self.power_plan.reached.erase(offset)


class LifeFlash(NorFlash):
    """The flash of one life over `memory`, bytes that the lives of a unit share."""

    def __init__(self, memory: bytearray, power: PowerSource) -> None:
        self.dead = False
        self._power = power
        self._cut = PowerCut("the power was cut")
        self._file = None
        self._memory = memory
        self._view = memoryview(memory)
        self.size = len(memory)

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes: what is done most, and so without a copy on the way."""
        self._check(offset, length)
        return bytes(self._view[offset : offset + length])

    def _write(self, offset: int, data: bytes) -> None:
        power = self._power
        if isinstance(power, PlannedPower):
            try:
                data = self._spoilt(power, offset, data)
            except Exception as error:  # the program under test must not get to handle it
                raise BenchBroken(repr(error))
        super()._write(offset, data)

    def _spoilt(self, power: PlannedPower, offset: int, data: bytes) -> bytes:
        """Return what a write comes to by its cut and by the wear of its place, and note it."""
        if power.mess:
            data = self._mixed(offset, data)
        elif power.garbage:
            data = power.rng.bytes(len(data))
        worn = power.worn
        if worn and power.programs and worn[0] <= offset < worn[1]:
            data = self._mixed(offset, data)
        power_plan = power.power_plan
        if power.programs:
            power_plan.reached.program(offset, data)
        if power.cut and power_plan.weak:
            old = bytes(self._memory[offset : offset + len(data)])
            power_plan.weak.weaken(offset, old, data, power.rng)
        return data

    def _mixed(self, offset: int, data: bytes) -> bytes:
        """Return what stands there if every other bit, by chance, stays as it was."""
        old = self._memory[offset : offset + len(data)]
        masks = self._power.rng.bytes(len(data))
        mixed = zip(old, data, masks)  # noqa: B905 - MicroPython knows no `strict`
        return bytes([o ^ ((o ^ n) & c) for o, n, c in mixed])

    def _end(self, allowed: int, length: int) -> None:
        super()._end(allowed, length)
        if getattr(self._power, "last", False):
            self.dead = True
            raise self._cut
