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
    """Settles one history's unit; `how` is by what, TAKEN, or NOBODY."""

    def __init__(self, history) -> None:
        self._history = history
        self._cloud = history.cloud
        self._ordered = False
        self.how = NOBODY

    def settle(self) -> bool:
        """Do what can be done about it; tell whether the unit rests after that."""
        history = self._history
        for _ in range(_ROUNDS):
            if history.device.state != "unknown":
                return True
            verb, what = self._choose()
            if verb == TAKEN:
                self.how = TAKEN
                return True
            if not self._carry_out(verb, what):
                return False
            self.how = NOBODY if history.device.state == "unknown" else verb
        return True

    def unbind(self) -> bool:
        """Take the unit out of the cloud, then clear it; tell whether it rests after that.

        Where power goes meanwhile, it is booted before the order is given again.
        """
        history = self._history
        for _ in range(_ROUNDS):
            self._cloud.remove_own()
            history.boots = 0
            history.supply.point("order", 0)
            history.reached.note("reset")
            whole = history.live(lambda: _order("reset", ""))
            if not any(history.judge.view.copies()):
                history.judge.forget()
            if not history.until_rest():
                return False
            if whole:
                return True
        return True

    def _choose(self) -> tuple:
        """Return the next verb, and what goes with it."""
        lists, reason = self._cloud.api.LISTS, self._history.device.reason
        seen = self._look()
        if lists and not self._ordered:
            return "reconcile", seen
        if reason in _DECIDED or (self._ordered and not lists):
            if self._history.spec.get("twin") and (lists or not seen):
                return TAKEN, ""
            if seen:
                return "adopt", seen[0][0]
            if reason == "copies_differ" or not lists:
                return "reset", ""
        return ("reconcile", seen) if lists else ("retry", "")

    def _look(self) -> list:
        """Look into the cloud twice; return what is there of this serial number."""
        history = self._history
        time = history.stage.time
        seen = []
        for pause in (0, max(history.spec.get("look_pause", 60), _EXCHANGE_S)):
            time.pass_us(pause * 1_000_000)
            self._cloud.catch_up()
            seen = self._cloud.api.operator_look(history.spec, self._cloud.devices)
            history.judge.operator_looks.append((time.now_us, time.now_us, bool(seen)))
        return seen

    def _carry_out(self, verb: str, what) -> bool:
        """Give the order; tell whether the unit rests after it.

        Where power goes meanwhile, the command has failed: it is given again after new looks only.
        """
        history = self._history
        history.boots = 0
        if history.live(lambda: _order(verb, what)):
            self._ordered = True
        return history.until_rest()


def _order(verb: str, what) -> None:
    import operator_commands

    if verb == "reconcile":
        operator_commands.reconcile(what, True)
    elif verb == "adopt":
        operator_commands.adopt(what)
    else:
        getattr(operator_commands, verb)()
