"""What a comparison found: each method of each deployment against the base. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from uploadlab.analysis.cells import by_cell, reference_names
from uploadlab.analysis.intervals import Interval, paired, unpaired
from uploadlab.analysis.significance import WITHIN, Judged, Word, judge, pairs
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run

SECONDS, CPU, MEMORY = "seconds", "server_cpu_seconds", "server_peak_rss_bytes"


FIELDS = (SECONDS, CPU, MEMORY)
SAY_ALL = (Status.OK, Status.WRONG)
"""What needs no reason beside it."""


Rounds = dict[int, float]
"""A value of each round."""


class Line(NamedTuple):
    """One cell against the base's."""

    name: str
    """Of the deployment."""
    method: str
    size_bytes: int
    rounds: int
    """Of those that have a figure on both sides, or of the side that has fewer."""
    verdicts: dict[str, Judged | None]
    """By field, as far as it was measured; None: too few rounds. Of seconds the ratio is that of speed."""
    instead: str = ""
    """What it was, if not ok."""
    base_instead: str = ""
    """What the base was, if not ok: then there is nothing to compare with."""


class Found(NamedTuple):
    """All lines, and what the noise was."""

    base: str
    noise: list[Line]
    """The base, or what is the same in both runs, against itself."""
    lines: list[Line]
    reasons: list[str]
    """Why something is not ok, with the configs that it is about."""

    @property
    def sizes(self) -> list[int]:
        """All that it is about, the smallest first."""
        return sorted({one.size_bytes for one in [*self.noise, *self.lines]})

    def of_size(self, size_bytes: int) -> "Found":
        """Only these lines."""
        noise, lines = (
            [one for one in ones if one.size_bytes == size_bytes] for ones in (self.noise, self.lines)
        )
        return self._replace(noise=noise, lines=lines)


Ratios = Callable[[Rounds, Rounds], tuple[Interval | None, int]]


def found(run: Run, rows: Sequence[Measurement]) -> Found | None:
    """What the rounds of one run say; None if it compares nothing."""
    if not (comparison := run.comparison):
        return None
    cells = by_cell(rows)
    ways = dict.fromkeys((cell.method, cell.size_bytes) for cell, *_ in run.cells)
    least = 1 + comparison.within

    def line(name: str, method: str, size_bytes: int, noise: Line | None = None) -> Line | None:
        base, other = (cells.get(Cell(one, method, size_bytes).id) for one in (comparison.base, name))
        floors = {field: max(least, _reach(noise, field)) for field in FIELDS}
        return _line(name, base or [], other, _side_by_side, floors) if other else None

    noise = {way: one for way in ways if (one := line(comparison.again, *way))}
    lines = [line(name, *way, noise.get(way)) for name in comparison.others for way in ways]
    reasons = _reasons(run, rows, [comparison.base, *comparison.others])
    return Found(comparison.base, list(noise.values()), [one for one in lines if one], reasons)


def between_runs(
    base: Run, base_rows: Sequence[Measurement], other: Run, other_rows: Sequence[Measurement]
) -> Found:
    """What two runs say of the cells that both have. Their references, the same in both, show the noise."""
    before, after = by_cell(base_rows), by_cell(other_rows)
    both = [cell for cell, *_ in other.cells if cell.id in before and cell.id in after]
    references = set(reference_names(base)) & set(reference_names(other))
    least = dict.fromkeys(FIELDS, 1 + WITHIN)

    def line(cell: Cell, floors: dict[str, float]) -> Line:
        return _line(cell.deployment, before[cell.id], after[cell.id], _apart, floors)

    noise = [line(cell, least) for cell in both if cell.deployment in references]
    floors = {field: max([least[field], *_shifts(noise, field)]) for field in FIELDS}
    lines = [line(cell, floors) for cell in both if cell.deployment not in references]
    return Found(base.id, noise, lines, _reasons(other, other_rows, {one.name for one in lines}))


def slower(found: Found, share: float) -> list[str]:
    """What takes longer than the base by more than that share, is no longer ok, or cannot be judged."""
    return [f"{one.name} {one.method}: {why}" for one in found.lines if (why := _why_slower(one, share))]


def _why_slower(one: Line, share: float) -> str:
    if one.base_instead:  # what it loses itself, another one cannot lose by being slower
        return "cannot be judged, the base is unavailable" if one.base_instead == Status.UNAVAILABLE else ""
    judged = one.verdicts.get(SECONDS)
    if one.instead or not judged:
        return one.instead or f"cannot be judged by {one.rounds} rounds"
    longer = 1 / judged.ratio.value - 1
    if judged.word is Word.LESS and longer > share:
        return f"takes {longer:.0%} longer"
    return f"cannot be judged, the noise is ±{judged.floor - 1:.1%}" if judged.floor - 1 > share else ""


def _reach(noise: Line | None, field: str) -> float:
    """How far the base may be from itself, as a factor."""
    judged = noise.verdicts.get(field) if noise else None
    return judged.ratio.reach if judged else 1.0


def _shifts(noise: Sequence[Line], field: str) -> list[float]:
    """How far each of the references is from itself, as a factor; its interval only says how sure that is."""
    known = [judged.ratio.value for one in noise if (judged := one.verdicts.get(field))]
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
            verdicts[field] = judge(ratio, floors[field])
    return Line(name, first.method, first.size_bytes, rounds, verdicts, instead, base_instead)


def _side_by_side(above: Rounds, below: Rounds) -> tuple[Interval | None, int]:
    numbers = pairs(above, below)
    return paired(*numbers), len(numbers[0])


def _apart(above: Rounds, below: Rounds) -> tuple[Interval | None, int]:
    return unpaired(list(above.values()), list(below.values())), min(len(above), len(below))


def _values(rows: Sequence[Measurement], field: str) -> Rounds:
    """What is known; CPU seconds too few to be counted are not."""
    return {row.round: float(value) for row in rows if (value := getattr(row, field))}


def _instead(rows: Sequence[Measurement]) -> str:
    bad = next((row for row in rows if row.status is not Status.OK), None)
    if bad is None:
        return ""
    more = {Status.WRONG: bad.error, Status.REFUSED: bad.http_status}.get(bad.status)
    return f"{bad.status}: {more}" if more else str(bad.status)


def _reasons(run: Run, rows: Iterable[Measurement], names: Collection[str]) -> list[str]:
    """Each once, where more is known than the status says."""
    bad = [row for row in rows if row.error and row.deployment in names and row.status not in SAY_ALL]
    found = {(row.deployment, row.error): row for row in bad}
    return [_reason(run, row) for row in found.values()]


def _reason(run: Run, row: Measurement) -> str:
    configs = ", ".join(run.config_names.get(row.deployment, []))
    return f"{row.deployment}{f' ({configs})' if configs else ''}: {row.status}: {row.error}"
