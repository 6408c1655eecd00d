"""Ends rounds before all are done: those of a cell once enough is known of it, and all after a time."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from uploadlab.analysis.significance import LEAST_PAIRS, LEAST_ROUNDS, Interval, median_interval
from uploadlab.measuring.time_left import time_taken
from uploadlab.model.cells import Cell, Task
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
from uploadlab.model.runs import Accuracy

SPACING = 1.25
"""Between two looks at the intervals: a stop after each round would stop too often on a lucky one."""


def is_look(rounds: int, first: int = LEAST_PAIRS) -> bool:
    """Return whether it is time to look at the intervals: after 6, 8, 10, 13, 17, ... rounds."""
    look = first
    while look < rounds:
        look = -int(-look * SPACING // 1)
    return look == rounds


def enough(ratios: Iterable[Interval | None], within: float) -> bool:
    """Return whether each interval is narrow enough."""
    return all(ratio is not None and ratio.half_width <= within for ratio in ratios)


class Stopping(ABC):
    """The rule that ends rounds: the rows say which uploads are still worth their time."""

    first_look: int

    def __init__(self, seconds: float) -> None:
        """Take the time that is left."""
        self._round_began = time.monotonic()
        self._end = self._round_began + seconds

    @property
    def seconds_left(self) -> float:
        """Return the time until the budget ends."""
        return max(0.0, self._end - time.monotonic())

    def worthwhile(self, tasks: Sequence[Task]) -> list[Task]:
        """Return those of the uploads that are worth it, from all that is known so far."""
        self.settle(tasks)
        return self._open(tasks)

    def left(self, tasks: Sequence[Task], row: Measurement) -> list[Task]:
        """Return those of the uploads that are worth it after that row."""
        self.learn(row)
        if not tasks or tasks[0].round > row.round:  # a round has ended, or the warm-ups
            now = time.monotonic()
            round_seconds, self._round_began = now - self._round_began, now
            if not row.warmup:
                if now + round_seconds / 2 > self._end:  # the next would end later than this one is early
                    return []
                if is_look(row.round, self.first_look):
                    self.settle(tasks)
        return self._open(tasks)

    def closed_after(self, row: Measurement, tasks: Sequence[Task]) -> set[str]:
        """Return the cells of which none of these uploads is worth it after that row, by their ids.

        The uploads run side by side, and end in any order.
        """
        self.learn(row)
        if not is_look(row.round, self.first_look) and self.seconds_left:
            return set()
        worth = {task.cell.id for task in self.worthwhile(tasks)}
        return {task.cell.id for task in tasks} - worth

    def _open(self, tasks: Sequence[Task]) -> list[Task]:
        worth = {cell for cell in {task.cell for task in tasks} if self.is_open(cell)}
        return [task for task in tasks if task.cell in worth]

    @abstractmethod
    def learn(self, row: Measurement) -> None:
        """Take a row into account."""

    @abstractmethod
    def settle(self, tasks: Sequence[Task]) -> None:
        """Look at the intervals of these uploads' cells."""

    @abstractmethod
    def is_open(self, cell: Cell) -> bool:
        """Return whether the cell needs more rounds."""


class RateStopping(Stopping):
    """The rule of a run with a time limit: a cell needs more rounds until its rate is sure.

    The time is that of the run as a whole. Rounds while the host was disturbed make no rate sure.
    """

    first_look = LEAST_ROUNDS

    def __init__(self, accuracy: Accuracy, rows: Sequence[Measurement]) -> None:
        super().__init__(accuracy.budget_seconds - time_taken(rows))
        self._within = accuracy.within
        self._seconds: dict[str, list[float]] = {}
        self._done: set[str] = set()
        self._known: set[str] = set()
        for row in rows:
            if row.status is not Status.UNAVAILABLE:  # what could not start the last time is tried again
                self.learn(row)

    def worthwhile(self, tasks: Sequence[Task]) -> list[Task]:
        """Return those that are worth it; after the end of the time, only those of cells without a row."""
        left = super().worthwhile(tasks)
        return left if self.seconds_left else [task for task in left if task.cell.id not in self._known]

    def learn(self, row: Measurement) -> None:
        """Take a row into account; an upload that did not arrive takes the cell's figure away."""
        if row.warmup:
            return
        self._known.add(row.cell_id)
        if row.status not in ACCEPTED:
            self._done.add(row.cell_id)
        elif row.seconds and not row.disturbed:
            self._seconds.setdefault(row.cell_id, []).append(row.seconds)

    def settle(self, tasks: Sequence[Task]) -> None:
        """Look at the intervals of these uploads' cells."""
        for cell_id in {task.cell.id for task in tasks}:
            if self._within and enough([median_interval(self._seconds.get(cell_id, []))], self._within):
                self._done.add(cell_id)

    def is_open(self, cell: Cell) -> bool:
        """Return whether the cell needs more rounds."""
        return cell.id not in self._done
