"""Ratios of a run's figures, each with its interval and its goal. Pure.

The interval is of resampled medians, not of ranks as in ``intervals``: five rounds are enough for it, and a
rate may be divided by that of the slowest of several cells.
"""

import random
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from uploadlab.analysis.cells import Summary, by_cell
from uploadlab.analysis.significance import LEAST_ROUNDS as LEAST_ROUNDS
from uploadlab.analysis.significance import Interval
from uploadlab.catalogue.methods import METHODS, OWN_METHODS
from uploadlab.declared.goals import Goals, Growth, Ratio
from uploadlab.model.cells import Cell
from uploadlab.model.deployments import over
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.selection import choose
from uploadlab.units import parse_size

RESAMPLES = 2000
OUTSIDE = RESAMPLES // 40
"""How many of the resampled ratios lie below a 95% interval, and how many above."""
DRAWN_ONE_BY_ONE = 100
"""Rounds of a cell, at most, that each resample draws: for more, a report would take minutes."""
SECONDS, SERVER_CPU, CLIENT_CPU = "seconds", "server_cpu_seconds", "client_cpu_seconds"


class RatioRow(NamedTuple):
    """One ratio at one size."""

    ratio: Ratio
    cell: Cell
    """Above the line."""
    rounds: int
    """The rounds of the cell that has the fewest."""
    instead: str = ""
    """The cell without a figure, and its status."""
    interval: Interval | None = None
    limited: bool = False
    """Whether client or ceiling limit the rate above the line, so that the rate proves nothing."""
    by_cpu: bool = False
    """Whether CPU seconds per GB are compared instead: they are known for all cells of the ratio."""
    disturbed: bool = False
    """Whether most rounds of one of its cells were disturbed from outside: the host may be the reason."""

    @property
    def met(self) -> bool | None:
        """Whether the whole interval meets the goal; None where that cannot be judged."""
        if not self.interval or self.rounds < LEAST_ROUNDS or self.limited != self.by_cpu:
            return None
        if self.disturbed:
            return None
        if self.ratio.cpu:
            return self.interval.high <= self.ratio.goal
        return self.interval.low >= self.ratio.goal


class GrowthRow(NamedTuple):
    """How much more memory a large upload took than a small upload, in bytes; None: not known."""

    cell: Cell
    """The cell of the large upload."""
    small_bytes: int
    """Size of the small upload."""
    most_bytes: int
    instead: str
    client_bytes: int | None
    server_bytes: int | None

    @property
    def met(self) -> bool | None:
        """Whether both are within the goal; None where that is not known."""
        known = [value for value in (self.client_bytes, self.server_bytes) if value is not None]
        if any(value > self.most_bytes for value in known):
            return False
        return True if len(known) == 2 else None


def ratio_rows(
    run: Run, rows: Iterable[Measurement], summaries: Iterable[Summary], goals: Goals
) -> list[RatioRow]:
    """Return each declared ratio whose cells the run has, in the declared order, the smallest size first.

    The run's cells are summed up in ``summaries``.
    """
    figures = _Figures(run, rows, summaries)
    sizes = sorted({cell.size_bytes for cell in figures.summaries})
    wanted = [
        (ratio, cells_of(ratio, deployment, size_bytes))
        for ratio in goals.ratios
        for deployment in ratio.deployments
        for size_bytes in ([parse_size(ratio.size)] if ratio.size else sizes)
    ]
    return [_row(ratio, cells, figures) for ratio, cells in wanted if figures.summaries.keys() >= set(cells)]


def growth_rows(summaries: Iterable[Summary], growth: Growth | None) -> list[GrowthRow]:
    """Return a row for each deployment and method that has both sizes."""
    if not growth:
        return []
    small, large = (parse_size(text) for text in growth.sizes)
    methods = choose("method", growth.methods, METHODS, OWN_METHODS)
    cells = {summary.cell: summary for summary in summaries}
    found = []
    for cell, above in cells.items():
        below = cells.get(Cell(cell.deployment, cell.method, small))
        if cell.size_bytes == large and cell.method in methods and below:
            instead = _instead([below, above])
            client_bytes, server_bytes = (
                None if instead else _more(getattr(below, field), getattr(above, field))
                for field in ("client_peak_rss_bytes", "server_peak_rss_bytes")
            )
            most_bytes = parse_size(growth.at_most)
            found.append(GrowthRow(cell, small, most_bytes, instead, client_bytes, server_bytes))
    return found


class _Figures:
    """A run's cells, and their resampled medians, each drawn once."""

    def __init__(self, run: Run, rows: Iterable[Measurement], summaries: Iterable[Summary]) -> None:
        self.summaries = {summary.cell: summary for summary in summaries}
        self._seed = run.seed
        self._rows = by_cell(rows)
        self._drawn: dict[tuple[Cell, str], list[float]] = {}

    def knows(self, cells: Iterable[Cell], field: str) -> bool:
        """Return whether every round has the field; CPU seconds too few to be counted are 0."""
        return all(getattr(row, field) for cell in cells for row in self._rows[cell.id])

    def interval(self, cells: Sequence[Cell], field: str) -> Interval:
        """Return the first cell's bytes for each second of the field, divided by the least of the others'."""
        above, *below = ([cell.size_bytes / value for value in self._medians(cell, field)] for cell in cells)
        value, *drawn = (mine / min(theirs) for mine, *theirs in zip(above, *below, strict=True))
        drawn.sort()
        return Interval(value, drawn[OUTSIDE], drawn[-1 - OUTSIDE])

    def _medians(self, cell: Cell, field: str) -> list[float]:
        """Return the median over the rounds, then medians of rounds drawn from them with replacement.

        The percentile bootstrap of Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13. Each
        cell is drawn by its own seed, so that its figures do not depend on what else a run has.
        """
        if (cell, field) not in self._drawn:
            values = [getattr(row, field) for row in self._rows[cell.id]]
            chance = random.Random(f"{self._seed}/{cell.id}/{field}")
            self._drawn[cell, field] = [median(values), *_resampled_medians(values, chance)]
        return self._drawn[cell, field]


def _resampled_medians(values: list[float], chance: random.Random) -> list[float]:
    """Return medians of rounds that are drawn from these with replacement.

    Of many rounds only the place of each median is drawn: the middle of 2k + 1 places that are spread evenly
    over 0 to 1 is spread like Beta(k + 1, k + 1) (David and Nagaraja, Order Statistics, section 2.1).
    """
    if len(values) <= DRAWN_ONE_BY_ONE:
        return [median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES)]
    ordered, middle = sorted(values), len(values) // 2 + 1
    return [ordered[int(chance.betavariate(middle, middle) * len(values))] for _ in range(RESAMPLES)]


def cells_of(ratio: Ratio, deployment: str, size_bytes: int) -> list[Cell]:
    """Return the cell above the line, then the cells below it."""
    cells = [Cell(over(deployment, ratio.link), ratio.method, size_bytes)]
    for below in ratio.against:
        size = parse_size(below.size) if below.size else size_bytes
        name = over(below.deployment or deployment, ratio.link)
        cells.append(Cell(name, below.method or ratio.method, size))
    return cells


def _row(ratio: Ratio, cells: Sequence[Cell], figures: _Figures) -> RatioRow:
    summaries = [figures.summaries[cell] for cell in cells]
    rounds = min(summary.rounds for summary in summaries)
    if instead := _instead(summaries):
        return RatioRow(ratio, cells[0], rounds, instead)
    disturbed = any(2 * summary.disturbed > summary.rounds for summary in summaries)
    if ratio.cpu:
        field = SERVER_CPU if ratio.cpu == "server" else CLIENT_CPU
        known = figures.interval(cells, field) if figures.knows(cells, field) else None
        return RatioRow(ratio, cells[0], rounds, "", known and _inverse(known), disturbed=disturbed)
    limited = ratio.by_cpu and summaries[0].client_limited
    by_cpu = limited and figures.knows(cells, SERVER_CPU)
    interval = figures.interval(cells, SERVER_CPU if by_cpu else SECONDS)
    return RatioRow(ratio, cells[0], rounds, "", interval, limited, by_cpu, disturbed)


def _inverse(interval: Interval) -> Interval:
    value, low, high = interval
    return Interval(1 / value, 1 / high, 1 / low)


def _more(small: int | None, large: int | None) -> int | None:
    return None if small is None or large is None else large - small


def _instead(summaries: Iterable[Summary]) -> str:
    """Return which of these cells has no figure, and its status."""
    bad = next((summary for summary in summaries if summary.status is not Status.OK), None)
    return f"{bad.deployment} {bad.method}: {bad.status}" if bad else ""
