"""The profiled pass: uploads of their own under a profiler, never counted as timing."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from uploadlab.model import EXTERNAL, REFERENCE, Cell, Measurement, Profiled, Run, Status, Task
from uploadlab.payload import write_payload
from uploadlab.run import Sender, Watcher, measurement, now
from uploadlab.store import RunFolder

KINDS = ("calls", "samples")
"""Every call by cProfile, with what tracemalloc says of memory; and the stack each millisecond."""


def remaining(run: Run, done: Sequence[Profiled]) -> list[tuple[Cell, str]]:
    """What is to be profiled: every pair of the app's, at its smallest size, under each profiler."""
    usable = {
        target.name
        for target in run.targets
        if target.tier not in (REFERENCE, EXTERNAL) and not target.unavailable
    }
    smallest: dict[tuple[str, str], Cell] = {}
    for cell, *_ in sorted(run.cells, key=lambda one: one.cell.size_bytes):
        if cell.deployment in usable:
            smallest.setdefault((cell.deployment, cell.method), cell)
    finished = {(one.cell_id, one.kind) for one in done}
    return [(cell, kind) for kind in KINDS for cell in smallest.values() if (cell.id, kind) not in finished]


def execute(
    run: Run,
    tasks: Sequence[tuple[Cell, str]],
    sender: Sender,
    data_dir: Path,
    folder: RunFolder,
    watcher: Watcher,
) -> None:
    """Do these, keeping each profile as soon as it is there; raises LabError."""
    urls = {target.name: target.url for target in run.targets}
    sizes = {cell.size_bytes for cell, _ in tasks}
    payloads = {size: write_payload(data_dir / f"profile-{size}.bin", size) for size in sizes}
    started = time.monotonic()
    for number, (cell, kind) in enumerate(tasks, 1):
        task, at = Task(cell, 0), now()
        watcher.began(task)
        url, payload = urls[cell.deployment], payloads[cell.size_bytes]
        outcome, files, why = sender.profile(url, cell.method, payload, run.budget_seconds, kind)
        names = folder.keep_profile(cell, files)
        folder.append_profile(Profiled(cell.id, kind, outcome.seconds, names, why))
        left = len(tasks) - number
        spent = time.monotonic() - started
        watcher.ended(measurement(run, task, outcome, at), left, spent / number * left)


def overheads(rows: Sequence[Measurement], profiled: Sequence[Profiled]) -> dict[str, list[float]]:
    """How many times as long uploads took under each profiler, as far as both are known."""
    timed: dict[str, list[float]] = {}
    for row in rows:
        if not row.warmup and row.status is Status.OK and row.seconds:
            timed.setdefault(row.cell_id, []).append(row.seconds)
    found: dict[str, list[float]] = {}
    for one in profiled:
        if one.files and one.seconds and one.cell_id in timed:
            found.setdefault(one.kind, []).append(one.seconds / median(timed[one.cell_id]))
    return found
