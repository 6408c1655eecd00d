"""How long the rest of a run will take, from what it has taken so far."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter
from statistics import fmean

from uploadlab.measuring.protocols import Item, Watcher
from uploadlab.model.cells import Cell, Task
from uploadlab.model.measurements import Measurement

CELL_OF = attrgetter("cell")
OVERHEAD_SECONDS = 0.05
"""An upload of nothing still costs a connection, a verification and a removal."""


def watched(items: Iterable[Item], total: int, watcher: Watcher) -> Iterator[Item]:
    """Yield the items; after each, show how long the rest will take if all items take the same time."""
    started = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        watcher.ended(total - number, (time.monotonic() - started) / number * (total - number))


def time_taken(rows: Iterable[Measurement]) -> float:
    """Return about how many seconds these uploads took, with their verification."""
    return sum(_with_overhead(row.seconds or 0.0) for row in rows)


def _with_overhead(seconds: float) -> float:
    # Reading the stored file back takes about a tenth of most uploads' time.
    return OVERHEAD_SECONDS + 1.1 * seconds


class Estimate:
    """Seconds a byte of each pair, each method and the run; the most exact rate that is known counts."""

    def __init__(self, budget_seconds: float) -> None:
        self._budget_seconds = budget_seconds
        self._rates: dict[tuple[str, ...], list[float]] = {}

    def learn(self, row: Measurement) -> None:
        """Take a measurement into account."""
        if row.seconds is not None:
            for key in _keys(row.deployment, row.method):
                self._rates.setdefault(key, []).append(row.seconds / row.size_bytes)

    def seconds_left(self, tasks: Iterable[Task]) -> float:
        """Return the expected time of these uploads."""
        cells = Counter(map(CELL_OF, tasks))
        return sum(count * self._seconds(cell) for cell, count in cells.items())

    def _seconds(self, cell: Cell) -> float:
        for key in _keys(cell.deployment, cell.method):
            if rates := self._rates.get(key):
                upload = fmean(rates[-5:]) * cell.size_bytes
                return _with_overhead(min(upload, self._budget_seconds))
        return OVERHEAD_SECONDS


def _keys(deployment: str, method: str) -> tuple[tuple[str, ...], ...]:
    return (deployment, method), (method,), ()
