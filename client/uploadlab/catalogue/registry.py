"""The registry of the check's cases: what a case is, and the decorator that adds one."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from uploadlab.catalogue.attempts import Attempt


class CaseKind(StrEnum):
    """What a case tests, in the order of the grid."""

    GOOD = "good uploads"
    FAULT = "faults"
    BAD = "bad input"
    CROWD = "crowds"


class Case(NamedTuple):
    """A row of the grid."""

    name: str
    kind: CaseKind
    large: bool
    """Sends over 100 MiB: to one target at a time, and only on request."""
    slow: bool
    """Takes half a minute or more: only on request."""
    description: str
    attempts: Callable[[], Iterator[Attempt]]
    contract: bool = False
    """Whether only the lab's contract says what is right, so that no other server is tried."""

    @property
    def usual(self) -> bool:
        """Whether a check tries it by default."""
        return not (self.large or self.slow)


REGISTERED: dict[str, Case] = {}


Attempts = Callable[[], Iterator[Attempt]]


def case(
    name: str, kind: CaseKind, large: bool = False, slow: bool = False, contract: bool = False
) -> Callable[[Attempts], Attempts]:
    """Register a case."""

    def register(attempts: Attempts) -> Attempts:
        text = (attempts.__doc__ or "").strip()
        REGISTERED[name] = Case(name, kind, large, slow, text, attempts, contract)
        return attempts

    return register
