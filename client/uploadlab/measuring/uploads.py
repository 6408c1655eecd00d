"""The timed uploads of a run, each saved as soon as it is done."""

from collections.abc import Sequence
from math import inf
from pathlib import Path

import msgspec

from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.clock import now
from uploadlab.errors import LabError
from uploadlab.measuring.protocols import Bench, Watcher
from uploadlab.measuring.time_left import Estimate
from uploadlab.model.cells import Task
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Measurement, Outcome, Status
from uploadlab.model.runs import Run
from uploadlab.planning.schedule import schedule
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import format_size

IDLE_GRACE_SECONDS = 10.0


def remaining(run: Run, folder: RunFolder) -> list[Task]:
    """What is left to do, in order. Cells that cannot be measured get their row at once."""
    targets = {target.name: target for target in run.targets}
    rows = folder.read_measurements()
    told = {row.cell_id for row in rows if not row.warmup}
    for cell, *_ in run.cells:
        why = targets[cell.deployment].unavailable
        if why and cell.id not in told:
            outcome = Outcome(status=Status.UNAVAILABLE, error=why)
            folder.append(measurement(run, Task(cell, 1), outcome, now()))
    # What could not start the last time may be able to now.
    counted = [row for row in rows if not row.warmup and row.status is not Status.UNAVAILABLE]
    done = {(row.cell_id, row.round) for row in counted}
    usable = [one for one in run.cells if not targets[one.cell.deployment].unavailable]
    return without_hopeless(schedule(usable, run.seed, done), rows)


def without_hopeless(tasks: Sequence[Task], rows: Sequence[Measurement]) -> list[Task]:
    """A cell that timed out has its row; another round would only spend its budget again."""
    hopeless = {row.cell_id for row in rows if row.status is Status.TIMEOUT and not row.warmup}
    if not hopeless:
        return list(tasks)
    return [task for task in tasks if task.warmup or task.cell.id not in hopeless]


def execute(run: Run, tasks: list[Task], bench: Bench, folder: RunFolder, watcher: Watcher) -> None:
    """Do these uploads, saving after each; raises LabError."""
    targets = {target.name: target for target in run.targets}
    payloads = write_payloads(bench.data_dir, {task.cell.size_bytes for task in tasks})
    estimate = Estimate(run.budget_seconds)
    while tasks:
        task, *tasks = tasks
        watcher.began(told(task))
        payload = payloads[task.cell.size_bytes]
        row = _measure(run, task, targets[task.cell.deployment], payload, bench, watcher)
        folder.append(row)
        estimate.learn(row)
        tasks = without_hopeless(tasks, [row])
        most_seconds = inf
        if bench.patience:
            tasks, most_seconds = bench.patience.left(tasks, row), bench.patience.seconds_left
        watcher.ended(len(tasks), min(most_seconds, estimate.seconds_left(tasks)))


def told(task: Task) -> str:
    """An upload in words: ``flask request.files 64 MiB, round 2``."""
    cell = task.cell
    what = "warm-up" if task.warmup else f"round {task.round}" if task.round else "profiled"
    return f"{cell.deployment} {cell.method} {format_size(cell.size_bytes)}, {what}"


def _measure(
    run: Run, task: Task, target: Target, payload: Payload, bench: Bench, watcher: Watcher
) -> Measurement:
    started_at = now()
    if why := bench.explain(target.name):  # it is tried again when the run goes on
        return measurement(run, task, Outcome(status=Status.UNAVAILABLE, error=why), started_at)
    outcome = bench.sender.measure(target.url, task.cell.method, payload, run.budget_seconds, target.foreign)
    patience = run.budget_seconds + IDLE_GRACE_SECONDS
    if outcome.status in (Status.FAILED, Status.TIMEOUT) and (why := bench.explain(target.name)):
        outcome.error = f"{outcome.error}; {why}"
    elif (
        outcome.status is Status.TIMEOUT
        and not target.foreign
        and not bench.sender.wait_idle(target.url, patience)
    ):
        watcher.note(f"{target.name} is still busy with the upload that was cut off")
    return measurement(run, task, outcome, started_at)


def measurement(run: Run, task: Task, outcome: Outcome, started_at: str) -> Measurement:
    """The flat record of one upload."""
    return Measurement(
        run_id=run.id,
        cell_id=task.cell.id,
        deployment=task.cell.deployment,
        method=task.cell.method,
        size_bytes=task.cell.size_bytes,
        round=task.round,
        warmup=task.warmup,
        started_at=started_at,
        **msgspec.structs.asdict(outcome),
    )


def write_payloads(data_dir: Path, sizes: set[int]) -> dict[int, Payload]:
    """One file for each size, removed with the data folder; raises LabError."""
    folder = data_dir / "payload"
    folder.mkdir(exist_ok=True)
    try:
        return {size: write_payload(folder / f"{size}.bin", size) for size in sorted(sizes)}
    except OSError as error:
        raise LabError(
            f"cannot write a payload of {format_size(max(sizes))} to {data_dir}: {error.strerror}; "
            "choose another --data-dir or smaller --sizes"
        ) from None
