"""Judges a lifetime by the cloud's log and by the flash, knowing nothing of the agent's code."""

import re

from runtime.clock import SECONDS_1970_TO_2000

_UNSURE = (408, 409, 425)
_SECOND_US = 1_000_000
_LONGEST_S = 3600
_ERASES = 2
"""So often a boot may erase a sector of `bind`."""


class LifetimeJudge:
    """What was done wrong in one lifetime, as a list of [column, sentence] in `bad`.

    Columns: `uncovered` (a binding request without a promise in every copy, or behind an
    earlier one without a recorded outcome or a complete double look), `second` (a second record
    in the cloud), `lost` (the cloud knows this unit, and the unit will never know its token),
    `key` (a key left behind), `missed` (a unit that could bind, and did not), `wear` (a boot that
    erases a sector of `bind` more than twice), `bug` (what no lifetime may show at all). The lifetime
    itself adds `restless` and `unsettled` (it rests in `unknown`, and no operator can do anything
    about it). `clock()` gives the seconds since 2000 of the unit's own clock.
    """

    def __init__(self, spec: dict, view, cloud, clock) -> None:
        self.spec = spec
        self.view = view
        self.cloud = cloud
        self.clock = clock
        self.bad: list = []
        self.operator_looks: list = []
        self._evidence: set = set()
        self._forgotten_us = -1
        cloud.on_first_byte = self.first_byte

    def note(self, column: str, sentence: str) -> None:
        """Write down something that is wrong, once."""
        if [column, sentence] not in self.bad:
            self.bad.append([column, sentence])

    def binds(self) -> list:
        """Return the log's binding requests, whole or not."""
        binds = self.cloud.api.binds
        return [one for one in self.cloud.log if binds(one.connection.intended)]

    def first_byte(self, exchange) -> None:
        """Look at the flash at the moment when a request's first byte comes out."""
        data = exchange.connection.intended
        if not self.cloud.api.binds(data):
            return
        copies = self.view.copies()
        mark = re.search(b"sl\\.([0-9a-f]+)", data)
        for copy in copies:
            if copy is None or copy["state"] != "unknown":
                self.note("uncovered", "a copy does not hold `unknown` at the first byte")
                break
            if mark and copy["attempt"] != str(mark.group(1), "ascii"):
                self.note("uncovered", "a copy holds another attempt than the request")
                break
        exchange.attempt = (copies[0] or {}).get("attempt")
        exchange.deadline_us = self._deadline_us(copies[0])
        for earlier in self.binds():
            if earlier is not exchange and not self._settled(earlier):
                self.note("uncovered", "an earlier request was not settled")
                break

    def after_life(self, erases: dict) -> None:
        """Look at what a life has done to the flash; `erases` are its own, by sector."""
        self._evidence |= self.view.evidence()
        bind = self.view.rows.get("bind")
        for offset, count in erases.items():
            if count > _ERASES and bind and bind.offset <= offset < bind.offset + bind.size:
                self.note("wear", "a boot erased a sector of bind %d times" % count)

    def forget(self) -> None:
        """Note that an operator has taken the unit out of the cloud, and its record out of flash."""
        self._forgotten_us = self.cloud.time.now_us

    def _deadline_us(self, copy: "dict | None") -> int:
        """Return the true time at which a request ends by the record, whatever the unit's clock says."""
        now = self.cloud.time.now_us
        if not copy:
            return now
        left = copy["due"] - self.clock() - SECONDS_1970_TO_2000
        return now + min(max(left, 0), _LONGEST_S) * _SECOND_US

    def _settled(self, earlier) -> bool:
        if earlier.began_us < self._forgotten_us:
            return True
        answer = earlier.connection.answer or b""
        heard = earlier.connection.sent > answer.find(b"\r\n\r\n") > 0
        definite = earlier.status // 100 == 4 and earlier.status not in _UNSURE
        if heard and definite:
            evidence = self._evidence | self.view.evidence()
            return (earlier.attempt, "unbound") in evidence or (
                earlier.attempt,
                "refused",
            ) in evidence
        return self._looked_twice(earlier)

    def _looked_twice(self, earlier) -> bool:
        looks = [
            look
            for look in self.looks() + self.operator_looks
            if look[0] > earlier.began_us and not look[2]
        ]
        for _, second, _ in looks:
            late = second >= max(earlier.ended_us, earlier.deadline_us - 2 * _SECOND_US)
            pause = self.spec.get("look_pause", 60) * _SECOND_US
            if late and any([second - first + _SECOND_US >= pause for first, _, _ in looks]):
                return True
        return False

    def looks(self) -> list:
        """Return (first byte, first byte of its last page, found ours) of each complete look."""
        done = []
        began = None
        for one in self.cloud.log:
            if one.kind != "look" or one.status not in (200, 204, 422) or not one.delivered():
                continue
            if one.page == 1:
                began, found, expected = one.began_us, False, 1
            if began is None or one.page != expected:
                began = None
                continue
            found = found or one.found
            expected += 1
            if one.page >= one.pages:
                done.append((began, one.began_us, found))
                began = None
        return done

    def at_rest(self, device, key: str, alone: str) -> None:
        """Judge the end of a lifetime; `alone` is the state before an operator came."""
        self.cloud.finish()
        made = [token for one in self.binds() for token in one.made]
        for _ in self.cloud.own()[1:]:
            self.note("second", "the cloud has a second record of this unit")
        state = device.state
        if state == "bound":
            self._judge_bound(device, made, key)
        elif made and state != "unknown":
            self.note("lost", "the cloud has bound a unit that rests as " + state)
        if device.reason.startswith("bug"):
            self.note("bug", device.reason)
        must = self.spec.get("must")
        rested = alone if must == "alone" else state
        if must and rested != "bound":
            self.note("missed", "it could be bound, and rests as " + rested)

    def _judge_bound(self, device, made: list, key: str) -> None:
        if device.token not in made:
            self.note("lost", "bound to a token that is not this unit's")
        copies = self.view.copies()
        right = [
            copy
            for copy in copies
            if copy and (copy["state"], copy["token"]) == ("bound", device.token)
        ]
        # Where one place can take nothing any more, the other one is enough.
        if len(right) < (1 if self.spec.get("wear") or self.spec.get("fill") else len(copies)):
            self.note("lost", "a copy does not hold the token")
        if self.spec["run"] != "same":
            for label in self.view.holds(key.encode()):
                self.note("key", "the key is still in " + label)
        if device.key != self.spec["app_key"]:
            self.note("lost", "the application's key is gone")
