"""platforms.toml: limits that platforms publish. A limit of the same value is a match, and proves nothing."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from uploadlab.units import MIB

KINDS_OF_LIMIT = ("size", "silence", "duration", "answer")
UNITS = {"B": (1,), "MiB": (MIB,), "MB": (10**6, MIB), "s": (1,)}
"""Factors to bytes or seconds. Pages that say MB may mean MiB: both count."""
SHORT_SHARE = 0.03
"""The doctor knows a limit of size within 2 %: the smallest body that it saw refused is larger than the limit
by at most that. A form adds some hundred bytes."""
LATE_SECONDS, LATE_SHARE = 1.5, 0.03
"""How much later than its limit an end is seen: servers look at their timers once a second, and the end takes
a round trip; timers of minutes are coarser."""
EARLY_SECONDS = 0.5
"""How much earlier: the clock of the client starts after that of the platform."""


class PublishedLimit(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit as its platform publishes it."""

    platform: str
    kind: str
    """One of ``KINDS_OF_LIMIT``."""
    value: float
    unit: str
    """One of ``UNITS``."""
    source: str
    checked: date

    def __str__(self) -> str:
        """Return platform, limit and the address of its page."""
        amount = f"{self.value:,.0f} bytes" if self.unit == "B" else f"{self.value:g} {self.unit}"
        return f"{self.platform}: {amount} ({self.source})"

    def is_near(self, value: float) -> bool:
        """Return whether the limit can be what ended an upload at this number of bytes, or seconds."""
        values = [self.value * factor for factor in UNITS[self.unit]]
        if self.kind == "size":
            return any(value * (1 - SHORT_SHARE) <= limit <= value for limit in values)
        late = LATE_SECONDS + LATE_SHARE * self.value
        return any(limit - EARLY_SECONDS <= value <= limit + late for limit in values)


class _Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    limit: list[PublishedLimit]


@cache
def load_limits() -> list[PublishedLimit]:
    """Return all published limits."""
    text = (files("uploadlab.doctoring") / "platforms.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Limits).limit


def platform_matches(kind: str, value: float) -> list[str]:
    """Return the platforms with such a limit, and the addresses; raise ValueError for an unknown kind.

    The value is the smallest size that was refused, in bytes, or the time after which the upload ended, in
    seconds.
    """
    return list(_matches(kind, value))


def _matches(kind: str, value: float) -> Iterator[str]:
    if kind not in KINDS_OF_LIMIT:
        raise ValueError(f"platforms.toml has no limits of {kind!r}; it has {', '.join(KINDS_OF_LIMIT)}")
    yield from (str(limit) for limit in load_limits() if limit.kind == kind and limit.is_near(value))
