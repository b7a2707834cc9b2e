"""The agent's small rules, one by one: pauses, dates, clocks, words, clouds, settings."""

from __future__ import annotations

import errno
import io
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from startline.clouds import rufus
from startline.hal import Hal
from startline.net import StepFailed
from startline.net.bind_request import BindAnswer
from startline.net.clock import MADE_AT, prove
from startline.net.http_chunked import ChunkedBody
from startline.net.outcome import backoff_ms, printable, retry_after_ms, server_backoff_ms
from startline.net.reasons import error_reason
from startline.roles import find_cloud

from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from tests.firmware.fake_chip import FakeChip
from tests.firmware.harness import NOW, POWER_ON_CLOCK
from tests.firmware.scripted import BODY, TOKEN


@given(st.integers(0, 100), st.integers(0, 65535))
def test_pauses_grow_to_a_limit(tries: int, chance: int) -> None:
    """A pause is anything from nothing to a limit that doubles from 2 s to 32 s."""
    limit = min(2000 * 2**tries, 32_000)
    assert 0 <= backoff_ms(tries, chance) < limit
    assert backoff_ms(tries, 0) == 0
    assert backoff_ms(tries, 65535) >= limit - 1


@given(st.integers(1000, 3_600_000), st.integers(0, 100), st.integers(0, 65535))
def test_our_own_back_off_stands_above_a_servers_floor(
    floor: int, tries: int, chance: int
) -> None:
    """A server is never asked earlier than it said, nor more often than our own doubling pause."""
    least = max(floor, min(1000 * 2**tries, 32_000))
    assert least <= server_backoff_ms(floor, tries, chance) < 2 * least
    assert server_backoff_ms(floor, tries, 0) == least


@given(st.datetimes(datetime(1999, 1, 1), datetime(2099, 12, 31)), st.integers(-5000, 5000))  # noqa: DTZ001
def test_retry_after_as_a_date(when: datetime, ahead: int) -> None:
    """A date is waited for: at least a second, at most an hour."""
    when = when.replace(microsecond=0, tzinfo=UTC)
    header = format_datetime(when, usegmt=True).lower().encode()
    now = int(when.timestamp()) - ahead
    assert retry_after_ms(header, now) == min(max(ahead, 1), 3600) * 1000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"7", 7),
        (b"0", 1),
        (b"999999999999", 3600),
        (b"", 30),
        (b"soon", 30),
        (b"-5", 30),
        (b"sun, 06 xyz 1994 08:49:37 gmt", 30),
        (b"sun, 06 nov 1994 08:49 gmt", 30),
        (b"a b c d e f", 30),
    ],
)
def test_retry_after(header: bytes, seconds: int) -> None:
    """Seconds are taken within bounds; what cannot be read is half a minute."""
    assert retry_after_ms(header, NOW) == seconds * 1000


def chip(**plan: Any) -> FakeChip:
    """Return a chip without partitions."""
    return FakeChip({}, plan)


def test_the_first_time_server_that_is_not_behind() -> None:
    """A server whose time is before the floor is passed over, and the clock is not touched by it."""
    one = chip(ntp={"a": 5, "b": NOW}, clock=POWER_ON_CLOCK)
    assert prove(one, one.ntp, "a, b", NOW - 100, lambda: 60_000) == "ntp"
    assert abs(one.unix() - NOW) <= 3


def test_a_lying_time_server_does_not_spoil_a_good_clock() -> None:
    """A clock that is good already stays as it is when the only server is behind."""
    one = chip(ntp=5, clock=NOW)
    assert prove(one, one.ntp, "a", NOW - 100, lambda: 60_000) == "kept"
    assert one.unix() >= NOW


@pytest.mark.parametrize("last", [MADE_AT[2], NOW])
def test_the_first_and_the_last_second_that_are_believed(last: int) -> None:
    """A time at either end of the range, from a server or kept, is one."""
    server, kept = chip(clock=POWER_ON_CLOCK), chip(clock=last)
    assert prove(server, lambda _: last, "a", NOW, lambda: 60_000) == "ntp"
    kept.unix = lambda: last  # type: ignore[method-assign]
    assert prove(kept, lambda _: 5, "a", NOW, lambda: 60_000) == "kept"


def test_a_clock_that_was_never_set_needs_no_made_at() -> None:
    """Without `made_at`, a clock from before this agent was built counts as never set."""
    one = chip(clock=POWER_ON_CLOCK)
    with pytest.raises(StepFailed) as caught:
        prove(one, one.ntp, "", 0, lambda: 60_000)
    assert caught.value.args == ("clock", "no_time")


#: What a server's answer may come to, and why it is not believed. The firmware of 1.23 counts
#: whatever lies before 2024 from 2036 on.
NO_TIME = {
    "one that lives in 2015, as 1.23 has it": (5_723_500_000, "clock_in_the_future"),
    "one that lives in 1970, as 1.23 has it": (4_294_967_296, "clock_in_the_future"),
    "one that lives in 2015": (1_430_000_000, "clock_before_made_at"),
    "one that lives in 1970": (0, "clock_before_made_at"),
    "one that lives before 1970": (-2_208_988_800, "clock_before_made_at"),
    "one that answers with zeros": (2_085_978_496, "clock_in_the_future"),
    "one of 2068": (3_094_168_448, "clock_in_the_future"),
    "one that is past all numbers": (1 << 70, "clock_in_the_future"),
}


@pytest.mark.parametrize(("answer", "reason"), NO_TIME.values(), ids=NO_TIME.keys())
def test_a_time_that_cannot_be_is_not_believed(answer: int, reason: str) -> None:
    """The next server is asked; without one the clock that was kept counts; it is never touched."""
    one = chip(ntp={"a": answer, "b": NOW}, clock=POWER_ON_CLOCK)
    assert prove(one, one.ntp, "a,b", NOW - 100, lambda: 60_000) == "ntp"
    assert abs(one.unix() - NOW) <= 3
    two = chip(ntp=answer, clock=NOW)
    assert prove(two, two.ntp, "a,b", NOW - 100, lambda: 60_000) == "kept"
    assert abs(two.unix() - NOW) <= 3
    with pytest.raises(StepFailed) as caught:
        prove(chip(ntp=answer, clock=POWER_ON_CLOCK), lambda _: answer, "", 0, lambda: 60_000)
    assert caught.value.args == ("clock", reason)


@pytest.mark.parametrize("kept", [-1, 0, POWER_ON_CLOCK, 3_094_168_448, 1 << 40])
def test_a_kept_clock_that_cannot_be_is_not_believed(kept: int) -> None:
    """A clock that was kept has a floor and a ceiling as a server has."""
    one = chip(clock=kept)
    with pytest.raises(StepFailed) as caught:
        prove(one, one.ntp, "a", 0, lambda: 60_000)
    assert caught.value.args == ("clock", "no_time")


def test_a_kept_clock_that_is_behind_is_the_reason() -> None:
    """One that was set once, and lies before `made_at`, says more than that no server answers."""
    one = chip(clock=NOW - 1000)
    with pytest.raises(StepFailed) as caught:
        prove(one, one.ntp, "a", NOW, lambda: 60_000)
    assert caught.value.args == ("clock", "clock_before_made_at")


@pytest.mark.parametrize("error", [OSError, ValueError, OverflowError, IndexError, MemoryError])
@pytest.mark.parametrize("where", ["ntp", "set_unix"])
def test_a_server_that_is_garbage_is_passed_over(error: type[Exception], where: str) -> None:
    """Whatever asking, or setting the clock, ends in, the next server is asked."""
    one = chip(ntp=NOW, clock=POWER_ON_CLOCK)
    calls = []

    def fail_once(told: Any) -> Any:
        calls.append(told)
        if len(calls) == 1:
            raise error
        return getattr(FakeChip, where)(one, told)

    setattr(one, where, fail_once)
    assert prove(one, one.ntp, "a,b", 0, lambda: 60_000) == "ntp"
    assert len(calls) == 2
    assert abs(one.unix() - NOW) <= 3


def test_the_years_that_a_clock_may_say() -> None:
    """A reader was made from 2020 on, by default by 2026, and no clock is right after 2065."""
    assert [datetime.fromtimestamp(limit, UTC).timetuple()[:6] for limit in MADE_AT] == [
        (year, 1, 1, 0, 0, 0) for year in (2020, 2026, 2066)
    ]


def test_no_time_for_time() -> None:
    """With less than three seconds left, no server is asked."""
    one = chip(ntp=NOW, clock=POWER_ON_CLOCK)
    with pytest.raises(StepFailed):
        prove(one, one.ntp, "", 0, lambda: 2_000)


@given(st.one_of(st.binary(max_size=600), st.text(max_size=600)))
def test_words_are_fit_for_a_console(raw: bytes | str) -> None:
    """Whatever a cloud says becomes one line of at most 96 bytes without controls."""
    text = printable(raw)
    assert len(text.encode()) <= 96
    assert text == text.strip()
    assert not any(
        ord(char) < 32 or 127 <= ord(char) < 160 or 0x2028 <= ord(char) < 0x202F for char in text
    )


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a\r\n\t b", "a b"),
        ("é" * 60, "é" * 48),
        ("a\u202eb", "a b"),
        ("\xa1!~\u2027\u202f\ud7ff\ue000\ufefe", "\xa1!~\u2027\u202f\ud7ff\ue000\ufefe"),
        ("a\x7f\x80\xa0\u2028\u202e\ud800\udfff\ufeffb", "a b"),
        (b"\xffok", "ok"),
        (b"", ""),
        ("\ud83d", ""),
        (b"\xef\xbb\xbfno", "no"),
        (b"ok\xc3", "ok"),
        ("é" * 300 + "x", "é" * 48),
        (("x" + "é" * 300).encode(), "x" + "é" * 47),
        (b" " * 399 + b"ab", "a"),
        ("A1" * 32, ""),
        ("a " + "A1" * 32, "a ..."),
        ("id " + "a1" * 40 + " is taken", "id ... is taken"),
        ("A1" * 15, "A1" * 15),
        ('no: {"a":1}', "no:"),
        ("no: { a: 1 }", "no:"),
        ('["a"]', ""),
        ("a {name} is missing", "a {name} is missing"),
    ],
)
def test_words(raw: bytes | str, text: str) -> None:
    """White space is one space, and a cut never halves a letter."""
    assert printable(raw) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("the key ror-12345678 is dead", "the key ..."),
        ("y" * 90 + " ror-12345678", "y" * 90 + " ..."),
        ("Bearer abcdefghij", "Bearer ..."),
        ("wrong: abcdefghij", "wrong: ..."),
        ("all is well", "all is well"),
    ],
)
def test_words_hold_no_key(raw: str, text: str) -> None:
    """A cloud that says our key, or what is behind "Bearer", is quoted up to there."""
    assert printable(raw, ("ror-12345678", "Bearer abcdefghij", "")) == text


@pytest.mark.parametrize("name", ["", "nimbus", "rufus.x", "../rufus", "_x", "RUFUS ", "__init__"])
def test_a_cloud_is_a_file(name: str) -> None:
    """Only a name that is a module of the package is a cloud."""
    assert find_cloud(name) is None


@pytest.mark.parametrize("name", ["rufus", "vms"])
def test_every_cloud_has_the_same_doors(name: str) -> None:
    """Each cloud has what the agent asks a cloud for, and nothing else has to know it."""
    cloud = find_cloud(name)
    assert cloud is not None
    assert isinstance(cloud.NEEDED, tuple)
    assert all(callable(getattr(cloud, door)) for door in ("request", "canonical"))
    assert all(isinstance(name, bytes) for name in (cloud.TOKEN, *cloud.WORDS))
    assert set(cloud.ANSWERS.values()) <= {"refused", "unknown", "unbound"}
    assert hasattr(cloud, "LIST") != hasattr(cloud, "lookup")
    assert len(getattr(cloud, "LIST", range(5))) == 5


RUFUS = {
    "201": (201, BODY, "bound"),
    "documented": (201, BODY.replace(b'",', b'"\n   '), "bound"),
    "in body": (200, b'{"body":%s}' % BODY, "bound"),
    "202": (202, BODY, "unknown"),
    "301": (301, b"", "unknown"),
    "400": (400, BODY, "refused"),
    "408": (408, b"", "unknown"),
    "409": (409, b"", "unknown"),
    "418": (418, b"", "refused"),
    "425": (425, b"", "unknown"),
    "429": (429, b"", "unbound"),
    "500": (500, b"null", "unknown"),
    "599": (599, b"", "unknown"),
    "100 hex digits": (201, BODY.replace(b"65A1", b"65A1" * 10), "unknown"),
    "deep": (201, b"[" * 50_000, "unknown"),
}


@pytest.mark.parametrize(("status", "body", "state"), RUFUS.values(), ids=RUFUS.keys())
def test_what_rufus_answers_mean(status: int, body: bytes, state: str) -> None:
    """Each answer of RUFUS has the outcome of the design's table, on CPython as well."""
    answer = BindAnswer(rufus)
    answer.read(body)
    outcome, token, _ = answer.meaning(status, ())
    assert (outcome, token) == (state, TOKEN if state == "bound" else "")


@pytest.mark.parametrize(
    ("line", "length"),
    [
        (b"1f\r\n", 31),
        (b"0000000001F ;x=y\r\n", 31),
        (b"0\r\n", -1),
        (b"FFFFFFF\r\n", (1 << 28) - 1),
        (b"10000000\r\n", -2),
        (b"1000000005\r\n", -2),
        (b"F" * 199 + b"\n", -2),
        (b"-1\r\n", -2),
        (b"-5\r\n", -2),
        (b"zz\r\n", -2),
        (b"0x\n5\n", -2),
        (b"5", -2),
    ],
)
def test_the_length_of_a_chunk(line: bytes, length: int) -> None:
    """A length is read whole or not at all: one that is too long is refused, never cut."""
    assert ChunkedBody(io.BytesIO(line))._next() == length
    if length == -2:
        assert ChunkedBody(io.BytesIO(line)).readinto(bytearray(1)) < 0


def test_want_of_memory_has_a_name() -> None:
    """An answer that takes more memory than there is is one more failure, not a crash."""
    assert error_reason("answer", MemoryError()) == "no_memory"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(-28288, "MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION"), "version"),
        (OSError(-29184), "not_tls"),
        (OSError(-30592), "alert 70"),
        (OSError(errno.EPIPE, ""), "epipe"),
        (OSError(errno.ETIMEDOUT, ""), "timeout"),
        (ValueError("Usage does not match the extendedKeyUsage extension"), "wrong_usage"),
        (ValueError("The certificate is signed with an unacceptable key"), "weak"),
        (ValueError("The certificate Common Name (CN) does not match with the expected CN"),
         "wrong_host"),
        (OSError(-32512), "handshake"),
    ],
)  # fmt: skip
def test_why_tls_failed_has_a_name(error: Exception, reason: str) -> None:
    """What mbedTLS says is told apart by its numbers and words; all else is `handshake`."""
    assert error_reason("tls", error, SimpleNamespace(alert=70)) == reason


class StandInPartition:
    """A partition in memory, as `esp32.Partition` is one."""

    TYPE_DATA = 1
    held: ClassVar[dict[str, bytes]] = {}
    calls: ClassVar[list[str]] = []

    def __init__(self, label: str) -> None:
        self._data = self.held[label]

    @classmethod
    def find(cls, _kind: int, label: str) -> list[Any]:
        """Find one."""
        cls.calls.append(label)
        return [cls(label)] if label in cls.held else []

    def info(self) -> tuple[Any, ...]:
        """Return kind, subtype, address and size."""
        return (1, 2, 0, len(self._data))

    def readblocks(self, block: int, buffer: bytearray, offset: int) -> None:
        """Read."""
        buffer[:] = self._data[block * 4096 + offset :][: len(buffer)]


def test_the_record_is_read_from_raw_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent never asks `esp32.NVS` for it, which would erase a damaged one and say "none"."""
    image = make_nvs_image([NvsEntry("startline", "record", "blob", b"a record")], 0x6000)
    monkeypatch.setitem(sys.modules, "esp32", SimpleNamespace(Partition=StandInPartition))
    for data, blob in (
        (b"\xff" * 0x6000, b""),
        (image, b"a record"),
        (image.replace(b"a record", b"a recor\0"), b"?"),
    ):
        monkeypatch.setattr(StandInPartition, "held", {"nvs": data})
        assert Hal().blob() == blob


def test_a_boot_has_each_partition_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was erased is counted for the whole of a boot, whoever asks for the partition."""
    monkeypatch.setitem(sys.modules, "esp32", SimpleNamespace(Partition=StandInPartition))
    monkeypatch.setattr(StandInPartition, "held", {"bind": b"\xff" * 0x2000})
    monkeypatch.setattr(StandInPartition, "calls", [])
    hal = Hal()
    assert hal.flash("bind") is hal.full().flash("bind") is hal.full().flash("bind")
    assert hal.flash("fctry") is hal.full().flash("fctry") is None
    assert StandInPartition.calls == ["bind", "fctry"]
