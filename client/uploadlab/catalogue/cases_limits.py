"""Cases of the check that measure a server's limits, of time and of what it hands on while a body arrives."""

from collections.abc import Iterator

from uploadlab.catalogue.attempts import Attempt, Then, noise, raw
from uploadlab.catalogue.case_values import HALF, SMALL, SOME
from uploadlab.catalogue.registry import CaseKind, case
from uploadlab.units import MIB

LADDER_SECONDS = 120
"""Longer than any usual default but the 300 s and more of servers that are made for slow clients."""
STREAMED_SECONDS = 1.5
"""The app of a server that hands a body on has it for longer than that: it sees the two pauses of 1 s."""


FIRST_BYTE = "first-byte"
"""The case that asks when the app is called; all others ask how long the server waits."""


@case("silent-head", CaseKind.LIMIT, slow=True, contract=True)
def silent_head() -> Iterator[Attempt]:
    """How long a client may be silent before the end of its head, up to 120 s."""
    yield raw(SMALL, then=Then.HOLD, in_head=True, each_route=False)


@case("silent-body", CaseKind.LIMIT, slow=True, contract=True)
def silent_body() -> Iterator[Attempt]:
    """How long a client may be silent in mid-body, up to 120 s."""
    yield raw(SOME, then=Then.HOLD, at=HALF, each_route=False)


@case("slow-body", CaseKind.LIMIT, slow=True, contract=True)
def slow_body() -> Iterator[Attempt]:
    """How long an upload may take whose client sends 1,000 bytes each second, up to 120 s."""
    yield raw(noise(1000 * LADDER_SECONDS + 1), then=Then.TRICKLE, at=1000, each_route=False)


@case(FIRST_BYTE, CaseKind.LIMIT, slow=True, contract=True)
def first_byte() -> Iterator[Attempt]:
    """Whether the app is called before the client has sent the last byte: 3 MiB with two pauses of 1 s."""
    yield raw(noise(3 * MIB - 1), then=Then.TRICKLE, at=MIB, each_route=False)
