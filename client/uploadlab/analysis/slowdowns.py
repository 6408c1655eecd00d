"""Whether what is compared is slower than the base: by speed, or by CPU where speed is too noisy. Pure.

The one rule for ``--fail-above`` of ``compare`` and ``diff``, and for ``ci``.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from uploadlab.analysis.comparison import CPU, SECONDS, ComparedCell, Found
from uploadlab.analysis.significance import Word
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
    FINE = "as fast"


NOT_ALLOWED = (Pace.BROKEN, Pace.SLOWER, Pace.NOT_JUDGED)
"""What must not pass silently: a slowdown may hide in what cannot be judged."""


class JudgedPace(NamedTuple):
    """A cell with its verdict and the reason."""

    line: ComparedCell
    label: str
    """What a reader calls the deployment: ``werkzeug 3.0.1 on flask``."""
    pace: Pace
    why: str


def slower(groups: Iterable[Found], share: float) -> list[str]:
    """Return what fails ``--fail-above``: a text for each cell of these groups, none if all is well."""
    return [
        f"{judged.label} {judged.line.method}: {judged.why}"
        for judged in judged_paces(groups, share)
        if judged.pace in NOT_ALLOWED
    ]


def judged_paces(groups: Iterable[Found], share: float) -> list[JudgedPace]:
    """Return a verdict on each cell of these groups; ``share`` is the slowdown that is allowed.

    A cell fails if its uploads are no longer ok, or if they take longer than the base's by more than the
    share. Where the machine is too noisy to see that share in the speed, the CPU seconds decide, which are
    those per GB: both sides send the same bytes. A cell that neither can judge fails, too.
    """
    return [
        JudgedPace(line, found.label_in_full(line.name), *_pace(line, share))
        for found in groups
        for line in found.lines
    ]


def _pace(line: ComparedCell, share: float) -> tuple[Pace, str]:
    if line.base_instead == Status.UNAVAILABLE:
        return Pace.NOT_JUDGED, "cannot be judged, the base is unavailable"
    if line.base_instead:  # no slowdown verdict where the base itself fails
        return Pace.BASE_FAILS, line.base_instead
    speed = line.verdicts.get(SECONDS)
    if line.instead:
        return Pace.BROKEN, line.instead
    if not speed:
        return Pace.NOT_JUDGED, f"cannot be judged by {line.rounds} rounds"
    longer = 1 / speed.ratio.value - 1
    if speed.word is Word.LESS and longer > share:
        return Pace.SLOWER, f"takes {longer:.0%} longer"
    if speed.word is Word.MORE or speed.resolution <= share:
        return Pace.FINE, "judged by speed"
    return _pace_by_cpu(line, share, f"the noise is ±{speed.resolution:.1%}")


def _pace_by_cpu(line: ComparedCell, share: float, noise: str) -> tuple[Pace, str]:
    """Return the verdict by CPU seconds; ``noise`` says why the speed gives none."""
    cpu = line.verdicts.get(CPU)
    if not cpu or cpu.resolution > share:
        of_cpu = f", of CPU seconds ±{cpu.resolution:.1%}" if cpu else ""
        return Pace.NOT_JUDGED, f"cannot be judged, {noise}{of_cpu}"
    more = cpu.ratio.value - 1
    if cpu.word is Word.MORE and more > share:
        return Pace.SLOWER, f"uses {more:.0%} more CPU (the speed cannot be judged: {noise})"
    return Pace.FINE, "judged by CPU seconds, since the speed is too noisy here"
