"""The only stopwatch."""

import time


class Stopwatch:
    """A clock that runs from before the request is built, and keeps when the request got how far."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.laps: dict[str, float] = {}
        """Seconds until ``connected``, ``first sent``, the last ``sent`` so far, ``answered``."""

    def lap(self, name: str) -> None:
        """Keep when the request is connected, has sent a block, or is answered."""
        self.laps[name] = self.seconds()
        if name == "sent":
            self.laps.setdefault("first sent", self.laps[name])

    def seconds(self) -> float:
        """Return the time since the start."""
        return time.perf_counter() - self._started
