"""What a profiler counted."""

from typing import NamedTuple

PROFILER, COUNTS = ".pstats", ".json"
"""How a file of counts ends: in the profiler's own format, which only users open, and as JSON."""


class Calls(NamedTuple):
    """What cProfile counted in one upload."""

    size_bytes: int
    total_seconds: float
    functions: dict[tuple[str, str], tuple[int, float]]
    """Calls and cumulative seconds by the end of the file's path and the function's name."""

    def share(self, file: str, function: str) -> float:
        """Of the time, spent in that function and what it calls."""
        return self.functions.get((file, function), (0, 0.0))[1] / (self.total_seconds or 1.0)

    def per_byte(self, file: str, function: str) -> float:
        """Return calls of that function for each byte of the upload."""
        return self.functions.get((file, function), (0, 0.0))[0] / self.size_bytes


Profiles = dict[tuple[str, str], Calls]
"""By deployment and method."""
