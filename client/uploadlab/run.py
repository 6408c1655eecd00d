"""One execution of a plan: targets in, one saved measurement after the other out."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from math import inf
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from uploadlab.estimate import Estimate
from uploadlab.model import (
    EXTERNAL,
    Deployment,
    Foreign,
    LabError,
    Measurement,
    Outcome,
    Run,
    Status,
    Target,
    Task,
)
from uploadlab.payload import Payload, write_payload
from uploadlab.plan import schedule
from uploadlab.store import RunFolder
from uploadlab.units import format_size

HEALTHY_SECONDS = 15.0
LAST_TRY_SECONDS = 1.0
IDLE_GRACE_SECONDS = 10.0
START_IT = "; start that server, or correct --target NAME=URL"


class Runtime(Protocol):
    """What starts deployments and turns them into targets."""

    def lacks(self, deployments: list[Deployment]) -> str:
        """What they need and cannot have here, and what to type."""

    def start(self, deployments: list[Deployment]) -> list[Target]:
        """Start all; one that cannot start says why in its target."""

    def explain(self, name: str) -> str:
        """Why a deployment died, if it did."""

    def stop(self) -> None:
        """Stop what was started."""


class Sender(Protocol):
    """What uploads and verifies: ``client.Client``, or a fake one in tests."""

    def measure(
        self,
        url: str,
        method: str,
        payload: Payload,
        budget_seconds: float,
        foreign: Foreign | None = None,
    ) -> Outcome:
        """One verified upload."""

    def profile(
        self, url: str, method: str, payload: Payload, budget_seconds: float, kind: str
    ) -> tuple[Outcome, dict[str, bytes], str]:
        """One upload under a profiler: what became of it, the profile's files, why there are none."""

    def wait_healthy(
        self, target: Target, seconds: float, explain: Callable[[], str]
    ) -> tuple[dict[str, str], str]:
        """Versions, and why the target is not healthy."""

    def wait_idle(self, url: str, seconds: float) -> bool:
        """Whether the target became idle."""


class Watcher(Protocol):
    """What shows the progress."""

    def note(self, text: str) -> None:
        """Say something on a line of its own."""

    def began(self, what: str) -> None:
        """Something starts that will be saved."""

    def ended(self, left: int, seconds_left: float) -> None:
        """It is saved, and so much is left."""


def check_targets(
    targets: Sequence[Target], sender: Sender, explain: Callable[[str], str]
) -> tuple[list[Target], dict[str, dict[str, str]]]:
    """Wait for all targets together; returns them with reasons for the sick ones, and versions."""
    end = time.monotonic() + HEALTHY_SECONDS
    checked: list[Target] = []
    versions: dict[str, dict[str, str]] = {}
    for target in targets:
        if not target.unavailable:
            left = max(LAST_TRY_SECONDS, end - time.monotonic())
            versions[target.name], why = sender.wait_healthy(target, left, partial(explain, target.name))
            hint = START_IT if why and target.tier == EXTERNAL else ""
            target = msgspec.structs.replace(target, unavailable=why + hint)
        checked.append(target)
    return checked, versions


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


class Patience(Protocol):
    """What ends a run before its plan does: ``compare.stopping.Stopping``."""

    @property
    def seconds_left(self) -> float:
        """How long it may go on."""

    def left(self, tasks: Sequence[Task], row: Measurement) -> list[Task]:
        """Of these uploads those that are worth it, after that one."""


class Bench(NamedTuple):
    """What a run measures with."""

    sender: Sender
    data_dir: Path
    explain: Callable[[str], str]
    """Why a deployment has died; empty if it has not."""
    patience: Patience | None = None
    """None: all that is planned is measured."""


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


def now() -> str:
    """The time in UTC, as records hold it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


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
