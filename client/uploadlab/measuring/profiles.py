"""The profiled pass: uploads of their own under a profiler, never counted as timing."""

import time
from collections.abc import Sequence
from pathlib import Path

from uploadlab.measuring.protocols import Sender, Watcher
from uploadlab.measuring.uploads import told, write_payloads
from uploadlab.model.cells import Cell, Task
from uploadlab.model.deployments import EXTERNAL, REFERENCE
from uploadlab.model.measurements import Measurement, Profiled, Status
from uploadlab.model.runs import Run
from uploadlab.storage.run_folder import RunFolder

KINDS = ("calls", "samples")
"""Every call by cProfile, with what tracemalloc says of memory; and the stack each millisecond."""


def remaining(run: Run, rows: Sequence[Measurement], done: Sequence[Profiled]) -> list[tuple[Cell, str]]:
    """What is to be profiled: every pair of the app's, at its smallest size, under each profiler.

    Not what timed out already: under a profiler it takes longer.
    """
    hopeless = {row.cell_id for row in rows if row.status is Status.TIMEOUT}
    usable = {
        target.name
        for target in run.targets
        if target.tier not in (REFERENCE, EXTERNAL) and not target.unavailable
    }
    smallest: dict[tuple[str, str], Cell] = {}
    for cell, *_ in sorted(run.cells, key=lambda one: one.cell.size_bytes):
        if cell.deployment in usable and cell.id not in hopeless:
            smallest.setdefault((cell.deployment, cell.method), cell)
    finished = {(one.cell_id, one.kind) for one in done if one.files}
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
    payloads = write_payloads(data_dir, sizes)
    started = time.monotonic()
    for number, (cell, kind) in enumerate(tasks, 1):
        watcher.began(told(Task(cell, 0)))
        url, payload = urls[cell.deployment], payloads[cell.size_bytes]
        outcome, files, why = sender.profile(url, cell.method, payload, run.budget_seconds, kind)
        names = folder.keep_profile(cell, files)
        folder.append_profile(Profiled(cell.id, kind, outcome.seconds, names, why))
        left = len(tasks) - number
        spent = time.monotonic() - started
        watcher.ended(left, spent / number * left)
