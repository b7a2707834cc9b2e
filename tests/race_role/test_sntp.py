"""What a time server's packet says, field by field, and what is none."""

from __future__ import annotations

from struct import pack
from types import SimpleNamespace

import pytest
from startline_online.sntp import TimeSync, agree, question, read

NONCE = b"12345678"
FROM_1900 = 2_208_988_800
NOW_S = 1_795_000_000
SENT, RECEIVED = 5_000_000, 5_040_000  # our own microseconds
ABSURD, UNSYNCHRONISED = "absurd", "unsynchronised"


def packet(
    first: int = 0x24, stratum: int = 1, delay: int = 0, dispersion: int = 0,
    code: bytes = b"GPS\0", nonce: bytes = NONCE, came: float = NOW_S, left: float = NOW_S + 0.01,
) -> bytes:  # fmt: skip
    """Return an answer: it came to the server and left it at these Unix times."""
    times = b"".join(
        pack(">II", int(one) + FROM_1900 & 0xFFFFFFFF, int(one % 1 * (1 << 32)))
        for one in (came, left)
    )
    head = bytes((first, stratum, 6, 0xEC)) + pack(">iI", delay, dispersion) + code
    return head + bytes(8) + nonce + times


def offset(low_us: int, high_us: int) -> tuple[int, int]:
    """Return bounds as `read` has them, within a microsecond."""
    return NOW_S * 1_000_000 + low_us, NOW_S * 1_000_000 + high_us


@pytest.mark.parametrize(
    ("raw", "bounds"),
    [
        (packet(), offset(10_000 - RECEIVED, -SENT)),
        (packet(first=0x1C), offset(10_000 - RECEIVED, -SENT)),  # version 3
        (packet(stratum=15), offset(10_000 - RECEIVED, -SENT)),
        (packet() + bytes(20), offset(10_000 - RECEIVED, -SENT)),
        # Half of the root delay, and all of its dispersion, may be to either side.
        (packet(delay=1 << 16), offset(10_000 - RECEIVED - 500_000, 500_000 - SENT)),
        (packet(delay=-(1 << 16)), offset(10_000 - RECEIVED - 500_000, 500_000 - SENT)),
        (packet(dispersion=1 << 16), offset(10_000 - RECEIVED - 1_000_000, 1_000_000 - SENT)),
    ],
)
def test_an_answer_bounds_the_time(raw: bytes, bounds: tuple[int, int]) -> None:
    """UTC is ahead of our clock by what the server's times and ours leave room for, and no less."""
    found = read(raw, NONCE, SENT, RECEIVED)
    assert isinstance(found, tuple)
    assert [abs(one - other) <= 1 for one, other in zip(found, bounds, strict=True)] == [True] * 2


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (packet()[:47], ABSURD),
        (packet(first=0x23), ABSURD),  # a question
        (packet(first=0x14), ABSURD),  # version 2
        (packet(first=0x2C), ABSURD),  # version 5
        (packet(nonce=b"87654321"), "replayed"),
        (packet(stratum=0, code=b"RATE"), "kiss RATE"),
        (packet(stratum=0, code=b"A[Z@"), "kiss AZ"),
        (packet(first=0xE4), UNSYNCHRONISED),
        (packet(stratum=16), UNSYNCHRONISED),
        (packet(left=NOW_S - 0.01), ABSURD),
        (packet(left=NOW_S + 0.05), ABSURD),  # longer than we waited
        (packet(delay=5 << 16), ABSURD),
        (packet(dispersion=3 << 16), ABSURD),
        (packet(came=-FROM_1900, left=-FROM_1900), ABSURD),
        (packet(came=1_500_000_000, left=1_500_000_000), ABSURD),  # 2017, or 2153
    ],
)
def test_an_answer_that_is_none(raw: bytes, reason: str) -> None:
    """It is told apart why."""
    assert read(raw, NONCE, SENT, RECEIVED) == reason


def test_the_next_era() -> None:
    """From 2036 on the seconds begin again, and 2050 is 2050."""
    found = read(packet(came=2_540_000_000, left=2_540_000_000), NONCE, SENT, RECEIVED)
    assert found[1] == 2_540_000_000 * 1_000_000 - SENT


def test_a_question() -> None:
    """It has version 4 and a client's mode, and its nonce where the answer repeats it from."""
    raw = question(NONCE)
    assert (len(raw), raw[0], raw[40:]) == (48, 0x23, NONCE)
    assert not any(raw[1:40])


@pytest.mark.parametrize(
    ("bounds", "common"),
    [
        ([], None),
        ([(1, 5)], (1, 5)),
        ([(1, 5), (3, 9)], (3, 5)),
        ([(1, 5), (5, 9)], (5, 5)),
        ([(1, 5), (6, 9)], None),
        ([(1, 5), (2, 6), (8, 9)], (2, 5)),
        ([(1, 5), (6, 7), (8, 9)], None),
        ([(1, 9), (2, 3), (2, 4), (6, 9)], (2, 3)),
    ],
)
def test_what_servers_agree_on(
    bounds: list[tuple[int, int]], common: tuple[int, int] | None
) -> None:
    """What more than half of them have in common, and of that the part in which most are."""
    assert agree(bounds) == common


@pytest.mark.parametrize("error", [OSError(-202, ""), ValueError("no port")])
def test_a_server_that_cannot_be_found(error: Exception) -> None:
    """Its name may be none, or its network away: it is passed over, and no socket is needed for that."""

    def fail(*_: object) -> None:
        raise error

    sockets = SimpleNamespace(getaddrinfo=fail)
    sender = SimpleNamespace(
        keeper=None, core=SimpleNamespace(uptime=None), settings=SimpleNamespace(servers="a, b"),
        network=SimpleNamespace(sockets=sockets),
    )  # fmt: skip
    sync = TimeSync(sender)
    assert sync.servers == ["a", "b"]
    with pytest.raises(StopIteration) as end:
        next(sync._ask("a"))
    assert end.value.value == "unreachable"
