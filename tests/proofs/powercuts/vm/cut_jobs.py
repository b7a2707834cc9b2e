"""Jobs: which cuts are tried on which unit; each returns sums and the lifetimes that went wrong."""

from .aging import age
from .flash_image import image_of
from .lifetime import Lifetime
from .rng import Rng

_SHOWN = 5
_DRAWS = 10
"""So many first cuts are tried for each pair: there may be no point after the second."""
_SECONDS = 3
"""So many second cuts are tried with each of the first."""
_ANY_WAY = 210
"""A multiple of the numbers of ways that there are: what is left over each is as likely."""
_PLAIN = (
    "cloud",
    "plain",
    "access",
    "unit",
    "table",
    "run",
    "keys",
    "key",
    "app_key",
    "serial",
    "look_pause",
)
"""What the past of a unit has in common with what comes after it."""


class Sums:
    """What a job's lifetimes came to; `failures` are examples, at most a few of each column."""

    def __init__(self) -> None:
        self.lifetimes = self.boots = self.requests = self.asked = self.cuts = 0
        self.unknown = 0
        self.settled: dict = {}
        self.wear: dict = {}
        self.columns: dict = {}
        self.worlds: dict = {}
        self.states: dict = {}
        self.reasons: dict = {}
        self.failures: list = []

    def add(self, spec: dict, plan: list, result: dict) -> None:
        """Count one lifetime."""
        self.lifetimes += 1
        for name in ("boots", "requests", "asked", "cuts"):
            setattr(self, name, getattr(self, name) + result[name])
        if result["alone"]["state"] == "unknown":
            self.unknown += 1
        if result["settled"]:
            _count(self.settled, result["settled"])
        failing = ", failing" if "wear" in spec or "fill" in spec else ""
        for label, counts in result["wear"].items():
            first = {"lifetimes": 0, "sum": [0, 0, 0], "most": [0, 0, 0]}
            sums = self.wear.setdefault(label + failing, first)
            sums["lifetimes"] += 1
            for at, count in enumerate(counts):
                sums["sum"][at] += count
                sums["most"][at] = max(sums["most"][at], count)
        _count(self.states, result["state"])
        _count(self.reasons, result["state"] + " " + result["reason"])
        world = self.worlds.setdefault(str(spec["name"]), {"lifetimes": 0, "reached": {}})
        world["lifetimes"] += 1
        for mark in result["reached"]:
            _count(world["reached"], mark)
        shown = False
        for column in set([column for column, _ in result["bad"]]):
            _count(self.columns, column)
            shown = shown or self.columns[column] <= _SHOWN
        if shown:
            self.failures.append({"spec": dict(spec), "plan": plan, "bad": result["bad"]})

    def as_dict(self) -> dict:
        """Return it for JSON."""
        return dict(self.__dict__)


def _count(table: dict, name: str) -> None:
    table[name] = table.get(name, 0) + 1


def _numbers(spec: dict, trace: list) -> list:
    """Return the numbers of the points at which a spec's lifetimes are cut first."""
    begin = 0
    if "since" in spec:
        labels = [label for label, _ in trace]
        begin = labels.index(spec["since"]) if spec["since"] in labels else 0
    return [number for number in range(begin, len(trace))[: spec.get("first")] if trace[number][1]]


class CutJobs:
    """Everything that jobs need: the stand-ins, and images of the units' blank flashes.

    `memory` is a bytearray to work in, as large as a unit's flash.
    """

    def __init__(self, stand_ins, images: dict, memory: bytearray) -> None:
        self.stand_ins = stand_ins
        self.images = images
        self.memory = memory
        self._past = "", None  # the last unit with a past, which takes a while to make

    def lifetime(self, spec: dict) -> Lifetime:
        """Return a new lifetime, of a unit that has its past behind it where the spec gives it one."""
        if "aged" not in spec and "crowded" not in spec:
            return self._lifetime(spec, self.images[spec["unit"]])
        names = ("unit", "keys", "cloud", "aged", "crowded")
        key = str([spec.get(name) for name in names])
        if key != self._past[0]:
            plain = {name: spec[name] for name in spec if name in _PLAIN}
            # One attempt a boot where a record has no place of its own, and many where it has.
            plain["script"] = ["429:3600" if spec["table"] == "stock" else "429:9"] * 400
            age(self._lifetime(plain, self.images[spec["unit"]]), spec)
            self._past = key, image_of(self.memory)
        return self._lifetime(spec, self._past[1])

    def _lifetime(self, spec: dict, image) -> Lifetime:
        if "plain" in spec:
            from .plain_cloud import PlainModel

            api = PlainModel(spec["plain"])
        else:  # the module of the cloud's name in this folder
            api = __import__("vm." + spec["cloud"], None, None, ("BASE",))
        return Lifetime(self.stand_ins, api, spec, image, self.memory)

    def run(self, job: dict) -> dict:
        """Run one job by its kind."""
        if job["kind"] == "trace":
            trace: list = []
            self.lifetime(job["spec"]).run([], trace)
            return {"points": [label for label, _ in trace]}
        if job["kind"] == "leak":
            from . import leak

            return leak.run(self, job["spec"], job["count"])
        sums = Sums()
        getattr(self, "_" + job["kind"])(job, sums)
        return sums.as_dict()

    def _one(self, job: dict, sums: Sums) -> None:
        """Run one plan; say also how the unit rested by itself."""
        result = self.lifetime(job["spec"]).run(job["plan"])
        sums.alone = result["alone"]
        sums.add(job["spec"], job["plan"], result)

    def _singles(self, job: dict, sums: Sums) -> None:
        """Run a spec without a cut, then with a cut in every way at every point of that lifetime.

        Where a spec has `first`, only so many points count: it tries the same again and again.
        Where it has `since`, those count that come after the first of that name. With `ways` 2
        every point is cut in every other of its ways. `every` thins all of it.
        """
        spec = job["spec"]
        trace: list = []
        sums.add(spec, [], self.lifetime(spec).run([], trace))
        for number in _numbers(spec, trace):
            for way in range(trace[number][1]):
                if (number + way) % job.get("every", 1):
                    continue
                if trace[number][1] > 1 and (number + way) % spec.get("ways", 1):
                    continue
                plan = [[number, way]]
                sums.add(spec, plan, self.lifetime(spec).run(plan))

    def _doubles(self, job: dict, sums: Sums) -> None:
        """Run lifetimes with two cuts, picked at random, the same number for each of the specs.

        The first is picked among the points of a lifetime without a cut; a few second ones among
        those that come after it in the lifetime that it leads to.
        """
        rng = Rng(job["seed"])
        specs = job["specs"]
        for number, world in enumerate(specs):
            until = job["count"] * (number + 1) // len(specs)
            if sums.lifetimes == until:
                continue
            spec = dict(world)
            points: list = []
            self.lifetime(spec).run([], points)
            numbers = _numbers(spec, points)
            for _ in range(_DRAWS * (until - sums.lifetimes) if numbers else 0):
                if sums.lifetimes == until:
                    break
                spec["seed"] = rng.number() >> 4
                first = rng.pick(numbers)
                cut = [first, rng.below(points[first][1])]
                end = self.lifetime(spec).run([cut])["points"]
                for _ in range(min(_SECONDS, until - sums.lifetimes)):
                    second = first + 1 + rng.below(max(1, end - first - 1))
                    plan = [cut, [second, rng.below(_ANY_WAY)]]
                    result = self.lifetime(spec).run(plan)
                    if result["cuts"] == 2:
                        sums.add(spec, plan, result)


Runner = CutJobs
"""What `start` runs the jobs with."""
