"""Whether two figures differ, and when enough was measured to say so. Pure.

Needs no numpy: its intervals are made by ``intervals``, which does.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

WITHIN = 0.03
"""The half width of an interval that is narrow enough, where the user gives none."""
LEAST_ROUNDS = 6
"""Fewer have no 95% interval."""
SPACING = 1.25
"""Between two looks at the intervals: a stop after each round would stop too often on a lucky one."""


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


def is_look(rounds: int) -> bool:
    """Return whether it is time to look at the intervals: after 6, 8, 10, 13, 17, ... rounds."""
    look = LEAST_ROUNDS
    while look < rounds:
        look = -int(-look * SPACING // 1)
    return look == rounds


def enough(ratios: Iterable[Interval | None], within: float) -> bool:
    """Return whether each interval is narrow enough."""
    return all(ratio is not None and ratio.half_width <= within for ratio in ratios)


def pairs(above: dict[int, float], below: dict[int, float]) -> tuple[Sequence[float], Sequence[float]]:
    """Return the values of the rounds that both sides have."""
    both = sorted(above.keys() & below.keys())
    return [above[number] for number in both], [below[number] for number in both]
