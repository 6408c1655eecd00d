"""Cases of the check that measure a server's limits, of time and of what it hands on while a body arrives."""

from collections.abc import Iterator

from uploadlab.catalogue.attempts import PLAIN, Attempt, Bystanders, Then, noise, raw
from uploadlab.catalogue.case_values import HALF, SMALL, SOME
from uploadlab.catalogue.registry import CaseKind, case
from uploadlab.units import MIB

LADDER_SECONDS = 120
"""Longer than any usual default but the 300 s and more of servers that are made for slow clients."""
STREAMED_SECONDS = 1.5
"""The app of a server that hands a body on has it for longer than that: it sees the two pauses of 1 s."""


FIRST_BYTE, SLOW_CLIENTS = "first-byte", "slow-clients"
"""The cases that ask when the app is called, and how many clients stop a server.

All others ask how long the server waits.
"""
MOST_SLOW_CLIENTS = 64
ANSWER_SECONDS = 3.0
"""The time in which a server must store a small upload beside slow clients; alone it takes a few ms."""
IN_MID_UPLOAD = (
    "PUT {path} HTTP/1.1\r\nHost: {host}\r\n"
    f"Content-Type: {PLAIN}\r\nContent-Length: {MIB}\r\n\r\n" + "x" * 32_768
)
"""What a slow client has sent already: more than the 16 KiB that Apache reads before it asks its upstream."""


@case("silent-head", CaseKind.LIMIT, slow=True, contract=True)
def silent_head() -> Iterator[Attempt]:
    """How long a client may be silent in the head, up to 120 s."""
    yield raw(SMALL, then=Then.HOLD, in_head=True, each_route=False)


@case("silent-body", CaseKind.LIMIT, slow=True, contract=True)
def silent_body() -> Iterator[Attempt]:
    """How long a client may be silent in the body, up to 120 s."""
    yield raw(SOME, then=Then.HOLD, at=HALF, each_route=False)


@case("slow-body", CaseKind.LIMIT, slow=True, contract=True)
def slow_body() -> Iterator[Attempt]:
    """How long an upload at 1,000 bytes a second may take, up to 120 s."""
    yield raw(noise(1000 * LADDER_SECONDS + 1), then=Then.TRICKLE, at=1000, each_route=False)


@case(FIRST_BYTE, CaseKind.LIMIT, slow=True, contract=True)
def first_byte() -> Iterator[Attempt]:
    """Whether the app is called before the last byte has come: 3 MiB with two pauses of 1 s."""
    yield raw(noise(3 * MIB - 1), then=Then.TRICKLE, at=MIB, each_route=False)


@case(SLOW_CLIENTS, CaseKind.LIMIT, slow=True, contract=True)
def slow_clients() -> Iterator[Attempt]:
    """How many clients at 1,000 bytes a second, up to 64, stop another client's upload."""
    crowd = Bystanders(MOST_SLOW_CLIENTS, "slow", at_once=IN_MID_UPLOAD, each_second=b"x" * 1000)
    yield raw(noise(MIB // 16), crowd=crowd, within_seconds=ANSWER_SECONDS, each_route=False)
