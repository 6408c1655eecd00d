"""Ends a comparison: a method of a group once its intervals are narrow enough, all of it after its time."""

from collections.abc import Sequence

from uploadlab.analysis.intervals import paired
from uploadlab.analysis.significance import LEAST_PAIRS, Interval
from uploadlab.measuring.stopping import Stopping, enough
from uploadlab.model.cells import Cell, Task
from uploadlab.model.comparison import ComparedGroup, Comparison
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.runs import Run

Way = tuple[str, int]
"""A method and a size: what all deployments of a group do, and what is compared."""


class ComparisonStopping(Stopping):
    """The rule of a comparison. A run that goes on has all the time again."""

    first_look = LEAST_PAIRS

    def __init__(self, comparison: Comparison, run: Run, rows: Sequence[Measurement]) -> None:
        super().__init__(comparison.budget_seconds)
        sick = {target.name for target in run.targets if target.unavailable}
        cells = [planned.cell for planned in run.cells]
        self._within = comparison.within
        self._groups: dict[str, ComparedGroup] = {
            name: group for group in comparison.groups for name in (group.base, group.again, *group.others)
        }
        """By the names of their deployments, of which a damaged run may have others."""
        self._planned = {cell.id for cell in cells}
        self._seconds: dict[str, dict[int, float]] = {}
        self._broken = {cell.id for cell in cells if cell.deployment in sick}
        """Cells with an upload that was not ok: they have their answer."""
        self._settled: set[tuple[str, Way]] = set()
        """Methods with a clear result, each with the base of its group."""
        for row in rows:
            if row.status is not Status.UNAVAILABLE:  # what could not start the last time is tried again
                self.learn(row)

    def learn(self, row: Measurement) -> None:
        """Take a row into account."""
        if row.warmup:
            return
        if row.status in ACCEPTED and row.seconds:
            times = self._seconds.setdefault(row.cell_id, {})
            if not row.disturbed:
                times[row.round] = row.seconds
        else:
            self._broken.add(row.cell_id)

    def settle(self, tasks: Sequence[Task]) -> None:
        """Look at the intervals of these uploads' methods."""
        cells = {task.cell for task in tasks if task.cell.deployment in self._groups}
        looked = {(self._groups[cell.deployment].base, _way(cell)) for cell in cells}
        self._settled |= {(base, way) for base, way in looked if self._is_settled(self._groups[base], way)}

    def is_open(self, cell: Cell) -> bool:
        """Return whether the cell needs more rounds."""
        group, way = self._groups.get(cell.deployment), _way(cell)
        if group is None or cell.id in self._broken or (group.base, way) in self._settled:
            return False
        # Where the base is broken there is no ratio, but it takes one upload to see whether the other works.
        return _at(group.base, way) not in self._broken or cell.id not in self._seconds

    def _is_settled(self, group: ComparedGroup, way: Way) -> bool:
        base, again = _at(group.base, way), _at(group.again, way)
        left = self._planned.intersection(_at(name, way) for name in group.others) - self._broken
        ratios = [self._ratio(base, cell_id) for cell_id in {again, *left} - self._broken]
        return not left or enough(ratios, self._within)

    def _ratio(self, base: str, other: str) -> Interval | None:
        """Return the ratio in quiet rounds: others make no difference sure."""
        above, below = (self._seconds.get(cell_id, {}) for cell_id in (base, other))
        rounds = sorted(above.keys() & below.keys())
        return paired([above[number] for number in rounds], [below[number] for number in rounds])


def _way(cell: Cell) -> Way:
    return cell.method, cell.size_bytes


def _at(deployment: str, way: Way) -> str:
    """Return the id of the cell of a deployment."""
    return Cell(deployment, *way).id
