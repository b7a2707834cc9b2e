"""One history: a blank unit is booted again and again, its power cut as planned, until it rests."""

from flash import PowerCut
from runtime import chip, clock
from runtime.world import World

from . import supply
from .chance import Chance
from .cloud import Cloud
from .flash_view import FlashView
from .history_time import Endless
from .judge import Judge

MAC = b"\x24\x6f\x28\0\0\1"
_BOOTS = 14
_SAME = 3
"""So many whole boots in a row that come to the same are called rest."""
_SETTLED = 3
"""An operator who finds it unknown again settles it again, at most so often."""
_LIFE_S = 1200
_PAUSE_S = 30
_NO_NETWORK = {"access_points": {}}


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
        self.boots = 0
        self.device = None
        self.settled = 0
        self.loss = spec.get("loss")
        self.states: list = []

    def run(self, plan: list, trace: "list | None" = None) -> dict:
        """Live by a plan of cuts; return what came of it."""
        self.start(plan, trace)
        rests = self._until_rest()
        asked = len(self.judge.binds())
        for _ in range(_SETTLED):  # power may be cut again in what comes after
            if rests and self.device.state == "unknown":
                rests = self._settle()
        if rests and self.device.state == "unknown" and not self._is_for_a_person():
            self.judge.note("lost", "reconcile leaves it unknown: " + self.device.reason)
        state = self.device.state if self.device else "none"
        if not rests:
            self.judge.note("restless", "no rest after %d boots" % self.boots)
        else:
            self.judge.at_rest(self.device, self.spec["key"])
        if self.spec["key"] in self.stage.out.said():
            self.judge.note("key", "the key stood on the console")
        return {
            "state": state,
            "reason": self.device.reason if self.device else "",
            "boots": self.boots,
            "cuts": self.supply.done,
            "points": self.supply.count,
            "requests": len(self.judge.binds()),
            "asked": asked,
            "settled": self.settled,
            "bad": self.judge.bad,
        }

    def start(self, plan: list, trace: "list | None" = None) -> None:
        """Plug the unit in, with a plan of cuts."""
        self.supply = supply.Supply(plan, trace)
        self.stage.net.restart(self.cloud, self.supply, self.spec.get("bytewise", False))
        self.stage.time.dead = self.supply.is_off

    def _until_rest(self) -> bool:
        """Boot until nothing changes any more; tell whether that came."""
        ends: list = []
        while self.boots < _BOOTS:
            if not self.live():
                ends.clear()
                continue
            state = self.device.state
            ends.append((state, self.device.reason))
            if state == "bound":
                return self._stays_bound()
            if len(ends) >= _SAME and len(set(ends[-_SAME:])) == 1:
                return True
            self.stage.time.pass_us(_PAUSE_S * 1_000_000)
        return False

    def _stays_bound(self) -> bool:
        """Boot once more where there is no network at all: a bound unit does not miss it."""
        token = self.device.token
        asked = len(self.cloud.log)
        self.world = World(lambda: _NO_NETWORK)
        while not self.live():
            if self.boots >= _BOOTS:
                return False
        if (self.device.state, self.device.token) != ("bound", token):
            self.judge.note("lost", "bound, and at the next boot " + self.device.state)
        if len(self.cloud.log) != asked:
            self.judge.note("bug", "a bound boot went online")
        return True

    def _is_for_a_person(self) -> bool:
        """Tell whether this is one of the two states of rest that only a person may decide.

        Another board has this serial number in the cloud; or one copy was torn by the cut, the
        other was lost with its whole partition, and nothing is in the cloud.
        """
        if self.spec.get("twin"):
            return self.device.reason in ("serial_taken", "doubled")
        torn = self.spec.get("loss") and self.device.reason == "record_damaged"
        return bool(torn) and not self.cloud.own()

    def _settle(self) -> bool:
        """Have an operator look twice and the device decide; tell whether it rests after it."""
        self.boots = 0
        time = self.stage.time
        pause = max(self.spec.get("look_pause", 60), 31) * 1_000_000
        whole = False
        while not whole and self.boots < _BOOTS:
            seen = []
            for _ in range(2):
                self.cloud.catch_up()
                seen = self.cloud.api.operator_look(self.cloud.devices, self.spec["serial"])
                self.judge.operator_looks.append((time.now_us, time.now_us, bool(seen)))
                time.pass_us(pause)
            whole = self.live(lambda seen=seen: self.cloud.api.settle(seen))
            if not whole:
                while self.boots < _BOOTS and not self.live():
                    pass
                if self.device.state != "unknown":
                    break  # power went, and the order had been carried out all the same
        if not self._until_rest():
            return False
        self.settled = int(self.device.state != "unknown")
        return True

    def live(self, act=None) -> bool:
        """Live one life; tell whether it came to its end with the power on.

        `act` is what an operator has the device do; otherwise it boots.
        """
        import startline

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
                self.device = startline.first_boot()
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
            self._lose()
            stage.time.pass_us(self.spec.get("gap", 2) * 1_000_000)
        return whole

    def begin_life(self):
        """Put a chip of its own in place for the life that begins."""
        time = self.stage.time
        time.start_life(_LIFE_S)
        began = time.now_us
        flash = supply.LifeFlash(self.memory, supply.FlashSupply(self.supply, self.stage.chance))
        ticks = clock.Clock(time.ticks_us)
        life = chip.Chip(flash, MAC, self.world, ticks, lambda: (time.ticks_us() - began) // 1000)
        ticks.set_us(self.world.power_on_us())
        self.supply.chip = chip.use(life)
        return life

    def _lose(self) -> None:
        """Let a partition lose all it holds, once, while the power is off."""
        if self.loss:
            row = self.judge.view.rows[self.loss]
            self.memory[row.offset : row.offset + row.size] = b"\xff" * row.size
            self.loss = None
