"""The registry of the check's cases: what a case is, and the decorator that adds one."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from uploadlab.catalogue.attempts import Attempt
from uploadlab.units import MIB

HEAVY_BYTES = 64 * MIB


class CaseKind(StrEnum):
    """What a case tests, in the order of the grid."""

    GOOD = "good uploads"
    FAULT = "faults"
    BAD = "bad input"
    CROWD = "crowds"
    LIMIT = "limits"
    """Measured, not judged: how long a server waits, and whether it hands a body on while it arrives."""


class Case(NamedTuple):
    """A row of the grid."""

    name: str
    kind: CaseKind
    large: bool
    """Sends over 128 MiB, or forms that some parsers are slow at: only on request."""
    slow: bool
    """Takes half a minute or more: only on request."""
    description: str
    attempts: Callable[[], Iterator[Attempt]]
    contract: bool = False
    """Whether only the lab's contract says what is right, so that no other server is tried."""
    shown_by: str = ""
    """The case whose success shows this one, too. Where it was tried and passed, nothing more is sent."""

    @property
    def heavy(self) -> bool:
        """Whether it sends files that might fill a disk if several targets were sent them together."""
        return self.large or any(attempt.body_bytes > HEAVY_BYTES for attempt in self.attempts())

    @property
    def usual(self) -> bool:
        """Whether a check tries it by default."""
        return not (self.large or self.slow)


REGISTERED: dict[str, Case] = {}


Attempts = Callable[[], Iterator[Attempt]]


def case(
    name: str,
    kind: CaseKind,
    large: bool = False,
    slow: bool = False,
    contract: bool = False,
    shown_by: str = "",
) -> Callable[[Attempts], Attempts]:
    """Register a case."""

    def register(attempts: Attempts) -> Attempts:
        text = (attempts.__doc__ or "").strip()
        REGISTERED[name] = Case(name, kind, large, slow, text, attempts, contract, shown_by)
        return attempts

    return register
