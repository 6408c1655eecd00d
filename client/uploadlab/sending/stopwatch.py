"""The only stopwatch."""

import time


class Stopwatch:
    """Runs from before the request is built; remembers how far it had got when."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.laps: dict[str, float] = {}
        """Seconds until it was connected, had begun to send, had sent its last block so far, was answered."""

    def lap(self, name: str) -> None:
        """Something was reached."""
        self.laps[name] = self.seconds()
        self.laps.setdefault(f"first {name}", self.laps[name])

    def seconds(self) -> float:
        """The time it has run."""
        return time.perf_counter() - self._started
