"""Whether two figures differ. Pure.

Needs no numpy: its intervals are made by ``intervals``, which does.
"""

from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from math import comb
from statistics import median
from typing import NamedTuple

LEAST_ROUNDS = 5
"""A figure of fewer rounds is marked, and is not called a median."""
OUTSIDE = 0.025
"""The chance that a figure lies below its 95% interval, and the chance that it lies above."""
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

    @property
    def resolution(self) -> float:
        """The share that a difference must exceed to be seen: that of the noise, or of a wide interval."""
        return max(self.floor - 1, self.ratio.half_width)


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


def paired_rounds(
    above: Mapping[int, float], below: Mapping[int, float], disturbed: Set[int] = frozenset()
) -> list[int]:
    """Return the rounds that both sides have: quiet rounds alone, if they are enough for an interval."""
    both = sorted(above.keys() & below.keys())
    quiet = [number for number in both if number not in disturbed]
    return quiet if len(quiet) >= LEAST_PAIRS else both


def median_interval(values: Sequence[float]) -> Interval | None:
    """Return the median of positive values with its 95% interval (94% of five); None: fewer than 5 values.

    It is the sign test's, which holds for noise of any shape: the true median lies below all n values with a
    chance of 1/2^n. At each end it leaves out as many values as are together less likely than 2.5%.
    """
    count = len(values)
    if count < LEAST_ROUNDS:
        return None
    chance, left_out = 0.5**count, 0
    while chance <= OUTSIDE:
        left_out += 1
        chance += comb(count, left_out) * 0.5**count
    ordered = sorted(values)
    left_out = max(left_out, 1)
    return Interval(median(ordered), ordered[left_out - 1], ordered[-left_out])
