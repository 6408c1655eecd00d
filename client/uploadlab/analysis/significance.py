"""Whether a difference is one, and when enough was measured to tell. Pure."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from uploadlab.analysis.intervals import Interval

WITHIN = 0.03
"""How narrow an interval is to be if nothing else is said: its half width."""
LEAST_ROUNDS = 6
"""Fewer have no 95% interval."""
SPACING = 1.25
"""Between two looks at the intervals: a stop after each round would stop too often on a lucky one."""


class Word(StrEnum):
    """What a ratio comes to."""

    MORE = "more"
    LESS = "less"
    SAME = "no difference"


class Judged(NamedTuple):
    """A verdict with what it rests on."""

    word: Word
    ratio: Interval
    floor: float
    """A factor: up to it a difference is none."""


def judge(ratio: Interval | None, floor: float) -> Judged | None:
    """The verdict on a ratio; None: too few rounds.

    A difference counts if the interval leaves out 1, and the ratio is beyond the floor: two starts of one
    server differ a little, however many rounds are measured.
    """
    if ratio is None:
        return None
    if max(ratio.value, 1 / ratio.value) <= floor or ratio.low <= 1 <= ratio.high:
        return Judged(Word.SAME, ratio, floor)
    return Judged(Word.MORE if ratio.value > 1 else Word.LESS, ratio, floor)


def is_look(rounds: int) -> bool:
    """Whether it is time to look at the intervals: after 6, 8, 10, 13, 17, ... rounds."""
    look = LEAST_ROUNDS
    while look < rounds:
        look = -int(-look * SPACING // 1)
    return look == rounds


def enough(ratios: Iterable[Interval | None], within: float) -> bool:
    """Whether each interval is narrow enough."""
    return all(ratio is not None and ratio.half_width <= within for ratio in ratios)


def pairs(above: dict[int, float], below: dict[int, float]) -> tuple[Sequence[float], Sequence[float]]:
    """The values of the rounds that both have."""
    both = sorted(above.keys() & below.keys())
    return [above[number] for number in both], [below[number] for number in both]
