"""Whether two figures differ. Pure.

Needs no numpy: its intervals are made by ``intervals``, which does.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

LEAST_ROUNDS = 5
"""A figure of fewer rounds is marked, and is not called a median."""
LEAST_PAIRS = 6
"""Fewer paired rounds have no 95% interval."""


class Interval(NamedTuple):
    """A ratio, and the range that holds it in 95% of all samples."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of its width as a share of the ratio: 0.03 is ±3%."""
        return float((self.high / self.low) ** 0.5 - 1)

    @property
    def reach(self) -> float:
        """How far its farther end is from 1, as a factor."""
        return max(self.high, 1 / self.low)


class Word(StrEnum):
    """The verdict on a ratio."""

    MORE = "more"
    LESS = "less"
    SAME = "no difference"


class Judged(NamedTuple):
    """A verdict with its grounds."""

    word: Word
    ratio: Interval
    floor: float
    """A factor: a smaller difference is no difference."""


def judge_ratio(ratio: Interval | None, floor: float) -> Judged | None:
    """Return the verdict on a ratio; None: too few rounds.

    A difference counts if the interval leaves out 1, and the ratio is beyond the floor: two starts of one
    server differ a little, however many rounds are measured.
    """
    if ratio is None:
        return None
    if max(ratio.value, 1 / ratio.value) <= floor or ratio.low <= 1 <= ratio.high:
        return Judged(Word.SAME, ratio, floor)
    return Judged(Word.MORE if ratio.value > 1 else Word.LESS, ratio, floor)


def pairs(above: dict[int, float], below: dict[int, float]) -> tuple[Sequence[float], Sequence[float]]:
    """Return the values of the rounds that both sides have."""
    both = sorted(above.keys() & below.keys())
    return [above[number] for number in both], [below[number] for number in both]
