"""Jobs of the race: which cuts are tried in which world; each returns sums and what went wrong."""

from vm import cut_jobs as binding
from vm.flash_image import image_of
from vm.rng import Rng

from .race_lifetime import RaceLifetime

_SHOWN = 5
_DRAWS = 10
_SECONDS = 3
_ANY_WAY = 840
_BINDS = {
    "cloud": "rufus",
    "table": "startline",
    "access": "READ_WRITE",
    "run": "same",
    "serial": "UNIT-7",
}


class RaceSums:
    """What a job's lifetimes came to; `failures` are examples, at most a few of each column."""

    def __init__(self) -> None:
        self.lifetimes = self.boots = self.cuts = self.links = self.requests = self.passings = 0
        self.wear = [0, 0, 0]
        self.columns: dict = {}
        self.states: dict = {}
        self.reached: dict = {}
        self.failures: list = []
        self.log: list = []  # of the one lifetime that was asked for by name

    def add(self, spec: dict, plan: list, result: dict) -> None:
        """Count one lifetime."""
        self.lifetimes += 1
        for name in ("boots", "cuts", "links", "requests", "passings"):
            setattr(self, name, getattr(self, name) + result[name])
        for at in range(2):
            self.wear[at] += result["wear"][at]
        self.wear[2] = max(self.wear[2], result["wear"][2])
        _count(self.states, result["state"])
        for mark in result["reached"]:
            _count(self.reached, mark)
        shown = False
        for column in set([column for column, _ in result["bad"]]):
            _count(self.columns, column)
            shown = shown or self.columns[column] <= _SHOWN
        if shown:
            self.failures.append({"spec": dict(spec), "plan": plan, "bad": result["bad"]})


def _count(table: dict, name: str) -> None:
    table[name] = table.get(name, 0) + 1


class RaceCutJobs:
    """Everything that jobs need; `memory` is a bytearray as large as a unit's flash."""

    def __init__(self, stand_ins, images: dict, memory: bytearray) -> None:
        self.stand_ins = stand_ins
        self.images = images
        self.memory = memory
        self._bound: dict = {}
        self._past = "", None

    def lifetime(self, spec: dict) -> RaceLifetime:
        """Return a new lifetime, of a unit that is bound and has its past behind it."""
        image, token = self._bound_unit(spec)
        if "past" in spec:
            key = str([spec["unit"], spec["past"], spec.get("long")])
            if key != self._past[0]:
                self._past = key, self._aged(spec, image, token)
            image = self._past[1]
        return RaceLifetime(self.stand_ins, spec, image, self.memory, token)

    def _bound_unit(self, spec: dict) -> tuple:
        unit = spec["unit"]
        if unit not in self._bound:
            plain = dict(_BINDS, unit=unit, keys={spec["key"]: "READ_WRITE"}, key=spec["key"])
            plain["app_key"] = spec["key"]
            self.stand_ins.net.world = None
            one = binding.CutJobs(self.stand_ins, self.images, self.memory).lifetime(plain)
            one.run([])
            self._bound[unit] = image_of(self.memory), one.device.token
        return self._bound[unit]

    def _aged(self, spec: dict, image, token: str):
        """Return the flash of a reader that has raced before, all of it confirmed."""
        plain = {"unit": spec["unit"], "race": spec["past"], "access": "READ_WRITE"}
        plain.update(long=spec.get("long"), key=spec["key"], gap_ms=20)
        one = RaceLifetime(self.stand_ins, plain, image, self.memory, token)
        result = one.run([])
        if result["bad"]:
            raise ValueError("its past went wrong: " + str(result["bad"]))
        return image_of(self.memory)

    def run(self, job: dict) -> dict:
        """Run one job by its kind."""
        sums = RaceSums()
        getattr(self, "_" + job["kind"])(job, sums)
        return dict(sums.__dict__)

    def _one(self, job: dict, sums: RaceSums) -> None:
        """Run one plan."""
        spec = dict(job["spec"], verbose=True)
        result = self.lifetime(spec).run(job["plan"])
        sums.add(spec, job["plan"], result)
        sums.log = result["log"]

    def _singles(self, job: dict, sums: RaceSums) -> None:
        """Run a world without a cut, then with a cut in every way at every point of that lifetime.

        With `ways` 3 each point is cut in every third of its ways, in turn; `from` and `first` leave
        out the points before and behind; `every` thins all of it, and `part` of `parts` is this
        job's share.
        """
        spec = job["spec"]
        trace: list = []
        whole = self.lifetime(spec).run([], trace)
        if not job.get("part"):
            sums.add(spec, [], whole)
        turn = 0
        for number, (_, ways) in list(enumerate(trace))[spec.get("from", 0) : spec.get("first")]:
            for way in range(ways):
                if ways > 2 and (number + way) % spec.get("ways", 1):
                    continue
                turn += 1
                if turn % job.get("every", 1) or turn % job.get("parts", 1) != job.get("part", 0):
                    continue
                sums.add(spec, [[number, way]], self.lifetime(spec).run([[number, way]]))

    def _doubles(self, job: dict, sums: RaceSums) -> None:
        """Run lifetimes with two cuts, picked at random; a few second ones for each first."""
        rng = Rng(job["seed"])
        spec = dict(job["spec"])
        points: list = []
        self.lifetime(spec).run([], points)
        for _ in range(_DRAWS * job["count"]):
            if sums.lifetimes >= job["count"]:
                break
            spec["seed"] = rng.number() >> 4
            first = rng.below(len(points))
            cut = [first, rng.below(points[first][1])]
            end = self.lifetime(spec).run([cut])["points"]
            for _ in range(min(_SECONDS, job["count"] - sums.lifetimes)):
                second = first + 1 + rng.below(max(1, end - first - 1))
                plan = [cut, [second, rng.below(_ANY_WAY)]]
                result = self.lifetime(spec).run(plan)
                if result["cuts"] + result["links"] >= 2:
                    sums.add(spec, plan, result)


Runner = RaceCutJobs
"""What `start` runs the jobs with."""
