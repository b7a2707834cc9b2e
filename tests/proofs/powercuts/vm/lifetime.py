"""One history: a blank unit is booted again and again, its power cut as planned, until it rests."""

from flash import PowerCut
from runtime import chip, clock
from runtime.world import World

from . import flash_damage, power_plan
from .cloud_model import Cloud
from .flash_view import FlashView
from .lifetime_judge import Judge
from .operator import NOBODY, Operator
from .rng import Chance
from .virtual_time import Endless

MAC = b"\x24\x6f\x28\0\0\1"
_BOOTS = 14
_SAME = 3
"""So many whole boots in a row that come to the same are called rest, whatever they do."""
_LIFE_S = 1200
_PAUSE_S = 30
_NO_NETWORK = {"access_points": {}}
_POWERED_DOWN = ("power_on", "hard")
"""The causes of a boot before which the RTC domain had no power: its memory and clock are gone."""


class History:
    """One unit in one world. `spec` says what is where, see `plan` on the host's side.

    `image` is the unit's blank flash, `memory` the bytearray of that size to work in.
    """

    def __init__(self, stage, api, spec: dict, image: bytes, memory: bytearray) -> None:
        self.stage = stage
        self.spec = spec
        self.memory = memory
        memory[:] = image
        stage.time.restart()
        stage.chance = Chance(spec.get("seed", 1))
        stage.out.text.clear()
        self.cloud = Cloud(api, spec, stage.time, stage.net)
        self.judge = Judge(spec, FlashView(memory), self.cloud)
        self.world = World(lambda: spec.get("world", {}))
        self.boots = self.lives = 0
        self.device = None
        self.rtc = self.clock = self.worn = None
        self.cause = "power_on"
        self.unharmed = True
        if spec.get("harmed"):
            self._harm()

    def run(self, plan: list, trace: "list | None" = None) -> dict:
        """Live by a plan of cuts; return what came of it."""
        self.start(plan, trace)
        rests = self.until_rest()
        asked = len(self.judge.binds())
        alone = self._rested()
        operator = Operator(self)
        if rests and self.device.state == "unknown":
            rests = operator.settle()
        if not rests:
            self.judge.note("restless", "no rest after %d boots" % self.boots)
        else:
            if self.device.state == "unknown" and operator.how == NOBODY:
                self.judge.note("unsettled", "it stays unknown: " + self.device.reason)
            self.judge.at_rest(self.device, self.spec["key"])
        if self.spec["key"] in self.stage.out.said():
            self.judge.note("key", "the key stood on the console")
        return {
            "state": self.device.state if self.device else "none",
            "reason": self.device.reason if self.device else "",
            "alone": alone,
            "boots": self.lives,
            "cuts": self.supply.done,
            "points": self.supply.count,
            "requests": len(self.judge.binds()),
            "asked": asked,
            "settled": operator.how,
            "wear": self.supply.wear_of(self.judge.view.rows),
            "bad": self.judge.bad,
        }

    def start(self, plan: list, trace: "list | None" = None) -> None:
        """Plug the unit in, with a plan of cuts."""
        self.supply = power_plan.Supply(plan, trace)
        self.stage.net.restart(self.cloud, self.supply, self.spec.get("bytewise", False))
        self.stage.time.dead = self.supply.is_off

    def may_boot(self) -> bool:
        """Tell whether there may be another boot before this is called restless."""
        return self.boots < _BOOTS

    def until_rest(self) -> bool:
        """Boot until nothing changes any more; tell whether that came.

        A boot from power-on that touches neither flash nor network is repeated by every later one.
        """
        ends: list = []
        pause = max(_PAUSE_S, self.spec.get("look_pause", 0) * 3 // 5)
        while self.may_boot():
            before = self.supply.count
            if not self.live():
                ends.clear()
                continue
            if self.device.state == "bound":
                return self._stays_bound()
            if self.supply.count == before and self.cause in _POWERED_DOWN:
                return True
            ends.append((self.device.state, self.device.reason))
            if len(ends) >= _SAME and len(set(ends[-_SAME:])) == 1:
                return True
            self.stage.time.pass_us(pause * 1_000_000)
        return False

    def _rested(self) -> dict:
        """Return how the unit rests before anybody does something about it."""
        device = self.device
        return {
            "state": device.state if device else "none",
            "reason": device.reason if device else "",
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
        self.world = World(lambda: _NO_NETWORK)
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
        stage = self.stage
        stage.set()
        self.boots += 1
        life = self.begin_life()
        whole = False
        try:
            life.nvs()
            if act:
                act()
            else:
                self._boot()
            whole = not life.flash.dead
        except PowerCut:
            pass
        except Endless:
            self.judge.note("restless", "a life without end")
        except Exception as error:
            self.judge.note("bug", "uncaught " + repr(error))
        life.power_off()
        stage.net.end_life()
        if not whole:
            if self.unharmed:
                self._harm()
            stage.time.pass_us(self.spec.get("gap", 2) * 1_000_000)
        return whole

    def _boot(self) -> None:
        import startline

        if self.spec.get("resets"):  # only these let the memory for it outlive a boot
            from startline.hal import Hal

            if Hal().crash_loop():
                self.judge.note("bug", "it was taken for a loop of crashes")
        self.device = startline.first_boot()

    def begin_life(self):
        """Put a chip of its own in place for the life that begins."""
        time = self.stage.time
        time.start_life(_LIFE_S)
        began = time.now_us
        resets = self.spec.get("resets")
        self.cause = resets[self.lives % len(resets)] if resets else "power_on"
        self.lives += 1
        power = power_plan.FlashSupply(self.supply, self.stage.chance, self.worn)
        flash = power_plan.LifeFlash(self.memory, power)
        ticks = clock.Clock(time.ticks_us)
        if self.cause in _POWERED_DOWN or self.clock is None:
            ticks.set_us(self.world.power_on_us())
            self.rtc = chip.RtcMemory()
        else:
            ticks.offset_us = self.clock.offset_us
        self.clock = ticks
        life = chip.Chip(
            flash,
            MAC,
            self.world,
            ticks,
            lambda: (time.ticks_us() - began) // 1000,
            self.cause,
            self.rtc,
        )
        self.supply.chip = chip.use(life)
        return life

    def _harm(self) -> None:
        """Let happen to a partition, once, what the spec says."""
        self.unharmed = False
        self.worn = flash_damage.inflict(self.spec, self.judge.view.rows, self.memory)
