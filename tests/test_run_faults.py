"""The run survives: its runner killed anywhere, its server dead in mid-run, its disk full."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from uploadlab.model.measurements import Status
from uploadlab.storage.files import MEASUREMENTS
from uploadlab.storage.run_folder import RunFolder

from .helpers import environment, lab, left_overs, servers, wait_until
from .small_disk import fill, small_disk
from .test_commands import counted, only_run, start_long_run

pytestmark = pytest.mark.slow

WORDS = ("--deployments", "flask", "--methods", "request.stream,request.files", "--sizes", "1MiB")
KILLS = 4


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    (tmp_path / "data").mkdir()
    return ["--runtime", "local", "--out", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data")]


def planned(folder: RunFolder, rounds: int) -> list[tuple[str, int]]:
    return sorted((one.cell.id, at) for one in folder.read_run().cells for at in range(1, rounds + 1))


@pytest.mark.usefixtures("no_left_overs")
def test_a_runner_killed_at_any_moment_leaves_a_run_that_loads_and_goes_on(
    tmp_path: Path, where: list[str]
) -> None:
    moments = random.Random(6)
    words: list[str | Path] = [*WORDS, "--rounds", "40"]
    kept: list[tuple[str, int]] = []
    for _ in range(KILLS):
        before = left_overs()
        command = [sys.executable, "-m", "uploadlab", *map(str, words), *where]
        process = subprocess.Popen(
            command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.3, 3.5))
        process.kill()
        process.wait()
        wait_until(lambda before=before: left_overs() <= before)  # type: ignore[misc]
        if not list((tmp_path / "out").glob("*/run.json")):
            continue
        folder = only_run(tmp_path / "out")
        rows = counted(folder.read_measurements())
        assert set(kept) <= set(rows)
        assert len(set(rows)) == len(rows)
        kept, words = rows, ["resume", folder.path]
    done = lab(*words, *where)
    assert done.returncode == 0, done.stderr
    folder = only_run(tmp_path / "out")
    assert set(kept) <= set(counted(folder.read_measurements()))
    assert counted(folder.read_measurements()) == planned(folder, 40)
    assert {row.status for row in folder.read_measurements()} == {Status.OK}


def test_what_a_damaged_line_held_is_measured_again_on_resume(tmp_path: Path, where: list[str]) -> None:
    assert lab(*WORDS, "--rounds", "3", *where).returncode == 0
    folder = only_run(tmp_path / "out")
    path = folder.path / MEASUREMENTS
    lines = path.read_text().splitlines()
    last = max(at for at, line in enumerate(lines) if '"repeat":false' in line)
    lines[last] = lines[last].replace('"status":"ok"', '"status":"o"')
    path.write_text("\n".join([*lines, ""]))
    kept = counted(folder.read_measurements())
    assert len(kept) == len(planned(folder, 3)) - 1
    done = lab("resume", folder.path, *where)
    assert done.returncode == 0, done.stderr
    assert "measurements.jsonl: 1 line is damaged and left out." in done.stderr.splitlines()
    assert counted(folder.read_measurements()) == planned(folder, 3)


@pytest.mark.usefixtures("no_left_overs")
def test_a_server_that_dies_is_told_and_what_it_missed_is_measured_on_resume(
    tmp_path: Path, where: list[str]
) -> None:
    process = start_long_run(tmp_path / "out", where, rounds=30)
    os.kill(min(servers("flask", tmp_path / "data")), signal.SIGKILL)
    table, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    folder = only_run(tmp_path / "out")
    bad = [row for row in folder.read_measurements() if row.status is not Status.OK]
    assert {row.deployment for row in bad} == {"flask"}
    assert {row.status for row in bad} <= {Status.UNAVAILABLE, Status.FAILED, Status.WRONG}
    assert sum(row.status is not Status.UNAVAILABLE for row in bad) <= 1  # the one that was in work
    (told,) = {row.error for row in bad if row.status is Status.UNAVAILABLE}
    assert told and "ended with status -9" in told
    assert "ended with status -9" in table
    assert lab("resume", "last", *where).returncode == 0
    rows = [row for row in folder.read_measurements() if row.status is not Status.UNAVAILABLE]
    assert counted(rows) == planned(folder, 30)
    assert sum(row.status is not Status.OK for row in rows) <= 1


@pytest.mark.usefixtures("no_left_overs")
def test_a_full_results_disk_keeps_what_was_measured_and_the_run_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "out", 1 << 20) as out:
        filler = fill(out, 64 << 10)
        words = ("--runtime", "local", "--out", out, "--data-dir", tmp_path / "data")
        done = lab(*WORDS, "--rounds", "60", *words)
        assert done.returncode == 1
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("lab: ")]
        assert re.search(r"(No space left|the disk is full).*; what was measured is kept; .*lab resume", line)
        (path,) = out.glob("*/run.json")
        folder = RunFolder(path.parent)
        kept = counted(folder.read_measurements())
        assert 0 < len(kept) < len(planned(folder, 60))
        filler.unlink()
        done = lab("resume", folder.path, *words)
        assert done.returncode == 0, done.stderr
        rows = counted(folder.read_measurements())
        assert set(kept) <= set(rows)
        assert rows == planned(folder, 60)


@pytest.mark.usefixtures("no_left_overs")
def test_a_data_folder_that_something_removes_ends_the_run_in_one_line_and_it_goes_on(
    tmp_path: Path, where: list[str]
) -> None:
    process = start_long_run(tmp_path / "out", where, rounds=30)
    for payload in (tmp_path / "data").rglob("payload"):
        shutil.rmtree(payload)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 1
    (line,) = [line for line in said.splitlines() if line.startswith("lab: ")]
    assert re.search(r"was removed during the run; what was measured is kept; go on with: .*lab resume", line)
    folder = only_run(tmp_path / "out")
    kept = counted(folder.read_measurements())
    assert 0 < len(kept) < len(planned(folder, 30))
    assert lab("resume", "last", *where).returncode == 0
    rows = folder.read_measurements()
    assert counted(rows) == planned(folder, 30)
    assert {row.status for row in rows} == {Status.OK}
