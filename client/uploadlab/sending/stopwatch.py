"""The only stopwatch."""

import time
from math import inf

LEAST_BLOCKS = 8
"""Of a request whose blocks say when the system did not take more. A body in one piece says nothing."""


class Stopwatch:
    """A clock that runs from before the request is built, and keeps when the request got how far."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.laps: dict[str, float] = {}
        """Seconds until ``connected``, ``first sent``, the last ``sent`` so far, ``answered``."""
        self.blocks = 0
        """How many times something was handed to the system."""
        self.longest_send = 0.0
        """Seconds that the system took for the slowest of them."""

    def lap(self, name: str) -> None:
        """Keep when the request is connected, begins to send a block, has sent it, or is answered.

        Of several requests, keep the first connection, and the last of the others.
        """
        if name == "connected":
            self.laps.setdefault(name, self.seconds())
            return
        self.laps[name] = self.seconds()
        if name == "sent":
            self.laps.setdefault("first sent", self.laps[name])
            self.blocks += 1
            self.longest_send = max(self.longest_send, self.laps[name] - self.laps.get("sending", inf))

    @property
    def longest_stall(self) -> float | None:
        """The longest time in which the system took no block; None for few blocks or several connections."""
        return self.longest_send if self.blocks >= LEAST_BLOCKS and "sending" in self.laps else None

    def seconds(self) -> float:
        """Return the time since the start."""
        return time.perf_counter() - self._started
