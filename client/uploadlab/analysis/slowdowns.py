"""Whether what is compared is slower than the base: by speed, or by CPU where speed is too noisy. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from uploadlab.analysis.comparison import CPU, SECONDS, ComparedCell
from uploadlab.analysis.significance import Judged, Word
from uploadlab.model.measurements import Status


class Pace(StrEnum):
    """The verdict on a cell, the worst first."""

    BROKEN = "broken"
    """An upload failed that does not fail with the base."""
    SLOWER = "slower"
    """By more than is allowed."""
    NOT_JUDGED = "not judged"
    """The machine is too noisy, or the rounds are too few."""
    BASE_FAILS = "the base fails"
    """There is nothing to compare with."""
    FINE = "fine"


NOT_ALLOWED = (Pace.BROKEN, Pace.SLOWER, Pace.NOT_JUDGED)
"""What must not pass silently: a slowdown may hide in what cannot be judged."""


class JudgedPace(NamedTuple):
    """A cell with its verdict and the reason."""

    line: ComparedCell
    pace: Pace
    field: str
    """What decided: seconds or CPU seconds; empty: neither could."""
    why: str


def judged_paces(lines: Sequence[ComparedCell], share: float) -> list[JudgedPace]:
    """Return a verdict on each cell; ``share`` is the slowdown that is allowed: 0.1 of 10%."""
    return [_judged_pace(line, share) for line in lines]


def _judged_pace(line: ComparedCell, share: float) -> JudgedPace:
    if line.base_instead:
        # Where the base could not even start, its failure says nothing of the head.
        pace = Pace.NOT_JUDGED if line.base_instead == Status.UNAVAILABLE else Pace.BASE_FAILS
        return JudgedPace(line, pace, "", f"the base: {line.base_instead}")
    if line.instead:
        return JudgedPace(line, Pace.BROKEN, "", line.instead)
    slowness = {field: found for field in (SECONDS, CPU) if (found := line.verdicts.get(field))}
    for field, found in slowness.items():
        if found.floor - 1 <= share:
            return _decided(line, field, found, share)
    for field, found in slowness.items():  # beyond a noise that hides smaller slowdowns
        if _is_slower(field, found, share):
            return _decided(line, field, found, share)
    if not slowness:
        return JudgedPace(line, Pace.NOT_JUDGED, "", f"{line.rounds} rounds are too few")
    noise = [f"±{found.floor - 1:.0%} of {_noun(field)}" for field, found in slowness.items()]
    return JudgedPace(line, Pace.NOT_JUDGED, "", f"the noise is {' and '.join(noise)}")


def _decided(line: ComparedCell, field: str, found: Judged, share: float) -> JudgedPace:
    more = _longer(field, found)
    verb = "takes" if field == SECONDS else "uses"
    what = "longer" if field == SECONDS else "more CPU time"
    less = "less time" if field == SECONDS else "less CPU time"
    if found.word is Word.SAME:
        why = f"no difference in {_noun(field)}"
    elif more > 0:
        why = f"{verb} {more:.0%} {what}"
    else:
        why = f"{verb} {-more:.0%} {less}"
    return JudgedPace(line, Pace.SLOWER if _is_slower(field, found, share) else Pace.FINE, field, why)


def _is_slower(field: str, found: Judged, share: float) -> bool:
    return found.word is not Word.SAME and _longer(field, found) > share


def _longer(field: str, found: Judged) -> float:
    """Return by which share it needs more time than the base, or CPU time."""
    return 1 / found.ratio.value - 1 if field == SECONDS else found.ratio.value - 1


def _noun(field: str) -> str:
    return "speed" if field == SECONDS else "CPU time"
