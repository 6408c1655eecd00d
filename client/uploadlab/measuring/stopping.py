"""Ends a comparison: a method as soon as its intervals are narrow enough, all of it after its budget."""

import time
from collections.abc import Iterable, Sequence

from uploadlab.analysis.intervals import paired
from uploadlab.analysis.significance import LEAST_PAIRS, Interval, pairs
from uploadlab.model.cells import Cell, Task
from uploadlab.model.comparison import Comparison
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run

Way = tuple[str, int]
"""A method and a size: what all deployments do, and what is compared."""
SPACING = 1.25
"""Between two looks at the intervals: a stop after each round would stop too often on a lucky one."""


def is_look(rounds: int) -> bool:
    """Return whether it is time to look at the intervals: after 6, 8, 10, 13, 17, ... rounds."""
    look = LEAST_PAIRS
    while look < rounds:
        look = -int(-look * SPACING // 1)
    return look == rounds


def enough(ratios: Iterable[Interval | None], within: float) -> bool:
    """Return whether each interval is narrow enough."""
    return all(ratio is not None and ratio.half_width <= within for ratio in ratios)


class Stopping:
    """The rule that ends a comparison: the rows say which uploads are still worth their time."""

    def __init__(self, comparison: Comparison, run: Run, rows: Sequence[Measurement]) -> None:
        sick = {target.name for target in run.targets if target.unavailable}
        cells = [planned.cell for planned in run.cells]
        self._comparison = comparison
        self._planned = {cell.id for cell in cells}
        self._end = time.monotonic() + comparison.budget_seconds
        self._seconds: dict[str, dict[int, float]] = {}
        self._broken = {cell.id for cell in cells if cell.deployment in sick}
        """Cells with an upload that was not ok: they have their answer."""
        self._settled: set[Way] = set()
        for row in rows:
            if row.status is not Status.UNAVAILABLE:  # what could not start the last time is tried again
                self._learn(row)

    def worthwhile(self, tasks: Sequence[Task]) -> list[Task]:
        """Return those of the uploads that are worth it, from all that is known so far."""
        self._settle(tasks)
        return self._open(tasks)

    def left(self, tasks: Sequence[Task], row: Measurement) -> list[Task]:
        """Return those of the uploads that are worth it after that row."""
        self._learn(row)
        if not row.warmup and (not tasks or tasks[0].round > row.round):  # a round has ended
            if time.monotonic() > self._end:
                return []
            if is_look(row.round):
                self._settle(tasks)
        return self._open(tasks)

    @property
    def seconds_left(self) -> float:
        """Return the time until the budget ends."""
        return max(0.0, self._end - time.monotonic())

    def _learn(self, row: Measurement) -> None:
        if row.status is Status.OK and row.seconds and not row.warmup:
            self._seconds.setdefault(row.cell_id, {})[row.round] = row.seconds
        elif not row.warmup:
            self._broken.add(row.cell_id)

    def _settle(self, tasks: Sequence[Task]) -> None:
        self._settled |= {way for way in {_way(task.cell) for task in tasks} if self._is_settled(way)}

    def _open(self, tasks: Sequence[Task]) -> list[Task]:
        worth = {cell for cell in {task.cell for task in tasks} if self._is_open(cell)}
        return [task for task in tasks if task.cell in worth]

    def _is_open(self, cell: Cell) -> bool:
        way = _way(cell)
        if cell.id in self._broken or way in self._settled:
            return False
        # Where the base is broken there is no ratio, but it takes one upload to see whether the other works.
        return _at(self._comparison.base, way) not in self._broken or cell.id not in self._seconds

    def _is_settled(self, way: Way) -> bool:
        compared = self._comparison
        base, again = _at(compared.base, way), _at(compared.again, way)
        left = self._planned.intersection(_at(name, way) for name in compared.others) - self._broken
        of_base = self._seconds.get(base, {})
        ratios = [
            paired(*pairs(of_base, self._seconds.get(cell, {}))) for cell in {again, *left} - self._broken
        ]
        return not left or enough(ratios, compared.within)


def _way(cell: Cell) -> Way:
    return cell.method, cell.size_bytes


def _at(deployment: str, way: Way) -> str:
    """Return the id of the cell of a deployment."""
    return Cell(deployment, *way).id
