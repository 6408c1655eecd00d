"""When bytes leave and arrive on a line, and where its connections are cut. Pure: no socket, no clock."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from uploadlab.model.links import Cut, CutBy, Link, Stall
from uploadlab.units import KIB, MIB

QUEUE_SECONDS = 0.1
"""Time that bytes wait to leave, at most: the line never runs dry while the host does something else."""
BLOCK_SECONDS = 0.01
"""Time that a block takes to leave: connections of a line take turns with blocks."""
LEAST_BLOCK, MOST_BLOCK = KIB, 64 * KIB
FREE_BLOCK, FREE_UNDER_WAY = 256 * KIB, 8 * MIB
"""Bytes of a block, and under way, where the link has no rate."""
LEAST_BUFFER, MOST_UNDER_WAY = 256 * KIB, 64 * MIB
INSTANT = 1e-6
"""Seconds between the arrival of a byte and the stall that begins after it."""


class Passage(NamedTuple):
    """The way of some bytes: times are line time, of the last byte."""

    left: float
    arrives: float
    cut: CutBy | None = None
    """How the connection ends when these bytes have arrived."""


class LineClock:
    """The time of a line, in seconds: it stands still while the line stalls, so a stall delays everything."""

    def __init__(self) -> None:
        self._stalls: list[tuple[float, float]] = []

    def stall(self, begin: float, seconds: float) -> None:
        """Stop the line's time at ``begin``, which is line time and later than all stalls before."""
        self._stalls.append((begin, seconds))

    def line_time(self, now: float) -> float:
        """Return the line's time at a time of the host's clock."""
        stood = 0.0
        for begin, seconds in self._stalls:
            if now - stood < begin + seconds:
                return min(now - stood, begin)
            stood += seconds
        return now - stood

    def host_time(self, line_time: float) -> float:
        """Return when the line's time will be this, as far as its stalls are known."""
        if not self._stalls:
            return line_time
        return line_time + sum(seconds for begin, seconds in self._stalls if begin <= line_time)


class Direction:
    """One direction of a line, used by all its connections."""

    def __init__(self, rate: int, delay: float) -> None:
        self.rate, self.delay = rate, delay
        self._free_at = 0.0

    @property
    def room_at(self) -> float:
        """Return the line time from which on the direction takes bytes."""
        return self._free_at - QUEUE_SECONDS

    @property
    def block_bytes(self) -> int:
        """Return how many bytes to send at once, at most."""
        wanted = int(self.rate * BLOCK_SECONDS)
        return min(max(wanted, LEAST_BLOCK), MOST_BLOCK) if self.rate else FREE_BLOCK

    @property
    def most_under_way(self) -> int:
        """Return how many bytes of a connection are under way at most: a faster client has to wait."""
        buffer_bytes = max(LEAST_BUFFER, int(self.rate * QUEUE_SECONDS))
        wanted = int(self.rate * self.delay) + buffer_bytes if self.rate else FREE_UNDER_WAY
        return min(wanted, MOST_UNDER_WAY)

    def send(self, count: int, now: float) -> Passage:
        """Send bytes, at most a block, at a line time; 0 bytes are the end of a connection."""
        begins = max(now, self._free_at)
        self._free_at = begins + (count / self.rate if self.rate else 0.0)
        return Passage(self._free_at, self._free_at + self.delay)


class Up(Direction):
    """The direction from client to target, whose bytes are counted up to cuts and stalls."""

    def __init__(self, link: Link, clock: LineClock, draw: random.Random) -> None:
        super().__init__(link.up, link.round_trip / 2)
        self._clock = clock
        self._cuts = list(zip(_places(link.cuts, draw), link.cuts, strict=True))
        self._stalls = list(zip(_places(link.stalls, draw), link.stalls, strict=True))
        self._sent = 0

    @property
    def block_bytes(self) -> int:
        """Return how many bytes to send at once, at most: none beyond the next cut or stall."""
        places = [event[0] for events in (self._cuts, self._stalls) for event in events[:1]]
        return min([super().block_bytes, *(place - self._sent for place in places)])

    def send(self, count: int, now: float) -> Passage:
        """Send bytes, at most a block; the passage says whether their connection is cut after them."""
        passage = super().send(count, now)
        self._sent += count
        if count and self._stalls and self._sent == self._stalls[0][0]:
            self._clock.stall(passage.arrives + INSTANT, self._stalls.pop(0)[1].seconds)
            self._free_at += 2 * INSTANT
        if count and self._cuts and self._sent == self._cuts[0][0]:
            passage = passage._replace(cut=self._cuts.pop(0)[1].by)
        return passage


class Schedule:
    """What happens to the bytes of a line: the same for the same link and seed."""

    def __init__(self, link: Link, seed: str) -> None:
        self.clock = LineClock()
        self.up = Up(link, self.clock, random.Random(seed))
        self.down = Direction(link.down, link.round_trip / 2)
        self.round_trip = link.round_trip


def _places(events: Sequence[Cut] | Sequence[Stall], draw: random.Random) -> list[int]:
    """Return after how many bytes, of all that are sent up the line, each event comes."""
    places, place = [], 0
    for event in events:
        place += max(1, draw.randint(*event.after))  # before the first byte there is nothing to end
        places.append(place)
    return places
