"""What the lab itself costs: how long a command loads, and the report of a run with very many rows.

CPU seconds of the processes, as another program on the host changes those least.
"""

import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.declared.goals import load_goals
from uploadlab.model.measurements import Measurement
from uploadlab.paths import PACKAGES, RATIOS, REFERENCE, ROOT
from uploadlab.presenting import report
from uploadlab.storage.files import MEASUREMENTS
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import MIB

from .conftest import Note

COMMANDS = ["--help", "run --help", "list", "list methods", "report --help"]
ROWS = 100_000
"""With the default size; fewer with a smaller one."""
KEPT = REFERENCE / "servers"


def cpu_of_children() -> float:
    """Return the CPU seconds of all processes that were started, and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.benchmark(group="lab", timer=cpu_of_children)
@pytest.mark.parametrize("words", COMMANDS)
def test_command(benchmark: Any, words: str) -> None:
    command = [sys.executable, "-m", "uploadlab", *words.split()]
    run = partial(
        subprocess.run, command, env={**os.environ, "PYTHONPATH": str(PACKAGES)}, cwd=ROOT,
        stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    benchmark.pedantic(run, rounds=5)


@pytest.mark.benchmark(group="lab")
def test_report(benchmark: Any, tmp_path: Path, size: int, note: Note) -> None:
    folder = many_rows(tmp_path, ROWS * size // (64 * MIB))
    goals = load_goals(RATIOS)
    benchmark.pedantic(lambda: report.write_page(folder, report.document_of(folder, goals)), rounds=1)
    note(
        f"report of {len(folder.read_measurements())} rows: {os.stat(tmp_path / 'report.html').st_size} bytes"
    )


def many_rows(place: Path, count: int) -> RunFolder:
    """Return a kept run whose rounds come again and again, as so many rows."""
    kept, folder = RunFolder(KEPT), RunFolder(place)
    folder.write_run(kept.read_run())
    rows = [row for row in kept.read_measurements() if not row.warmup]
    again = [_later(row, number) for number in range(count // len(rows) + 1) for row in rows]
    (place / MEASUREMENTS).write_bytes(msgspec.json.Encoder().encode_lines(again))
    return folder


def _later(row: Measurement, number: int) -> Measurement:
    seconds = row.seconds and row.seconds * (1 + number % 89 / 1000)
    return msgspec.structs.replace(row, round=row.round + 100 * number, seconds=seconds)
