"""An operator who settles a unit that rests in `unknown`, by the rules of `startline reconcile`.

The host's rules, in the words of this bench: two complete looks where the list has nothing of the
unit, a pause apart; then the device decides by its own orders (firmware/orders.py, the real ones).
What that leaves undone is settled by `reconcile --adopt` with the entry of this serial number,
never where another board is known to have that number. A cloud without a list is asked by the
device itself (`retry`), and a record that says nothing is forgotten (`reset`).
"""

_ROUNDS = 5
"""An operator who finds it unknown again settles it again, at most so often."""
_EXCHANGE_S = 31
"""The least pause between two looks: a request's longest deadline lies before the second."""

NOBODY, TAKEN = "", "another's"


class Operator:
    """Settles one history's unit; `how` is by what, TAKEN, or NOBODY."""

    def __init__(self, history) -> None:
        self._history = history
        self._cloud = history.cloud
        self._reconciled = False
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

    def _choose(self) -> tuple:
        """Return the next verb, and what goes with it."""
        api, device = self._cloud.api, self._history.device
        seen = self._look()
        if api.LISTS and not self._reconciled:
            return "reconcile", seen
        if device.reason in ("serial_taken", "doubled", "record_damaged"):
            if self._history.spec.get("twin") and (api.LISTS or not seen):
                return TAKEN, ""
            if seen:
                return "adopt", seen[0][0]
        if api.LISTS:
            return "reconcile", seen
        return ("reset" if device.reason == "record_damaged" else "retry"), ""

    def _look(self) -> list:
        """Look into the cloud twice; return what is there of this serial number."""
        history = self._history
        time = history.stage.time
        seen = []
        for pause in (0, max(history.spec.get("look_pause", 60), _EXCHANGE_S)):
            time.pass_us(pause * 1_000_000)
            self._cloud.catch_up()
            seen = self._cloud.api.operator_look(self._cloud.devices, history.spec["serial"])
            history.judge.operator_looks.append((time.now_us, time.now_us, bool(seen)))
        return seen

    def _carry_out(self, verb: str, what) -> bool:
        """Give the order; tell whether the unit rests after it.

        Where power goes meanwhile, the command has failed: it is given again after new looks only.
        """
        history = self._history
        history.boots = 0
        if history.live(lambda: _order(verb, what)):
            self._reconciled = True
        return history.until_rest()


def _order(verb: str, what) -> None:
    import orders

    if verb == "reconcile":
        orders.reconcile(what, True)
    elif verb == "adopt":
        orders.adopt(what)
    else:
        getattr(orders, verb)()
