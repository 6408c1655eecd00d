"""The timed uploads of a run, each saved as soon as it is done."""

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from math import inf
from pathlib import Path

import msgspec

from uploadlab.analysis.cells import given_up
from uploadlab.analysis.link_facts import links_of_targets
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.clock import now
from uploadlab.errors import LabError
from uploadlab.measuring.health import wait_idle
from uploadlab.measuring.limits import over_limit, within_limits
from uploadlab.measuring.over_links import close_line, open_line
from uploadlab.measuring.protocols import Watcher, Workbench
from uploadlab.measuring.side_by_side import Together, runs_together
from uploadlab.measuring.stopping import RateStopping, Stopping
from uploadlab.measuring.time_left import Estimate, time_taken
from uploadlab.model.cells import Cell, Task
from uploadlab.model.links import Link
from uploadlab.model.measurements import Measurement, Outcome, Status
from uploadlab.model.runs import Run
from uploadlab.planning.schedule import repeats, schedule
from uploadlab.units import format_size

REPEAT = "LAB_REPEAT"
"""The variable that, as 0, keeps disturbed rounds from being measured again."""


class UploadStage:
    """The uploads against the clock, one after the other; in a comparison until enough is known."""

    name = "uploads"

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._targets = {target.name: target for target in bench.run.targets}
        self._links = {link.name: link for link in bench.run.links}
        self._over: list[Task] = []
        """What would be more than a server of the user's own is to get."""

    def remaining(self) -> list[Task]:
        """Return what is left to do, in order; first, as a row each, what cannot be measured."""
        run, rows = self._bench.run, self._bench.folder.read_measurements()
        known = {row.cell_id for row in rows if not row.warmup}
        sick = [planned.cell for planned in run.cells if self._is_sick(planned.cell)]
        usable = [planned for planned in run.cells if planned.cell not in sick]
        # What could not start the last time may be able to now.
        counted = [row for row in rows if row.status is not Status.UNAVAILABLE]
        done = {(row.cell_id, row.round) for row in counted if not (row.warmup or row.repeat)}
        tasks = self._without_hopeless(schedule(usable, run.seed, done), rows)
        tasks, self._over = within_limits(run, self._bench.folder, tasks)
        begun = known | {task.cell.id for task in tasks if not task.warmup}
        sick += dict.fromkeys(task.cell for task in self._over if task.cell.id not in begun)
        if stopping := self._stopping(rows):
            tasks = stopping.worthwhile(tasks)
        return [Task(cell, 1) for cell in sick if cell.id not in known] + tasks + self._repeats(rows)

    def execute(self, items: Sequence[Task], watcher: Watcher) -> None:
        """Do these uploads, saving after each, then repeat what was disturbed; raise LabError."""
        run, folder = self._bench.run, self._bench.folder
        estimate, stopping = Estimate(run.budget_seconds), self._stopping(folder.read_measurements())
        for name in dict.fromkeys(task.cell.deployment for task in self._over):
            count = sum(task.cell.deployment == name for task in self._over)
            watcher.note(f"{count} uploads are left out: {over_limit(self._targets[name])}.")
        tasks = [task for task in items if not (self._unavailable(task) or task.repeat)]
        sizes = {task.cell.size_bytes for task in items if not self._unavailable(task)}
        payloads = write_payloads(self._bench.data_dir, sizes)
        for task in items:
            if self._unavailable(task) and not task.repeat:  # no row is missing, whatever ends the run
                folder.append(self._measure(task, payloads, watcher))
        warmups, measured = _parted(tasks, lambda task: task.warmup)
        together, apart = _parted(measured, lambda task: runs_together(task, self._link(task)))

        def in_turn(tasks: list[Task], later: Sequence[Task] = ()) -> None:
            while tasks:
                task = tasks.pop(0)
                row = self._save(task, payloads, watcher)
                estimate.learn(row)
                tasks = self._without_hopeless(tasks, [row])
                most_seconds = inf
                if stopping:
                    tasks, most_seconds = stopping.left(tasks, row), stopping.seconds_left
                seconds_left = estimate.seconds_left(chain(tasks, later))
                watcher.ended(len(tasks) + len(later), min(most_seconds, seconds_left))

        in_turn(warmups, measured)
        self._side_by_side(together, len(apart), payloads, stopping, watcher)
        in_turn(apart)
        self._repeat(payloads, estimate, watcher)

    def _repeat(self, payloads: dict[int, Payload], estimate: Estimate, watcher: Watcher) -> None:
        """Measure disturbed rounds again, as long as there is time for it."""
        rows = self._bench.folder.read_measurements()
        tasks = self._repeats(rows)
        payloads |= write_payloads(
            self._bench.data_dir, {task.cell.size_bytes for task in tasks} - payloads.keys()
        )
        while tasks:
            task, *tasks = tasks
            rows.append(self._save(task, payloads, watcher))
            estimate.learn(rows[-1])
            tasks = tasks if has_time_to_repeat(self._bench.run, rows) else []
            watcher.ended(len(tasks), estimate.seconds_left(tasks))

    def _side_by_side(
        self,
        tasks: Sequence[Task],
        later: int,
        payloads: Mapping[int, Payload],
        stopping: Stopping | None,
        watcher: Watcher,
    ) -> None:
        """Do those whose link is the limit, many at once; as many as ``later`` come after them."""
        behind = {name: target.behind for name, target in self._targets.items()}
        together = Together(tasks, behind, links_of_targets(self._bench.run))
        for row in together.rows(lambda task: self._measure(task, payloads, watcher)):
            self._bench.folder.append(row)
            together.leave_out(given_up(self._bench.run, [row]))
            most_seconds = inf
            if stopping:
                together.leave_out(stopping.closed_after(row, together.waiting))
                most_seconds = stopping.seconds_left
            watcher.ended(together.left + later, min(most_seconds, together.seconds_left))

    def _link(self, task: Task) -> Link | None:
        """Return what the upload goes over; a warm-up goes over nothing."""
        return None if task.warmup else self._links.get(self._targets[task.cell.deployment].link)

    def _save(self, task: Task, payloads: Mapping[int, Payload], watcher: Watcher) -> Measurement:
        """Upload once, and save the row."""
        what = "warm-up" if task.warmup else f"round {task.round}{', again' if task.repeat else ''}"
        size = format_size(task.cell.size_bytes)
        watcher.began(f"{task.cell.deployment} {task.cell.method} {size}, {what}")
        row = self._measure(task, payloads, watcher)
        self._bench.folder.append(row)
        return row

    def _repeats(self, rows: Sequence[Measurement]) -> list[Task]:
        """Return the disturbed rounds to measure again; a comparison measures more rounds instead."""
        run = self._bench.run
        if run.comparison or os.environ.get(REPEAT) == "0" or not has_time_to_repeat(run, rows):
            return []
        tasks = [task for task in repeats(rows, run.seed) if not self._is_sick(task.cell)]
        return within_limits(run, self._bench.folder, tasks)[0]

    def _is_sick(self, cell: Cell) -> bool:
        return bool(self._targets[cell.deployment].unavailable)

    def _measure(self, task: Task, payloads: Mapping[int, Payload], watcher: Watcher) -> Measurement:
        """Upload once; a deployment that has died is tried again when the run goes on."""
        run, explain = self._bench.run, self._bench.explain
        cell, started_at = task.cell, now()
        target = self._targets[cell.deployment]
        if why := self._unavailable(task) or explain(target.behind):
            outcome = Outcome(status=Status.UNAVAILABLE, error=why)
        else:
            payload = payloads[cell.size_bytes]
            outcome = self._sent(task, payload)
            if outcome.status is Status.FAILED and not Path(payload.path).exists():
                raise LabError(self._bench.folder.interrupted(f"{payload.path} was removed during the run"))
            if outcome.status in (Status.FAILED, Status.TIMEOUT) and (why := explain(target.behind)):
                # Not slow but dead: the cell is not given up, other rounds are measured when the run goes on.
                outcome.status, outcome.error = Status.FAILED, f"{outcome.error}; {why}"
            elif outcome.status is Status.TIMEOUT:
                wait_idle(self._bench, target, watcher)
        return Measurement(
            run_id=run.id,
            cell_id=cell.id,
            deployment=cell.deployment,
            method=cell.method,
            size_bytes=cell.size_bytes,
            round=task.round,
            warmup=task.warmup,
            repeat=task.repeat,
            started_at=started_at,
            **msgspec.structs.asdict(outcome),
        )

    def _sent(self, task: Task, payload: Payload) -> Outcome:
        """Upload once, over the link if there is one."""
        run, sender, cell = self._bench.run, self._bench.sender, task.cell
        target, link = self._targets[cell.deployment], self._link(task)
        if link is None:
            return sender.measure(
                target.url, cell.method, payload, run.budget_seconds, target.foreign,
                packages=target.client_packages,
            )  # fmt: skip
        try:
            line = open_line(self._bench, target, link, str(task.round))
        except LabError as error:
            return Outcome(status=Status.FAILED, error=str(error))
        budget_seconds = run.budget_seconds + link.least_seconds(cell.size_bytes)
        try:
            outcome = sender.measure(
                target.url, cell.method, payload, budget_seconds, target.foreign, (line.host, line.port),
                target.client_packages,
            )  # fmt: skip
        finally:
            close_line(self._bench, line)
        return outcome

    def _unavailable(self, task: Task) -> str:
        """Return why an upload cannot be made at all; empty if it can."""
        target = self._targets[task.cell.deployment]
        left_out = any((other.cell, other.round) == (task.cell, task.round) for other in self._over)
        return target.unavailable or (over_limit(target) if left_out and not task.repeat else "")

    def _without_hopeless(self, tasks: list[Task], rows: Sequence[Measurement]) -> list[Task]:
        """Leave out the cells that are given up after these rows."""
        hopeless = given_up(self._bench.run, rows)
        return (
            tasks if not hopeless else [task for task in tasks if task.warmup or task.cell.id not in hopeless]
        )

    def _stopping(self, rows: Sequence[Measurement]) -> Stopping | None:
        """Return what ends the rounds before all are done; None if nothing does."""
        run = self._bench.run
        if run.comparison:
            from uploadlab.measuring.comparing import (
                ComparisonStopping,  # needs numpy, which no other run does
            )

            return ComparisonStopping(run.comparison, run, rows)
        return RateStopping(run.accuracy, rows) if run.accuracy else None


def _parted(tasks: Sequence[Task], fits: Callable[[Task], bool]) -> tuple[list[Task], list[Task]]:
    """Return the uploads that fit, and the others, each in their order."""
    return [task for task in tasks if fits(task)], [task for task in tasks if not fits(task)]


def has_time_to_repeat(run: Run, rows: Sequence[Measurement]) -> bool:
    """Return whether repeats have taken less time than the rounds, and than half of a run's time limit."""
    repeated = time_taken([row for row in rows if row.repeat])
    limit = run.accuracy.budget_seconds / 2 if run.accuracy else inf
    return repeated < min(limit, time_taken([row for row in rows if not row.repeat]))


def write_payloads(data_dir: Path, sizes: set[int]) -> dict[int, Payload]:
    """Write one file for each size, removed with the data folder; raise LabError."""
    folder = data_dir / "payload"
    if not sizes:
        return {}
    try:
        folder.mkdir(exist_ok=True)
        return {size: write_payload(folder / f"{size}.bin", size) for size in sorted(sizes)}
    except OSError as error:
        raise LabError(
            f"cannot write a payload of {format_size(max(sizes))} to {data_dir}: {error.strerror}; "
            "choose another --data-dir or smaller --sizes"
        ) from None
