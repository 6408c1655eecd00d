"""The worst result of a run, in words. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from uploadlab.analysis.cells import by_cell
from uploadlab.analysis.grid import latest
from uploadlab.analysis.load import summarize_load
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.measurements import Status
from uploadlab.storage.reader import StoredRun


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
}
"""Every other status or verdict is a failure."""


def worst_result(stored: StoredRun) -> Worst:
    """Return the worst result; its numbers count cells of uploads, steps of users, or cells of a check."""
    ends = Counter([*_upload_ends(stored), *_load_ends(stored), *_check_ends(stored.checks)])
    good = ends.pop(_End.GOOD, 0)
    done = "passed" if stored.checks else "arrived"
    parts = [f"{ends[end]} {end}" for end in _End if ends[end]]
    bad = next((end for end in (_End.LOST, _End.FAILED) if ends[end]), None)
    if good and not bad:
        parts.insert(0, f"{good} {done}" if parts else f"all {done}")
    text = ", ".join(parts) or "nothing measured"
    if bad:
        return Worst(Tone(bad.value), text)
    return Worst(Tone.OK if good or ends[_End.UNVERIFIED] else Tone.FAILED, text)


def _upload_ends(stored: StoredRun) -> Iterator[_End]:
    measured = by_cell(stored.rows)
    for planned in stored.run.cells:
        yield _end(row.status for row in measured.get(planned.cell.id, []))


def _load_ends(stored: StoredRun) -> Iterator[_End]:
    summaries = {
        summary.step.id: summary for summary in summarize_load(stored.run, stored.steps, stored.uploads)
    }
    for step in stored.run.load:
        if summary := summaries.get(step.id):
            yield _end([summary.result.status, *summary.statuses, *summary.slow_statuses])
        else:
            yield _End.MISSING


def _check_ends(rows: Sequence[Check]) -> Iterator[_End]:
    cells: dict[tuple[str, str], list[Verdict]] = {}
    for row in latest(rows):
        cells.setdefault((row.deployment, row.case), []).append(row.verdict)
    yield from map(_end, cells.values())


def _end(words: Iterable[str]) -> _End:
    """Return the worst of these statuses or verdicts."""
    order = list(_End)
    return min((ENDS.get(word, _End.FAILED) for word in words), key=order.index, default=_End.MISSING)
