"""Links: what lies between client and target. No link, which is the default, is loopback or the network."""

from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from uploadlab.model.cells import Seconds, Size
from uploadlab.units import MOST_RATE

FAST = 25 * 10**6
"""Bytes a second: over a link of that rate or more, the CPU may be the limit."""
Rate = Annotated[int, Meta(ge=0, le=MOST_RATE)]
"""Bytes a second; 0: the link does not limit it."""


class CutBy(StrEnum):
    """How a link ends a connection."""

    FIN = "fin"
    """Both ends see the end of the other's words, as if it had closed."""
    RST = "rst"
    """Both ends see a reset."""
    SILENCE = "silence"
    """Neither end sees anything more, as on a phone that has lost its network."""


class Range(NamedTuple):
    """A number of bytes between these, both included, by the seed."""

    least: Size
    most: Size


class Cut(Struct, frozen=True):
    """The end of the connection that carries a byte; others live on."""

    after: Range
    """Bytes sent up the link, over all its connections, since the cut before."""
    by: CutBy


class Stall(Struct, frozen=True):
    """A time in which nothing passes, in either direction."""

    after: Range
    """Bytes sent up the link, over all its connections, since the stall before."""
    seconds: Seconds


class Link(Struct, frozen=True, kw_only=True):
    """A line of its own for each upload. Connections at the same time share its rates."""

    name: str
    title: str
    up: Rate = 0
    down: Rate = 0
    round_trip: Seconds = 0.0
    """Of the smallest packet; half of it each way."""
    cuts: Annotated[list[Cut], Meta(max_length=100)] = []
    """In this order; after the last, connections live."""
    stalls: Annotated[list[Stall], Meta(max_length=100)] = []

    @property
    def is_slow(self) -> bool:
        """Whether the line is the limit, and no CPU: uploads over such lines are made side by side."""
        return 0 < self.up < FAST

    def least_seconds(self, size_bytes: int) -> float:
        """Return how long a line takes at least for an upload of that size, with all that it may stall."""
        sending = size_bytes / self.up if self.up else 0.0
        return sending + sum(stall.seconds for stall in self.stalls) + 4 * self.round_trip
