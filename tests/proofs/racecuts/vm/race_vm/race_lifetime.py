"""One lifetime of a reader that races: booted again and again, power and link cut as planned.

What the reader's program does is a list of steps in `race` of a spec; it goes on behind the step
that a cut has hit, since runners do not wait for readers:

    ["open", NAME]      ["close"]           a session, by the program
    ["pass", N]         ["run", MS]         N passings with a little sending in between; sending
    ["rest"]            ["wait", S]         sending until nothing is left; nothing at all
    ["reboot"]          ["elsewhere"]       a restart; somebody else closes the session
    ["heal"]            ["resend"]          the cloud takes what it refused; an operator's word
    ["again", N]        ["marker"]          the last N runners once more, stronger; a gun

The rest of it: `ticks` is what the counters begin with, `gap_ms` the time between passings, `long`
gives each a bib and a status, `weak`, `flip`, `worn` and `resets` are what happens to flash and boots,
`ntp` and `network` are `vm/environment.py`'s, all else is the cloud's.
"""

from runtime import chip, clock
from vm import power_plan
from vm.environment import Environment
from vm.one_life import live_one
from vm.rng import Rng
from vm.weak_cells import WeakCells

from . import damage
from .history import KeptHistory
from .point_log import PointLog, log_entries
from .race_cloud import RaceCloud
from .race_judge import RaceJudge

MAC = b"\x24\x6f\x28\0\0\1"
_LIFE_S = 6 * 86400
_REST_S = 2 * 3600
_TICKS = 4000
"""So often a life may look for something to send without coming to rest."""
_LIVES = 8
"""So many lives may follow the last cut."""
_PAUSE_US = 2000000
_MASK = (1 << 30) - 1


class RaceLifetime:
    """One reader in one world; `token` is the cloud's name for it, `image` its flash."""

    def __init__(self, stand_ins, spec: dict, image, memory: bytearray, token: str) -> None:
        self.stand_ins = stand_ins
        self.spec = spec
        self.memory = memory
        self.time = stand_ins.time
        image.restore(memory)
        self.time.restart()
        stand_ins.rng = Rng(spec.get("seed", 1))
        stand_ins.out.text.clear()
        self.judge = RaceJudge(spec, memory, token)
        self.cloud = RaceCloud(spec, self.time, self.judge)
        self.judge.begin(self.cloud)
        self.world = Environment(spec, self.time, KeptHistory(self.judge))
        self.race = None
        self.steps = list(spec["race"])
        self.log: list = []  # (milliseconds, event or request, what it says)
        self.alias = ""
        self.closing = False
        self.lives = 0
        self.clock = self.rtc = self.worn = self.weak = None

    def run(self, plan: list, trace: "list | None" = None) -> dict:
        """Live by a plan of cuts; return what came of it."""
        self.start(plan, trace)
        for _ in range(_LIVES + len(plan) + len(self.spec["race"])):
            if self.live() and not self.steps:
                break
            self.time.pass_us(_PAUSE_US)
        if self.steps:
            self.judge.note("restless", "its program did not come to its end")
        try:
            self.judge.at_rest(self.race, self._stays_at_rest)
        except Exception as error:  # what it is asked at the end is the role's own
            self.judge.note("bug", "uncaught at rest " + repr(error))
            self._show(error)
        return {
            "boots": self.lives,
            "cuts": self.plan.done,
            "links": self.stand_ins.net.links,
            "points": self.plan.count,
            "requests": self.cloud.requests,
            "passings": len(self.judge.sightings),
            "wear": self.plan.wear_of({"race": self.judge.rows["race"]})["race"],
            "state": self.judge.state,
            "reached": self.judge.reached,
            "bad": self.judge.bad,
            "log": self.log,
        }

    def start(self, plan: list, trace: "list | None" = None) -> None:
        """Plug the reader in, with a plan of cuts."""
        self.cloud.told = self.log
        if trace is None and self.spec.get("verbose"):
            trace = PointLog(self.time, self.log)
        self.plan = given = power_plan.PowerPlan(plan, trace)
        given.reached = self.world._reached
        number = self.spec.get("seed", 1)
        for point, way in given.plan:
            number = number * 65599 + point * 8 + way + 1
        self.rng = Rng(number)
        net = self.stand_ins.net
        net.restart(self.cloud, given, False)
        net.world, net.links = self.world, 0
        self.time.dead = given.is_off
        if self.spec.get("weak"):
            given.weak = self.weak = WeakCells(
                self.spec["weak"], self.memory, lambda offset: False, given.reached
            )
        if "worn" in self.spec:
            start = self.judge.rows["race"].offset + self.spec["worn"] * 4096
            self.worn = start, start + 4096

    def live(self) -> bool:
        """Live one life; tell whether it came to its end with the power on."""
        self.stand_ins.set()
        life = self._begin_life()
        net = self.stand_ins.net
        whole = live_one(life, net, self.judge.note, self._boot, self._show)
        self.stand_ins.out.text.clear()
        if self.weak:
            self.weak.end_life()
        if not whole and "flip" in self.spec and self.plan.done == 1:
            damage.flip(self.spec["flip"], self.judge, self.rng)
        self.judge.after_life()
        return whole

    def _show(self, error) -> None:
        if self.spec.get("verbose"):
            import sys

            sys.print_exception(error, sys.stderr)

    def _begin_life(self):
        time = self.time
        time.start_life(_LIFE_S)
        self.world.begin_life()
        self.plan.erases.clear()
        began = time.now_us - self.spec.get("ticks", 0) * 1000
        resets = self.spec.get("resets", ("power_on",))
        cause = resets[self.lives % len(resets)]
        self.lives += 1
        power = power_plan.PlannedPower(self.plan, self.stand_ins.rng, self.worn)
        flash = power_plan.LifeFlash(self.memory, power)
        ticks = clock.ChipClock(time.ticks_us)
        if cause == "power_on" or self.clock is None:
            ticks.set_us(self.world.power_on_us())
            self.rtc = chip.RtcMemory()
        else:
            ticks.offset_us = self.clock.offset_us
        self.clock = ticks
        life = chip.RuntimeChip(
            flash, MAC, self.world, ticks,
            lambda: (time.ticks_us() - began) // 1000, cause, self.rtc,
            lambda: time.ticks_us() - began,
        )  # fmt: skip
        self.plan.chip = chip.use(life)
        return life

    # The reader's program.

    def _boot(self) -> None:
        """Start the agent as `main.py` does, and the reader's program after it."""
        import startline

        self.race = self.device = self.stand_ins.app.device = None
        startline.main()
        self.device = device = self.stand_ins.app.device
        if device is None or (device.state, device.token) != ("bound", self.judge.token):
            self.judge.note("binding", "a boot that is not bound as before")
            return
        emit = device.emit

        def emit_too(name: str, fields: dict) -> None:
            self.judge.told(name, fields)
            if self.spec.get("verbose"):
                self.log.append([self.time.now_us // 1000, name, dict(fields)])
            emit(name, fields)

        device.emit = emit_too
        self.race = race = device.race()
        if self.spec.get("verbose"):
            log_entries(race.journal, self.time, self.log)
        self.judge.race = race
        self.judge.life = self.lives
        if self.spec.get("best"):
            race.settings.best = 1
        self._settle_session()
        while self.steps:
            step = self.steps[0]
            if not self._do(*step):
                return
            self.steps.pop(0)
        self._rest()

    def _settle_session(self) -> None:
        """Have the session as it was wanted before power went."""
        race = self.race
        if self.closing:
            if race.state["session"]:
                self._insist(race.close)
            self.closing = False
            self.alias = ""
        if self.alias:
            self._insist(race.open, self.alias)

    def _insist(self, call, *given) -> None:
        """Call what a full journal may refuse, and send a little in between, as a program would."""
        for _ in range(_LIVES):
            try:
                return call(*given)
            except Exception as error:
                if type(error).__name__ not in self.spec.get("may_raise", ()):
                    raise
            # There is room again when a batch is through, which may have to be looked for twice.
            self._pump(60000)
        return call(*given)

    def _do(self, word: str, more=None) -> bool:  # noqa: C901, PLR0912 - a branch a word
        """Do one step; tell whether this life goes on behind it."""
        race, judge = self.race, self.judge
        if word == "open":
            self.alias = more
            judge.opens(more)
            if race.state["session"] != more:
                self._insist(race.open, more)
        elif word == "close":
            self.closing = True
            if race.state["session"]:
                self._insist(race.close)
            self.alias = ""
            self.closing = False
        elif word == "pass":
            while self.steps[0][1]:
                self.steps[0] = [word, self.steps[0][1] - 1]
                self._pass()
        elif word == "again":
            for sighting in judge.sightings[-more:]:
                if sighting.life == self.lives:  # a restart forgets whom it has just seen
                    self._repeat(sighting)
        elif word == "run":
            self.steps[0] = ["run", 0]  # time goes by whatever happens
            self._pump(more)
        elif word == "rest":
            self._rest()
        elif word == "wait":
            self.steps[0] = ["wait", 0]
            self.time.pass_us(more * 1000000)
        elif word == "reboot":
            self.steps.pop(0)
            return False
        elif word == "elsewhere":
            self.cloud.close_elsewhere()
        elif word == "heal":
            self.cloud.healed = True
        elif word == "resend":
            self._resend()
        elif word == "marker":
            race.marker("gun")
        return True

    def _pass(self) -> None:
        judge, race = self.judge, self.race
        sighting = judge.seen(self.time.now_us, self.alias)
        more = (
            {"bib": "bib of a long name %040d" % sighting.index} if self.spec.get("long") else {}
        )
        gap = self.spec.get("gap_ms", 100)
        # Some were read a little ago, and yet after the one before.
        if sighting.index % 3 == 1 and gap > 30 and race.uptime.now() > 1000000:
            more["at"] = race.chip.ms() - 30 & _MASK
            sighting.times[0] -= 30000
        erases = sum(self.plan.erases.values())
        try:
            number = race.passing(sighting.chip, rssi=-60, **more)
        except Exception as error:
            judge.not_taken(sighting, error)
            return
        finally:
            if sum(self.plan.erases.values()) != erases:
                judge.note("erase", "passing() erased a sector")
        judge.returned(sighting, number)
        self.plan.moment("passing")
        self._pump(gap)

    def _repeat(self, sighting) -> None:
        """See a runner once more, stronger."""
        sighting.times.append(self.time.now_us)
        number = self.race.passing(sighting.chip, rssi=-40)
        if sighting.number and number != sighting.number:
            self.judge.note("number", "a repeat has a number of its own")
        self._pump(self.spec.get("gap_ms", 100))

    def _resend(self) -> None:
        """Have an operator send what was set aside."""
        import race_commands

        for first, last, _ in list(self.race.progress.aside):
            try:
                race_commands.resend(first, last)
            except (OSError, ValueError):  # as an operator would read it
                self.judge.note_reached("resend_failed")

    def _pump(self, ms: int) -> None:
        """Send for a while, as a task beside the reader's program does."""
        time = self.time
        end = time.now_us + ms * 1000
        sender = self.race.sender()
        for _ in range(_TICKS):
            if time.now_us >= end:
                break
            self._wait(sender, sender.tick(), end)

    def _wait(self, sender, wait: int, end: int) -> None:
        left = max(1, wait, sender._wait - sender.chip.since(sender._due))
        self.time.pass_us(min(left * 1000, max(0, end - self.time.now_us)))

    def _rest(self) -> None:
        """Send until nothing is left, or nothing moves any more."""
        time = self.time
        end = time.now_us + _REST_S * 1000000
        sender = self.race.sender()
        progress = self.race.progress
        for _ in range(_TICKS):
            if time.now_us >= end or progress.done() or sender.stopped:
                break
            self._wait(sender, sender.tick(), end)

    def _stays_at_rest(self) -> None:
        """Boot once more: nothing is sent that was sent before."""
        before = self.cloud.requests
        points = self.plan.plan
        self.plan.plan = []
        self.live()
        self.plan.plan = points
        if self.cloud.requests != before:
            self.judge.note("again", "a boot that has nothing to send asked the cloud")
