"""What the lab itself costs: by what it loads and how often it looks at rows, never by seconds."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import pytest
from uploadlab.analysis.cells import summarize
from uploadlab.analysis.ratios import ratio_rows
from uploadlab.declared.goals import Below, Goals, Ratio, load_goals
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Measurement
from uploadlab.paths import RATIOS
from uploadlab.presenting.composition import compose
from uploadlab.presenting.html import page
from uploadlab.storage.files import MEASUREMENTS
from uploadlab.storage.reader import StoredRun
from uploadlab.storage.run_folder import RunFolder

from .helpers import RUN, environment, measured

LIBRARIES = {
    "click", "flask", "gevent", "h2", "jinja2", "locust", "msgspec", "numpy", "requests", "requests_toolbelt",
    "rich", "urllib3", "xxhash", "yaml",
}  # fmt: skip
LISTS_NEED = {"click", "msgspec", "xxhash", "yaml"}
GOALS = load_goals(RATIOS)


class Watched(list[Measurement]):
    """Rows that count how often they are all looked at."""

    looks = 0

    def __iter__(self) -> Iterator[Measurement]:
        self.looks += 1
        return super().__iter__()


def loaded(*words: str) -> set[str]:
    """Return the libraries that a command loads."""
    command = [sys.executable, "-X", "importtime", "-m", "uploadlab", *words]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    return {name for name in re.findall(r"\| +(\w+)", done.stderr) if name in LIBRARIES}


def stored(methods: int, rounds: int) -> StoredRun:
    """A run with this many cells and rounds, whose uploads differ a little."""
    names = [f"request.stream-{number}" for number in range(methods)]
    run = msgspec.structs.replace(
        RUN,
        targets=[Target("flask", "", "stock"), Target("raw-sink", "", "reference")],
        cells=[Planned(Cell("flask", name, 64 << 20), rounds, 0) for name in names],
    )
    rows = Watched(
        measured(
            "flask", name, 1 + number % 7 / 100, size_bytes=64 << 20, round=number, server_cpu_seconds=0.1
        )
        for number in range(1, rounds + 1)
        for name in names
    )
    return StoredRun(run, rows, [], [], [], [], {}, [])


def looks(methods: int) -> int:
    run = stored(methods, rounds=2)
    page(compose(run, GOALS), "")
    assert isinstance(run.rows, Watched)
    return run.rows.looks


@pytest.mark.parametrize(
    ("words", "needed"),
    [(["--help"], set()), (["run", "--help"], set()), (["list"], LISTS_NEED)],
    ids=["help", "help of a command", "list"],
)
def test_help_loads_no_library_and_lists_load_few(words: list[str], needed: set[str]) -> None:
    assert loaded(*words) <= needed


def test_a_report_of_more_cells_looks_at_the_rows_as_often() -> None:
    assert looks(methods=30) == looks(methods=3)


def test_a_report_of_more_rounds_is_no_longer() -> None:
    few, many = (len(page(compose(stored(3, rounds), GOALS), "")) for rounds in (20, 400))
    assert few == pytest.approx(many, rel=0.01)


def test_a_hundred_thousand_uploads_are_read(tmp_path: Path) -> None:
    row: dict[str, Any] = msgspec.to_builtins(measured("flask", error="e" * 500, host_warnings=["other-run"]))
    line = json.dumps(row).encode().ljust(1200) + b"\n"
    (tmp_path / MEASUREMENTS).write_bytes(line * 100_000)
    assert len(RunFolder(tmp_path).read_measurements()) == 100_000


def test_a_ratio_of_many_rounds_has_the_interval_of_resampled_medians() -> None:
    seconds = [1 + number % 101 / 1000 for number in range(404)]
    against = [Below(deployment="raw-sink")]
    ratio = Ratio(deployments=["flask"], method="request.stream", against=against, goal=1, why="")
    rows = [
        measured(name, seconds=value, round=number, size_bytes=1 << 20)
        for name in ("flask", "raw-sink")
        for number, value in enumerate(seconds, 1)
    ]
    run = msgspec.structs.replace(
        RUN,
        targets=[Target("flask", "", "stock"), Target("raw-sink", "", "reference")],
        cells=[Planned(Cell(name, "request.stream", 1 << 20), 404, 0) for name in ("flask", "raw-sink")],
    )
    (found,) = ratio_rows(run, rows, summarize(run, rows), Goals([ratio]))
    assert found.interval
    assert found.interval.value == pytest.approx(1)
    # The standard error of such a median is 1 / (2 * density * sqrt(n)), of their ratio sqrt(2) times that.
    error = 2**0.5 * 0.101 / (2 * 404**0.5) / median(seconds)
    assert 1 - found.interval.low == pytest.approx(1.96 * error, rel=0.2)
    assert found.interval.high - 1 == pytest.approx(1.96 * error, rel=0.2)
