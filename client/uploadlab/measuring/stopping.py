"""Ends a comparison: a method as soon as its intervals are narrow enough, all of it after its budget."""

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from uploadlab.analysis.significance import Interval, enough, is_look, pairs
from uploadlab.model.cells import Cell, Task
from uploadlab.model.comparison import Comparison
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run


class Way(NamedTuple):
    """What each deployment does the same."""

    method: str
    size_bytes: int

    def at(self, deployment: str) -> str:
        """The id of its cell there."""
        return Cell(deployment, self.method, self.size_bytes).id


def stopping(run: Run, rows: Sequence[Measurement]) -> "Stopping | None":
    """What ends a run's comparison, if it is one. What could not start the last time is asked again."""
    sick = {target.name for target in run.targets if target.unavailable}
    known = [row for row in rows if row.status is not Status.UNAVAILABLE or row.deployment in sick]
    cells = [one.cell for one in run.cells]
    return Stopping(run.comparison, cells, known) if run.comparison else None


class Stopping:
    """Knows from the rows which uploads are still worth it."""

    def __init__(self, comparison: Comparison, planned: Iterable[Cell], rows: Sequence[Measurement]) -> None:
        self._comparison = comparison
        self._planned = {cell.id for cell in planned}
        self._end = time.monotonic() + comparison.budget_seconds
        self._seconds: dict[str, dict[int, float]] = {}
        self._broken: set[str] = set()
        """Cells of which an upload was not ok: they have their answer."""
        self._settled: set[Way] = set()
        for row in rows:
            self._learn(row)

    def worthwhile(self, tasks: Sequence[Task]) -> list[Task]:
        """Of these uploads those that are worth it, after all that is known so far."""
        self._settled |= {way for way in {_way(task.cell) for task in tasks} if self._is_settled(way)}
        return self._open(tasks)

    def left(self, tasks: Sequence[Task], row: Measurement) -> list[Task]:
        """Of these uploads those that are worth it, after that one."""
        self._learn(row)
        round_ends = not row.warmup and (not tasks or tasks[0].round > row.round)
        if round_ends and is_look(row.round):
            ways = {_way(task.cell) for task in tasks}
            self._settled |= {way for way in ways if self._is_settled(way)}
        if round_ends and time.monotonic() > self._end:
            return []
        return self._open(tasks)

    @property
    def seconds_left(self) -> float:
        """Until the budget ends."""
        return max(0.0, self._end - time.monotonic())

    def _learn(self, row: Measurement) -> None:
        if row.warmup:
            return
        if row.status is Status.OK and row.seconds:
            self._seconds.setdefault(row.cell_id, {})[row.round] = row.seconds
        else:
            self._broken.add(row.cell_id)

    def _open(self, tasks: Sequence[Task]) -> list[Task]:
        worth = {cell for cell in {task.cell for task in tasks} if self._is_open(cell)}
        return [task for task in tasks if task.cell in worth]

    def _is_open(self, cell: Cell) -> bool:
        way = _way(cell)
        if cell.id in self._broken or way in self._settled:
            return False
        # Where the base is broken there is no ratio, but whether another one is not is worth an upload.
        return way.at(self._comparison.base) not in self._broken or cell.id not in self._seconds

    def _is_settled(self, way: Way) -> bool:
        base, again, *others = (
            way.at(name) for name in (self._comparison.base, self._comparison.again, *self._comparison.others)
        )
        left = [cell for cell in others if cell in self._planned - self._broken]
        ratios = [self._ratio(base, cell) for cell in [again, *left] if cell not in self._broken]
        return not left or enough(ratios, self._comparison.within)

    def _ratio(self, base: str, other: str) -> Interval | None:
        from uploadlab.analysis.intervals import paired  # needs numpy, which only a comparison does

        return paired(*pairs(self._seconds.get(base, {}), self._seconds.get(other, {})))


def _way(cell: Cell) -> Way:
    return Way(cell.method, cell.size_bytes)
