"""One lifetime: a blank unit is booted again and again, its power cut as planned, until it rests."""

from runtime import chip, clock

from . import flash_damage, power_plan
from .cloud_model import CloudModel
from .environment import Environment
from .flash_view import FlashView
from .lifetime_judge import LifetimeJudge
from .one_life import live_one
from .operator import NOBODY, Operator
from .reached import Reached
from .rng import Rng
from .weak_cells import WeakCells

MAC = b"\x24\x6f\x28\0\0\1"
_BOOTS = 14
_SAME = 3
"""So many whole boots in a row that come to the same are called rest, whatever they do."""
_LIFE_S = 1200
_PAUSE_S = 30
_POWERED_DOWN = ("power_on", "hard")
"""The causes of a boot before which the RTC domain had no power: its memory and clock are gone."""


class NoApp:
    """What a unit comes to whose application was not started, or that never got so far."""

    state = "none"
    reason = "the application was not started"
    token = key = ""


class Lifetime:
    """One unit in one world. `spec` says what is where, see `plan` on the host's side.

    `image` is the flash that the unit begins with, `memory` the bytearray to work in.
    """

    def __init__(self, stand_ins, api, spec: dict, image, memory: bytearray) -> None:
        self.stand_ins = stand_ins
        self.spec = spec
        self.memory = memory
        image.restore(memory)
        stand_ins.time.restart()
        stand_ins.rng = Rng(spec.get("seed", 1))
        stand_ins.out.text.clear()
        view = FlashView(memory)
        self.reached = Reached(view.rows)
        self.cloud = CloudModel(api, spec, stand_ins.time, stand_ins.net, self.reached)
        self.judge = LifetimeJudge(
            spec, view, self.cloud, lambda: self.clock.now_us() // 1_000_000
        )
        self.world = Environment(spec, stand_ins.time, self.reached)
        self.weak = None
        self.boots = self.lives = 0
        self.device = NoApp
        self.rtc = self.clock = self.worn = None
        self.cause = "power_on"
        self.unharmed = True

    def run(self, plan: list, trace: "list | None" = None) -> dict:
        """Live by a plan of cuts; return what came of it."""
        self.start(plan, trace)
        if self.spec.get("harmed"):
            self._damage()
        rests = self.until_rest()
        if rests and self.unharmed and self.spec.get("flip"):
            self._damage()  # a unit that has long been at rest
            rests = self.until_rest()
        asked = len(self.judge.binds())
        alone = self._rested()
        operator = Operator(self)
        rests = rests and operator.settle()
        if rests and self.spec.get("operator") == "reset":
            rests = operator.unbind() and operator.settle()
        if not rests:
            self.judge.note("restless", "no rest after %d boots" % self.boots)
        else:
            if self.device.state == "unknown" and operator.how == NOBODY:
                self.judge.note("unsettled", "it stays unknown: " + self.device.reason)
            self.judge.at_rest(self.device, self.spec["key"], alone["state"])
        return {
            "state": self.device.state,
            "reason": self.device.reason,
            "alone": alone,
            "boots": self.lives,
            "cuts": self.power_plan.done,
            "points": self.power_plan.count,
            "requests": len(self.judge.binds()),
            "asked": asked,
            "settled": operator.how,
            "wear": self.power_plan.wear_of(self.judge.view.rows),
            "reached": self.reached.marks,
            "bad": self.judge.bad,
        }

    def start(self, plan: list, trace: "list | None" = None) -> None:
        """Plug the unit in, with a plan of cuts."""
        self.power_plan = given = power_plan.PowerPlan(plan, trace)
        given.reached = self.reached
        spec, view = self.spec, self.judge.view
        if spec.get("weak"):
            given.weak = self.weak = WeakCells(
                spec["weak"], self.memory, view.cached, self.reached
            )
        for label, copy in zip(("nvs", "bind"), view.copies()):  # noqa: B905 - not MicroPython's
            if copy:
                self.reached.begin(label, copy["generation"])
        # What befalls the flash differs from cut to cut, and is the same each time it is run.
        number = spec.get("seed", 1)
        for point, way in given.plan:
            number = number * 65599 + point * 8 + way + 1
        self.rng = Rng(number)
        self.stand_ins.net.restart(self.cloud, given, spec.get("bytewise", False))
        self.stand_ins.time.dead = given.is_off

    def may_boot(self) -> bool:
        """Tell whether there may be another boot before this is called restless."""
        return self.boots < _BOOTS

    def until_rest(self) -> bool:
        """Boot until nothing changes any more; tell whether that came.

        A boot from power-on that touches neither flash nor network is repeated by every later one.
        """
        ends: list = []
        self.world.offline = False
        pause = max(_PAUSE_S, self.spec.get("look_pause", 0) * 3 // 5)
        while self.may_boot():
            before = self.power_plan.count
            if not self.live():
                ends.clear()
                continue
            if self.device.state == "bound":
                return self._stays_bound()
            if self.power_plan.count == before and self.cause in _POWERED_DOWN:
                return True
            ends.append((self.device.state, self.device.reason))
            if len(ends) >= _SAME and len(set(ends[-_SAME:])) == 1:
                return True
            self.stand_ins.time.pass_us(pause * 1_000_000)
        return False

    def _rested(self) -> dict:
        """Return how the unit rests before anybody does something about it."""
        device = self.device
        return {
            "state": device.state,
            "reason": device.reason,
            "records": len(self.cloud.own()),
            "copies": [
                copy and [copy["state"], copy["generation"], copy["token"]]
                for copy in self.judge.view.copies()
            ],
        }

    def _stays_bound(self) -> bool:
        """Boot once more where there is no network at all: a bound unit does not miss it."""
        token = self.device.token
        asked = len(self.cloud.log)
        self.world.offline = True
        while not self.live():
            if not self.may_boot():
                return False
        if (self.device.state, self.device.token) != ("bound", token):
            self.judge.note("lost", "bound, and at the next boot " + self.device.state)
        if len(self.cloud.log) != asked:
            self.judge.note("bug", "a bound boot went online")
        return True

    def live(self, act=None) -> bool:
        """Live one life; tell whether it came to its end with the power on.

        `act` is what an operator has the device do; otherwise it boots.
        """
        stand_ins = self.stand_ins
        stand_ins.set()
        self.boots += 1
        life = self.begin_life()
        whole = live_one(life, stand_ins.net, self.judge.note, act or self._boot)
        if stand_ins.out.holds(self.spec["key"]):
            self.judge.note("key", "the key stood on the console")
        stand_ins.out.text.clear()
        self.judge.after_life(self.power_plan.erases)
        if self.weak:
            self.weak.end_life()
        if not whole:
            if self.unharmed:
                self._damage()
            stand_ins.time.pass_us(self.spec.get("gap", 2) * 1_000_000)
        return whole

    def _boot(self) -> None:
        """Start the agent as `main.py` does, with an application that notes that it was started."""
        import startline

        self.stand_ins.app.device = None
        startline.main()
        self.device = self.stand_ins.app.device or NoApp
        if self.device is NoApp:
            self.judge.note("bug", NoApp.reason)

    def begin_life(self):
        """Put a chip of its own in place for the life that begins."""
        time = self.stand_ins.time
        time.start_life(_LIFE_S)
        self.world.begin_life()
        self.power_plan.erases.clear()
        began = time.now_us
        resets = self.spec.get("resets")
        self.cause = resets[self.lives % len(resets)] if resets else "power_on"
        self.lives += 1
        power = power_plan.PlannedPower(self.power_plan, self.stand_ins.rng, self.worn)
        flash = power_plan.LifeFlash(self.memory, power)
        ticks = clock.ChipClock(time.ticks_us)
        if self.cause in _POWERED_DOWN or self.clock is None:
            ticks.set_us(self.world.power_on_us())
            self.rtc = chip.RtcMemory()
        else:
            ticks.offset_us = self.clock.offset_us
        self.clock = ticks
        life = chip.RuntimeChip(
            flash,
            MAC,
            self.world,
            ticks,
            lambda: (time.ticks_us() - began) // 1000,
            self.cause,
            self.rtc,
        )
        self.power_plan.chip = chip.use(life)
        return life

    def _damage(self) -> None:
        """Let happen to a partition, once, what the spec says."""
        self.unharmed = False
        self.worn = flash_damage.damage_flash(self.spec, self.judge.view, self.rng, self.reached)
