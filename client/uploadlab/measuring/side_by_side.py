"""Uploads over slow links, many at once: each waits for its own line, not for the CPU."""

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from uploadlab.model.cells import Task
from uploadlab.model.host_use import HostWarning
from uploadlab.model.links import FAST, Link
from uploadlab.model.measurements import Measurement

MOST_RATE = 2 * FAST
"""Of all lines together."""
MOST_UPLOADS = 24
"""At once; each has a client's process."""
BY_OTHER_UPLOADS = (HostWarning.OTHER_PROCESSES, HostWarning.OTHER_RUN)
"""What the uploads beside one look like: they are no disturbance where the line is the limit."""


def runs_together(task: Task, link: Link | None) -> bool:
    """Return whether other uploads at the same time leave its rate as it is."""
    return link is not None and link.is_slow


class Together:
    """As many uploads at once as their lines and servers allow; each server has one at a time."""

    def __init__(self, tasks: Sequence[Task], behind: Mapping[str, str], links: Mapping[str, Link]) -> None:
        """Take the servers behind targets and the links before them, both by the targets' names."""
        self._waiting = list(tasks)
        self._running: list[Task] = []
        self._behind, self._links = behind, links
        self._done: queue.SimpleQueue[tuple[Task, Measurement | BaseException]] = queue.SimpleQueue()

    @property
    def waiting(self) -> list[Task]:
        """Those that have not begun."""
        return list(self._waiting)

    @property
    def left(self) -> int:
        """How many are not through."""
        return len(self._waiting) + len(self._running)

    @property
    def seconds_left(self) -> float:
        """How long the rest takes at least: of the server with most to do, or of all lines together."""
        each: dict[str, float] = {}
        size_bytes = 0
        for task in self._waiting + self._running:
            name = self._behind[task.cell.deployment]
            each[name] = each.get(name, 0.0) + self._link(task).least_seconds(task.cell.size_bytes)
            size_bytes += task.cell.size_bytes
        return max([*each.values(), sum(each.values()) / MOST_UPLOADS, size_bytes / MOST_RATE])

    def leave_out(self, cell_ids: Collection[str]) -> None:
        """Begin no more upload of these cells."""
        self._waiting = [task for task in self._waiting if task.cell.id not in cell_ids]

    def rows(self, measure: Callable[[Task], Measurement]) -> Iterator[Measurement]:
        """Do all, and yield each row when its upload is through; raise what ``measure`` raises."""
        while self._waiting or self._running:
            for task in [task for task in self._waiting if self._may_begin(task)]:
                if self._may_begin(task):
                    self._begin(task, measure)
            task, row = self._done.get()
            self._running.remove(task)
            if isinstance(row, BaseException):
                raise row
            row.host_warnings = [warning for warning in row.host_warnings if warning not in BY_OTHER_UPLOADS]
            yield row

    def _begin(self, task: Task, measure: Callable[[Task], Measurement]) -> None:
        def run() -> None:
            try:
                self._done.put((task, measure(task)))
            except BaseException as error:
                self._done.put((task, error))

        self._waiting.remove(task)
        self._running.append(task)
        # A thread that ends with the lab: one that is stopped waits for no upload.
        threading.Thread(target=run, daemon=True).start()

    def _may_begin(self, task: Task) -> bool:
        busy = {self._behind[other.cell.deployment] for other in self._running}
        rate = sum(self._link(other).up for other in [*self._running, task])
        return (
            self._behind[task.cell.deployment] not in busy
            and len(self._running) < MOST_UPLOADS
            and (rate <= MOST_RATE or not self._running)
        )

    def _link(self, task: Task) -> Link:
        return self._links[task.cell.deployment]
