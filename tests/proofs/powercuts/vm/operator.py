"""An operator who settles a unit that rests in `unknown`, by the rules of `startline reconcile`.

The host's rules, in the words of this bench: two complete looks where the list has nothing of the
unit, a pause apart; then the device decides by its own orders (firmware/operator_commands.py, the real ones).
What that leaves undone is settled by `reconcile --adopt` with the entry of this serial number,
never where another board is known to have that number. A cloud without a list is asked by the
device itself (`retry`), as long as it has the key for it. A record that says nothing, or two
things, is forgotten (`reset`) where nothing of the unit was seen.
"""

_ROUNDS = 5
"""An operator who finds it unknown again settles it again, at most so often."""
_EXCHANGE_S = 31
"""The least pause between two looks: a request's longest deadline lies before the second."""

_DECIDED = ("serial_taken", "doubled", "record_damaged", "copies_differ")
"""What only an operator can decide, by the entry that he sees."""

NOBODY, TAKEN = "", "another's"


class Operator:
    """Settles one lifetime's unit; `how` is by what, TAKEN, or NOBODY."""

    def __init__(self, lifetime) -> None:
        self._lifetime = lifetime
        self._cloud = lifetime.cloud
        self._ordered = False
        self.how = NOBODY

    def settle(self) -> bool:
        """Do what can be done about it; tell whether the unit rests after that."""
        lifetime = self._lifetime
        for _ in range(_ROUNDS):
            if lifetime.device.state != "unknown":
                return True
            verb, what = self._choose()
            if verb == TAKEN:
                self.how = TAKEN
                return True
            if not self._carry_out(verb, what):
                return False
            self.how = NOBODY if lifetime.device.state == "unknown" else verb
        return True

    def unbind(self) -> bool:
        """Take the unit out of the cloud, then clear it; tell whether it rests after that.

        Where power goes meanwhile, it is booted before the order is given again.
        """
        lifetime = self._lifetime
        for _ in range(_ROUNDS):
            self._cloud.remove_own()
            lifetime.boots = 0
            lifetime.power_plan.point("order", 0)
            lifetime.reached.note("reset")
            whole = lifetime.live(lambda: _order("reset", ""))
            if not any(lifetime.judge.view.copies()):
                lifetime.judge.forget()
            if not lifetime.until_rest():
                return False
            if whole:
                return True
        return True

    def _choose(self) -> tuple:
        """Return the next verb, and what goes with it."""
        lists, reason = self._cloud.api.LISTS, self._lifetime.device.reason
        seen = self._look()
        if lists and not self._ordered:
            return "reconcile", seen
        if reason in _DECIDED or (self._ordered and not lists):
            if self._lifetime.spec.get("twin") and (lists or not seen):
                return TAKEN, ""
            if seen:
                return "adopt", seen[0][0]
            if reason == "copies_differ" or not lists:
                return "reset", ""
        return ("reconcile", seen) if lists else ("retry", "")

    def _look(self) -> list:
        """Look into the cloud twice; return what is there of this serial number."""
        lifetime = self._lifetime
        time = lifetime.stand_ins.time
        seen = []
        for pause in (0, max(lifetime.spec.get("look_pause", 60), _EXCHANGE_S)):
            time.pass_us(pause * 1_000_000)
            self._cloud.catch_up()
            seen = self._cloud.api.operator_look(lifetime.spec, self._cloud.devices)
            lifetime.judge.operator_looks.append((time.now_us, time.now_us, bool(seen)))
        return seen

    def _carry_out(self, verb: str, what) -> bool:
        """Give the order; tell whether the unit rests after it.

        Where power goes meanwhile, the command has failed: it is given again after new looks only.
        """
        lifetime = self._lifetime
        lifetime.boots = 0
        if lifetime.live(lambda: _order(verb, what)):
            self._ordered = True
        return lifetime.until_rest()


def _order(verb: str, what) -> None:
    import operator_commands

    if verb == "reconcile":
        operator_commands.reconcile(what, True)
    elif verb == "adopt":
        operator_commands.adopt(what)
    else:
        getattr(operator_commands, verb)()
