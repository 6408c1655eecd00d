"""The worst result of a run, in words. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from uploadlab.analysis.cells import by_cell, reference_names
from uploadlab.analysis.grid import judged, known_exception, latest
from uploadlab.analysis.link_facts import links_of_targets
from uploadlab.analysis.load import LoadSummary
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run


class Tone(StrEnum):
    """How a part of a run ended, the worst first."""

    LOST = "lost"
    """Success was answered, but what was stored differs."""
    FAILED = "failed"
    """No success, or nothing was measured."""
    DISTURBED = "disturbed"
    """Something outside of the lab disturbed it."""
    OK = "ok"


class Worst(Struct, frozen=True):
    """The worst result of a run, in words."""

    tone: Tone
    text: str


class _End(StrEnum):
    """How a cell, a step or a case ended, the worst first."""

    LOST = "lost"
    FAILED = "failed"
    DISTURBED = "disturbed"
    CUT = "cut by their link"
    UNVERIFIED = "not verified"
    UNAVAILABLE = "not available"
    MISSING = "not measured"
    GOOD = "good"


ENDS: dict[str, _End] = {
    Status.WRONG: _End.LOST,
    Status.UNVERIFIED: _End.UNVERIFIED,
    Status.UNAVAILABLE: _End.UNAVAILABLE,
    Status.OK: _End.GOOD,
    Verdict.LOSS: _End.LOST,
    Verdict.UNKNOWN: _End.UNVERIFIED,
    Verdict.PASS: _End.GOOD,
    Verdict.CANNOT: _End.GOOD,
    Verdict.DOCUMENTED: _End.GOOD,
}
"""Every other status or verdict is a failure."""


def worst_result(
    run: Run, rows: Iterable[Measurement], loads: Iterable[LoadSummary], checks: Sequence[Check]
) -> Worst:
    """Return the worst result; its numbers count cells of uploads, steps of users, or cells of a check."""
    ends = Counter([*_upload_ends(run, rows), *_load_ends(run, loads), *_check_ends(run, checks)])
    good = ends.pop(_End.GOOD, 0)
    done = "passed" if judged(run, checks) else "arrived"
    parts = [f"{ends[end]} {end}" for end in _End if ends[end]]
    if good and not (ends[_End.LOST] or ends[_End.FAILED]):
        parts.insert(0, f"{good} {done}" if parts else f"all {done}")
    tones = (tone for tone in (Tone.LOST, Tone.FAILED, Tone.DISTURBED) if ends[_End(tone.value)])
    rest = Tone.OK if good or ends[_End.UNVERIFIED] or ends[_End.CUT] else Tone.FAILED
    return Worst(next(tones, rest), ", ".join(parts) or "nothing measured")


def _upload_ends(run: Run, rows: Iterable[Measurement]) -> Iterator[_End]:
    measured = by_cell(rows)
    cutting = {name for name, link in links_of_targets(run).items() if link.cuts}
    for planned in run.cells:
        found = measured.get(planned.cell.id, [])
        end = _end(row.status for row in found)
        if end is _End.FAILED and planned.cell.deployment in cutting:
            end = _End.CUT
        # A single disturbed round of many changes no median.
        is_disturbed = end is _End.GOOD and sum(row.disturbed for row in found) * 2 >= len(found)
        yield _End.DISTURBED if is_disturbed else end


def _load_ends(run: Run, loads: Iterable[LoadSummary]) -> Iterator[_End]:
    done = {summary.step.id: summary for summary in loads}
    for step in run.load:
        if summary := done.get(step.id):
            yield _end([summary.result.status, *summary.statuses, *summary.slow_statuses])
        else:
            yield _End.MISSING


def _check_ends(run: Run, rows: Sequence[Check]) -> Iterator[_End]:
    cells: dict[tuple[str, str], list[Verdict]] = {}
    references = reference_names(run)
    for row in latest(judged(run, rows)):
        if row.deployment in references or known_exception(row, run.exceptions):
            continue  # what a reference does is no server's fault, and a known failure is no news
        cells.setdefault((row.deployment, row.case), []).append(row.verdict)
    yield from map(_end, cells.values())


def _end(words: Iterable[str]) -> _End:
    """Return the worst of these statuses or verdicts."""
    order = list(_End)
    return min((ENDS.get(word, _End.FAILED) for word in words), key=order.index, default=_End.MISSING)
