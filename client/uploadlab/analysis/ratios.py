"""Ratios of a run's figures, each with its interval and its goal. Pure: measurements in, rows out."""

import random
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from uploadlab.analysis.cells import Summary, by_cell, summarize
from uploadlab.catalogue.methods import METHODS, OWN_METHODS
from uploadlab.declared.goals import Below, Goals, Growth, Ratio
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.selection import choose
from uploadlab.units import parse_size

RESAMPLES = 2000
OUTSIDE = 0.025
"""Of the resampled ratios, what lies below the interval, and above it."""
LEAST_ROUNDS = 5
"""With fewer, an interval of resampled medians is no more than the extremes."""
SLACK = 0.05
"""How far below its goal a ratio may begin: of the goal, and of 1 where the goal is less."""


SECONDS, CPU = "seconds", "server_cpu_seconds"


class Interval(NamedTuple):
    """A ratio of medians, with what 95% of its resampled ones lie between."""

    value: float
    low: float
    high: float


class RatioRow(NamedTuple):
    """One ratio at one size."""

    ratio: Ratio
    cell: Cell
    """Above the line."""
    rounds: int
    """Of the cell that has the fewest."""
    instead: str = ""
    """What a cell was that has no figure."""
    interval: Interval | None = None
    limited: bool = False
    """Whether client or ceiling limit the rate above the line, so that it cannot be judged by that."""
    by_cpu: bool = False
    """Whether CPU seconds per GB are compared instead: they are known of all its cells."""

    @property
    def met(self) -> bool | None:
        """Whether the goal is; None where that cannot be judged."""
        if not self.interval or self.rounds < LEAST_ROUNDS or self.limited != self.by_cpu:
            return None
        return self.interval.low >= self.ratio.goal - SLACK * max(1.0, self.ratio.goal)


class GrowthRow(NamedTuple):
    """What a large upload took more memory than a small one, in bytes; None: not known."""

    cell: Cell
    """The large one."""
    small_bytes: int
    """Size of the small one."""
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


def ratio_rows(run: Run, rows: Iterable[Measurement], goals: Goals) -> list[RatioRow]:
    """Each declared ratio whose cells the run has, in the declared order, the smallest size first."""
    figures = _Figures(run, list(rows))
    sizes = sorted({cell.size_bytes for cell in figures.summaries})
    wanted = [
        (ratio, cells_of(ratio, deployment, size_bytes))
        for ratio in goals.ratios
        for deployment in ratio.deployments
        for size_bytes in ([parse_size(ratio.size)] if ratio.size else sizes)
    ]
    return [_row(ratio, cells, figures) for ratio, cells in wanted if figures.summaries.keys() >= set(cells)]


def growth_rows(run: Run, rows: Iterable[Measurement], growth: Growth | None) -> list[GrowthRow]:
    """One of each pair that the run has at both sizes."""
    if not growth:
        return []
    small, large = (parse_size(text) for text in growth.sizes)
    methods = choose("method", growth.methods, METHODS, OWN_METHODS)
    found = {Cell(one.deployment, one.method, one.size_bytes): one for one in summarize(run, rows)}
    pairs = [
        (below, found[cell])
        for cell in found
        if cell.size_bytes == large and cell.method in methods
        if (below := found.get(Cell(cell.deployment, cell.method, small)))
    ]
    return [_growth(*pair, parse_size(growth.at_most)) for pair in pairs]


class _Figures:
    """A run's cells, and their resampled medians, each drawn once."""

    def __init__(self, run: Run, rows: Sequence[Measurement]) -> None:
        self.summaries = {
            Cell(one.deployment, one.method, one.size_bytes): one for one in summarize(run, rows)
        }
        self._seed = run.seed
        self._rows = by_cell(rows)
        self._drawn: dict[tuple[Cell, str], list[float]] = {}

    def knows(self, cells: Iterable[Cell], field: str) -> bool:
        """Whether every round has it; CPU seconds too few to be counted are none."""
        return all(getattr(row, field) for cell in cells for row in self._rows[cell.id])

    def interval(self, cells: Sequence[Cell], field: str) -> Interval:
        """The first cell's bytes for each second of that field, divided by the least of the others'."""
        above, *below = ([cell.size_bytes / value for value in self._medians(cell, field)] for cell in cells)
        value, *drawn = (mine / min(theirs) for mine, *theirs in zip(above, *below, strict=True))
        drawn.sort()
        outside = int(OUTSIDE * RESAMPLES)
        return Interval(value, drawn[outside], drawn[-1 - outside])

    def _medians(self, cell: Cell, field: str) -> list[float]:
        """The median over the rounds, then those of rounds drawn from them with replacement.

        The percentile bootstrap of Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13. Each
        cell is drawn by its own seed, so that its figures do not depend on what else a run has.
        """
        if (cell, field) not in self._drawn:
            values = [getattr(row, field) for row in self._rows[cell.id]]
            choices = random.Random(f"{self._seed}/{cell.id}/{field}").choices
            drawn = [median(choices(values, k=len(values))) for _ in range(RESAMPLES)]
            self._drawn[cell, field] = [median(values), *drawn]
        return self._drawn[cell, field]


def cells_of(ratio: Ratio, deployment: str, size_bytes: int) -> list[Cell]:
    """The cell above the line, then those below."""
    above = Cell(deployment, ratio.method, size_bytes)
    return [above, *(_below(one, above) for one in ratio.against)]


def _below(one: Below, above: Cell) -> Cell:
    size_bytes = parse_size(one.size) if one.size else above.size_bytes
    return Cell(one.deployment or above.deployment, one.method or above.method, size_bytes)


def _row(ratio: Ratio, cells: Sequence[Cell], figures: _Figures) -> RatioRow:
    summaries = [figures.summaries[cell] for cell in cells]
    rounds = min(one.rounds for one in summaries)
    if instead := _instead(summaries):
        return RatioRow(ratio, cells[0], rounds, instead)
    limited = ratio.by_cpu and summaries[0].client_limited
    by_cpu = limited and figures.knows(cells, CPU)
    interval = figures.interval(cells, CPU if by_cpu else SECONDS)
    return RatioRow(ratio, cells[0], rounds, "", interval, limited, by_cpu)


def _growth(small: Summary, large: Summary, most_bytes: int) -> GrowthRow:
    cell = Cell(large.deployment, large.method, large.size_bytes)
    if instead := _instead([small, large]):
        return GrowthRow(cell, small.size_bytes, most_bytes, instead, None, None)
    return GrowthRow(
        cell,
        small.size_bytes,
        most_bytes,
        "",
        _more(small.client_peak_rss_bytes, large.client_peak_rss_bytes),
        _more(small.server_peak_rss_bytes, large.server_peak_rss_bytes),
    )


def _more(small: int | None, large: int | None) -> int | None:
    return None if small is None or large is None else large - small


def _instead(summaries: Iterable[Summary]) -> str:
    """Which of these cells has no figure, and what it is."""
    bad = next((one for one in summaries if one.status is not Status.OK), None)
    return f"{bad.deployment} {bad.method}: {bad.status}" if bad else ""
