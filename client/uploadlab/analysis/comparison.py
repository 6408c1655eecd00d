"""The result of a comparison: each method of each deployment against the base. Pure.

Needs numpy only to compare, not to be imported: a check runs without it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from uploadlab.analysis.cells import by_cell, reference_names
from uploadlab.analysis.significance import WITHIN, Interval, Judged, Word, judge_ratio, pairs
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run

SECONDS, CPU, MEMORY = "seconds", "server_cpu_seconds", "server_peak_rss_bytes"


FIELDS = (SECONDS, CPU, MEMORY)


Rounds = dict[int, float]
"""A value for each round."""


class Line(NamedTuple):
    """One cell against the base's."""

    name: str
    """The deployment."""
    method: str
    size_bytes: int
    rounds: int
    """The rounds with a figure on both sides, or those of the side that has fewer."""
    verdicts: dict[str, Judged | None]
    """By field, as far as it was measured; None: too few rounds. For seconds, the ratio is that of speed."""
    instead: str = ""
    """The status, if not ok, with the reason."""
    base_instead: str = ""
    """The status of the base, if not ok: then there is nothing to compare with."""


class Found(NamedTuple):
    """All lines, and the noise."""

    base: str
    noise: list[Line]
    """The base against itself, or each reference of one run against the other run."""
    lines: list[Line]
    reasons: list[str]
    """Why a deployment is not ok, with its configs."""

    @property
    def sizes(self) -> list[int]:
        """The sizes that were compared, the smallest first."""
        return sorted({line.size_bytes for line in [*self.noise, *self.lines]})

    def of_size(self, size_bytes: int) -> "Found":
        """Return only the lines of this size."""
        return self._replace(
            noise=[line for line in self.noise if line.size_bytes == size_bytes],
            lines=[line for line in self.lines if line.size_bytes == size_bytes],
        )


Ratios = Callable[[Rounds, Rounds], tuple[Interval | None, int]]


def found(run: Run, rows: Sequence[Measurement]) -> Found | None:
    """Return the result of one run's rounds; None if the run compares nothing."""
    if not (comparison := run.comparison):
        return None
    cells = by_cell(rows)
    ways = dict.fromkeys((cell.method, cell.size_bytes) for cell, *_ in run.cells)
    least = 1 + comparison.within

    def line(name: str, method: str, size_bytes: int, noise: Line | None = None) -> Line | None:
        base, other = (cells.get(Cell(side, method, size_bytes).id) for side in (comparison.base, name))
        floors = {field: max(least, _reach(noise, field)) for field in FIELDS}
        return _line(name, base or [], other, _side_by_side, floors) if other else None

    noise = {way: itself for way in ways if (itself := line(comparison.again, *way))}
    lines = [line(name, *way, noise.get(way)) for name in comparison.others for way in ways]
    reasons = _reasons(run, rows, [comparison.base, *comparison.others])
    return Found(comparison.base, list(noise.values()), [compared for compared in lines if compared], reasons)


def between_runs(
    base: Run, base_rows: Sequence[Measurement], other: Run, other_rows: Sequence[Measurement]
) -> Found:
    """Return the result for the cells that two runs share; the references that they share show the noise."""
    before, after = by_cell(base_rows), by_cell(other_rows)
    both = [cell for cell, *_ in other.cells if cell.id in before and cell.id in after]
    references = set(reference_names(base)) & set(reference_names(other))
    least = dict.fromkeys(FIELDS, 1 + WITHIN)

    def line(cell: Cell, floors: dict[str, float]) -> Line:
        return _line(cell.deployment, before[cell.id], after[cell.id], _apart, floors)

    noise = [line(cell, least) for cell in both if cell.deployment in references]
    floors = {field: max([least[field], *_shifts(noise, field)]) for field in FIELDS}
    lines = [line(cell, floors) for cell in both if cell.deployment not in references]
    return Found(base.id, noise, lines, _reasons(other, other_rows, {line.name for line in lines}))


def slower(found: Found, share: float) -> list[str]:
    """Return what takes longer than the base by more than the share, is no longer ok, or cannot be judged."""
    return [f"{line.name} {line.method}: {why}" for line in found.lines if (why := _why_slower(line, share))]


def _why_slower(line: Line, share: float) -> str:
    if line.base_instead:  # no slowdown verdict where the base itself fails
        return "cannot be judged, the base is unavailable" if line.base_instead == Status.UNAVAILABLE else ""
    judged = line.verdicts.get(SECONDS)
    if line.instead or not judged:
        return line.instead or f"cannot be judged by {line.rounds} rounds"
    longer = 1 / judged.ratio.value - 1
    if judged.word is Word.LESS and longer > share:
        return f"takes {longer:.0%} longer"
    return f"cannot be judged, the noise is ±{judged.floor - 1:.1%}" if judged.floor - 1 > share else ""


def _reach(noise: Line | None, field: str) -> float:
    """Return how far the base may be from itself, as a factor."""
    judged = noise.verdicts.get(field) if noise else None
    return judged.ratio.reach if judged else 1.0


def _shifts(noise: Sequence[Line], field: str) -> list[float]:
    """Return how far each reference is from itself, as a factor; its interval only says how sure that is."""
    known = [judged.ratio.value for line in noise if (judged := line.verdicts.get(field))]
    return [max(ratio, 1 / ratio) for ratio in known]


def _line(
    name: str,
    base: Sequence[Measurement],
    other: Sequence[Measurement],
    ratios: Ratios,
    floors: Mapping[str, float],
) -> Line:
    first = other[0]
    instead, base_instead = _instead(other), _instead(base)
    verdicts: dict[str, Judged | None] = {}
    rounds = 0
    for field in FIELDS if not (instead or base_instead) else ():
        sides = [_values(other, field), _values(base, field)]
        ratio, counted = ratios(*(reversed(sides) if field == SECONDS else sides))
        rounds = max(rounds, counted)
        if counted:
            verdicts[field] = judge_ratio(ratio, floors[field])
    return Line(name, first.method, first.size_bytes, rounds, verdicts, instead, base_instead)


def _side_by_side(above: Rounds, below: Rounds) -> tuple[Interval | None, int]:
    from uploadlab.analysis.intervals import paired

    numbers = pairs(above, below)
    return paired(*numbers), len(numbers[0])


def _apart(above: Rounds, below: Rounds) -> tuple[Interval | None, int]:
    from uploadlab.analysis.intervals import unpaired

    return unpaired(list(above.values()), list(below.values())), min(len(above), len(below))


def _values(rows: Sequence[Measurement], field: str) -> Rounds:
    """Return the known values of a field; CPU seconds too few to be counted are 0, and not known."""
    return {row.round: float(value) for row in rows if (value := getattr(row, field))}


def _instead(rows: Sequence[Measurement]) -> str:
    bad = next((row for row in rows if row.status is not Status.OK), None)
    if bad is None:
        return ""
    more = {Status.WRONG: bad.error, Status.REFUSED: bad.http_status}.get(bad.status)
    return f"{bad.status}: {more}" if more else str(bad.status)


def _reasons(run: Run, rows: Iterable[Measurement], names: Collection[str]) -> list[str]:
    """Return each reason once, where more is known than the status says."""
    bad = [
        row
        for row in rows
        if row.error and row.deployment in names and row.status not in (Status.OK, Status.WRONG)
    ]
    reasons = []
    for row in {(row.deployment, row.error): row for row in bad}.values():
        configs = ", ".join(run.config_names.get(row.deployment, []))
        name = f"{row.deployment} ({configs})" if configs else row.deployment
        reasons.append(f"{name}: {row.status}: {row.error}")
    return reasons
