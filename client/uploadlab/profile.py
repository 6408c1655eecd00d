"""The profiled pass: uploads of their own under a profiler, never counted as timing."""

import pstats
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from uploadlab.model import EXTERNAL, REFERENCE, Cell, Measurement, Profiled, Run, Status, Task
from uploadlab.run import Sender, Watcher, told, write_payloads
from uploadlab.store import RunFolder

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


class Calls(NamedTuple):
    """What cProfile counted in one upload."""

    size_bytes: int
    total_seconds: float
    functions: dict[tuple[str, str], tuple[int, float]]
    """Calls and cumulative seconds by the end of the file's path and the function's name."""

    def share(self, file: str, function: str) -> float:
        """Of the time, spent in that function and what it calls."""
        return self.functions.get((file, function), (0, 0.0))[1] / (self.total_seconds or 1.0)

    def per_byte(self, file: str, function: str) -> float:
        """Calls of that function for each byte of the upload."""
        return self.functions.get((file, function), (0, 0.0))[0] / self.size_bytes


Profiles = dict[tuple[str, str], Calls]
"""By deployment and method."""


def read_calls(folder: RunFolder) -> Profiles:
    """What the run's profiles counted; a file that cannot be read is left out."""
    found: Profiles = {}
    for one in folder.read_profiled():
        deployment, method, size = one.cell_id.split("/")
        for name in one.files:
            if name.endswith(".pstats"):
                with suppress(OSError, ValueError, EOFError, TypeError):
                    found[deployment, method] = _calls(folder.path / name, int(size))
    return found


def _calls(path: Path, size_bytes: int) -> Calls:
    stats: dict[Any, Any] = pstats.Stats(str(path)).stats  # type: ignore[attr-defined]  # untyped, documented
    functions = {
        ("/".join(Path(file).parts[-2:]), function): (calls, cumulative)
        for (file, _, function), (_, calls, _, cumulative, _) in stats.items()
    }
    return Calls(size_bytes, sum(own for _, _, own, _, _ in stats.values()), functions)


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


def profile_notes(rows: Sequence[Measurement], profiled: Sequence[Profiled]) -> list[str]:
    """What profiling cost, and what could not be profiled, in lines."""
    lines = [
        f"Under the profiler of {kind}, uploads took {_range(times)} times as long."
        for kind, times in overheads(rows, profiled).items()
    ]
    notes = dict.fromkeys(f"{one.cell_id}: not profiled: {one.note}" for one in profiled if one.note)
    return lines + list(notes)


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"
