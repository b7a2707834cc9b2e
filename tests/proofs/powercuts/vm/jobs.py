"""Jobs: which cuts are tried on which unit; each returns sums and the histories that went wrong."""

from .lifetime import History
from .rng import Chance

_SHOWN = 5


class Sums:
    """What a job's histories came to; `failures` are examples, at most a few of each column."""

    def __init__(self) -> None:
        self.histories = self.boots = self.requests = self.asked = self.cuts = 0
        self.unknown = 0
        self.settled: dict = {}
        self.wear: dict = {}
        self.columns: dict = {}
        self.states: dict = {}
        self.reasons: dict = {}
        self.failures: list = []

    def add(self, spec: dict, plan: list, result: dict) -> None:
        """Count one history."""
        self.histories += 1
        for name in ("boots", "requests", "asked", "cuts"):
            setattr(self, name, getattr(self, name) + result[name])
        if result["alone"]["state"] == "unknown":
            self.unknown += 1
        if result["settled"]:
            _count(self.settled, result["settled"])
        failing = ", failing" if "wear" in spec or "fill" in spec else ""
        for label, counts in result["wear"].items():
            first = {"histories": 0, "sum": [0, 0, 0], "most": [0, 0, 0]}
            sums = self.wear.setdefault(label + failing, first)
            sums["histories"] += 1
            for at, count in enumerate(counts):
                sums["sum"][at] += count
                sums["most"][at] = max(sums["most"][at], count)
        _count(self.states, result["state"])
        _count(self.reasons, result["state"] + " " + result["reason"])
        for column in set([column for column, _ in result["bad"]]):
            _count(self.columns, column)
            if self.columns[column] <= _SHOWN:
                self.failures.append({"spec": spec, "plan": plan, "bad": result["bad"]})

    def as_dict(self) -> dict:
        """Return it for JSON."""
        return dict(self.__dict__)


def _count(table: dict, name: str) -> None:
    table[name] = table.get(name, 0) + 1


class Bench:
    """Everything that jobs need: the stage, the clouds' modules, the units' blank flashes."""

    def __init__(self, stage, apis: dict, images: dict, memory: bytearray) -> None:
        self.stage = stage
        self.apis = apis
        self.images = images
        self.memory = memory

    def history(self, spec: dict) -> History:
        """Return a new history."""
        image = self.images[spec["unit"]]
        return History(self.stage, self.apis[spec["cloud"]], spec, image, self.memory)

    def run(self, job: dict) -> dict:
        """Run one job by its kind."""
        if job["kind"] == "trace":
            trace: list = []
            self.history(job["spec"]).run([], trace)
            return {"points": [label for label, _ in trace]}
        if job["kind"] == "leak":
            from . import leak

            return leak.run(self, job["spec"], job["count"])
        sums = Sums()
        getattr(self, "_" + job["kind"])(job, sums)
        return sums.as_dict()

    def _one(self, job: dict, sums: Sums) -> None:
        """Run one plan; say also how the unit rested by itself."""
        result = self.history(job["spec"]).run(job["plan"])
        sums.alone = result["alone"]
        sums.add(job["spec"], job["plan"], result)

    def _singles(self, job: dict, sums: Sums) -> None:
        """Run a spec without a cut, then with a cut in every way at every point of that history.

        Where a spec has `first`, only so many points count: it tries the same again and again.
        With `ways` 2 every point is cut in every other of its ways. `every` thins all of it.
        """
        spec = job["spec"]
        trace: list = []
        sums.add(spec, [], self.history(spec).run([], trace))
        for number, (_, ways) in enumerate(trace[: spec.get("first", len(trace))]):
            for way in range(ways):
                if (number + way) % job.get("every", 1):
                    continue
                if ways > 1 and (number + way) % spec.get("ways", 1):
                    continue
                plan = [[number, way]]
                sums.add(spec, plan, self.history(spec).run(plan))

    def _doubles(self, job: dict, sums: Sums) -> None:
        """Run histories with two cuts, picked at random among the specs' points."""
        chance = Chance(job["seed"])
        traces: dict = {}
        while sums.histories < job["count"]:
            spec = dict(chance.pick(job["specs"]))
            spec["seed"] = chance.number() >> 4
            name = str(spec["name"])
            if name not in traces:
                traces[name] = []
                self.history(spec).run([], traces[name])
            points = traces[name][: spec.get("first", len(traces[name]))]
            first = chance.below(len(points))
            way = chance.below(points[first][1])
            second = first + 1 + chance.below(len(points) - first + len(points) // 2)
            plan = [[first, way], [second, chance.below(6)]]
            result = self.history(spec).run(plan)
            if result["cuts"] == 2:
                sums.add(spec, plan, result)
