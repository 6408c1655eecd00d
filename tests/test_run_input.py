"""A run folder may come from anyone: whatever its files hold, commands end soon, in one line or a notice."""

import gzip
import json
import marshal
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import Profiled
from uploadlab.model.runs import MOST_CELLS
from uploadlab.storage.files import (
    CHECKS,
    LOAD_STEPS,
    LOAD_UPLOADS,
    MEASUREMENTS,
    MOST_LINES,
    PROFILED,
    RUN_FILE,
)
from uploadlab.storage.profiles import read_calls
from uploadlab.storage.reader import read_run_folder
from uploadlab.storage.run_files import MOST_BYTES
from uploadlab.storage.run_folder import RunFolder

from .helpers import environment, measured
from .report_runs import loaded_run

pytestmark = pytest.mark.slow

MIB = 1 << 20
MOST_MEMORY = 2 << 30
"""Address space of a command; a bomb would take more."""
DEEP = b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return loaded_run(tmp_path / "loaded")


def within_bounds(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """A command that may take no more memory than a report needs."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))

    return subprocess.run(
        [sys.executable, "-m", "uploadlab", *map(str, words)],
        env=environment(), capture_output=True, text=True, timeout=300, check=False, preexec_fn=limit,
    )  # fmt: skip


def bomb(path: Path, block: bytes = b"\n", mib: int = 400) -> None:
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(mib):
            file.write(block * (MIB // len(block)))


def members(path: Path) -> None:
    """Very many packed files behind each other."""
    path.write_bytes(gzip.compress(b"") * 500_000)


def sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 40)


def edit_run(folder: RunFolder, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder.path / RUN_FILE
    run = json.loads(path.read_text())
    change(run)
    path.write_text(json.dumps(run))


def many_names(folder: RunFolder) -> None:
    with open(folder.path / MEASUREMENTS, "wb") as file:
        for number in range(3 * MOST_CELLS):
            file.write(msgspec.json.encode(measured(f"d{number}", round=10**5)) + b"\n")


def many_checks(folder: RunFolder) -> None:
    """Their grid would have a place for each pair of a deployment and a case."""
    line = {"route": "", "label": "", "started_at": "", "verdict": "fail", "text": "x"}
    with open(folder.path / CHECKS, "w") as file:
        for number in range(2 * MOST_CELLS):
            file.write(json.dumps({**line, "case": f"c{number}", "deployment": f"d{number}"}) + "\n")


def many_windows(folder: RunFolder) -> None:
    """Each of the steps says that it owns all uploads."""
    line = {"started_at": "", "status": "ok"}
    with open(folder.path / LOAD_STEPS, "w") as file:
        for number in range(MOST_CELLS - 10):
            file.write(
                json.dumps({**line, "step_id": f"s{number}", "uploads_end": number % 2 or 1 << 50}) + "\n"
            )


FILES: dict[str, tuple[Callable[[RunFolder], object], str]] = {
    "a bomb of lines": (
        lambda run: bomb(run.path / f"{CHECKS}.gz"),
        "checks.jsonl.gz is left out: it is larger",
    ),
    "a bomb of one line": (
        lambda run: bomb((run.path / MEASUREMENTS).rename(run.path / f"{MEASUREMENTS}.gz"), b"a"),
        "measurements.jsonl.gz is left out: it is larger",
    ),
    "a bomb below its limit": (
        lambda run: bomb(run.path / f"{CHECKS}.gz", mib=MOST_BYTES // MIB - 1),
        "lines",
    ),
    "many packed files in one": (
        lambda run: members(run.path / f"{CHECKS}.gz"),
        "checks.jsonl.gz is damaged",
    ),
    "a file of a terabyte": (
        lambda run: sparse(run.path / LOAD_UPLOADS),
        "uploads.jsonl is left out: it is la",
    ),
    "very many lines": (
        lambda run: (run.path / PROFILED).write_bytes(b"\n" * (MOST_LINES + 1)),
        "profiles.jsonl is left out: it has more than",
    ),
    "a long line": (lambda run: (run.path / CHECKS).write_bytes(b'"' + b"a" * 2 * MIB + b'"\n'), "1 line is"),
    "deep rows": (lambda run: (run.path / CHECKS).write_bytes(DEEP), "checks.jsonl: 1 line is damaged"),
    "a deep run.json": (
        lambda run: (run.path / RUN_FILE).write_bytes(DEEP),
        "run.json is damaged (it is nested",
    ),
    "another encoding": (
        lambda run: (run.path / RUN_FILE).write_bytes(b'{"id": "\xff"}'),
        "run.json is damaged",
    ),
    "a half character": (
        lambda run: (run.path / RUN_FILE).write_bytes(b'{"id": "\\ud800"}'),
        "run.json is damag",
    ),
    "no number": (
        lambda run: edit_run(run, lambda of: of.update(budget_seconds=float("nan"))),
        "run.json is dama",
    ),
    "infinity": (
        lambda run: edit_run(run, lambda of: of.update(budget_seconds=float("inf"))),
        "run.json is damag",
    ),
    "a huge run.json": (lambda run: sparse(run.path / RUN_FILE), "run.json is damaged (it is larger"),
    "a huge count": (
        lambda run: edit_run(run, lambda of: of["cells"][0].__setitem__(1, 10**18)),
        "run.json is dam",
    ),
    "very many uploads": (
        lambda run: edit_run(run, lambda of: of.update(cells=[[of["cells"][0][0], 10**5, 1]] * 1000)),
        "run.json is damaged (it plans more than",
    ),
    "very many cells": (
        lambda run: edit_run(run, lambda of: of.update(cells=of["cells"] * 1000)),
        "run.json is d",
    ),
    "very many names": (many_names, "lines are damaged and left out"),
    "very many checks": (many_checks, "lines are damaged and left out"),
    "steps that own all": (many_windows, "did not prove what was stored"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_report_ends_with_a_notice_whatever_the_files_hold(folder: RunFolder, what: str) -> None:
    change, said = FILES[what]
    change(folder)
    done = within_bounds("report", folder.path, "--format", "md")
    assert done.returncode == 0, done.stderr[-2000:]
    assert said in done.stdout


RUNS = [what for what, (_, said) in FILES.items() if said.startswith("run.json")]


@pytest.mark.parametrize("what", RUNS)
def test_what_goes_on_with_a_run_says_in_one_line_that_it_is_damaged(folder: RunFolder, what: str) -> None:
    FILES[what][0](folder)
    more: dict[str, list[str | Path]] = {
        "resume": [],
        "show": ["flask/request.stream/1MiB"],
        "diff": [folder.path],
    }
    for command, words in more.items():
        done = within_bounds(command, folder.path, *words)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert RUN_FILE in line or str(folder.path) in line


STRANGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no target": lambda run: run.update(targets=[]),
    "a cell twice": lambda run: run.update(cells=run["cells"] * 2),
    "a config without text": lambda run: run.update(config_names={"flask": ["configs/nowhere.ini"]}),
    "a long config": lambda run: run.update(configs={"configs/a.ini": "ab\n" * 1_000_000}),
    "other configs": lambda run: run.update(
        configs={"configs/a.ini": "\n".join(f"{n**9:0100b}" for n in range(450))}
    ),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_plan_that_makes_no_sense_ends_no_command(folder: RunFolder, tmp_path: Path, what: str) -> None:
    other = loaded_run(tmp_path / "other").path
    edit_run(RunFolder(other), lambda run: run["configs"].update({"configs/a.ini": "ba\n" * 450}))
    (folder.path / MEASUREMENTS).write_bytes((folder.path / MEASUREMENTS).read_bytes().splitlines(True)[0])
    edit_run(folder, STRANGE[what])
    path = folder.path
    commands: list[list[str | Path]] = [
        ["report", path],
        ["report", path, "--format", "csv"],
        ["diff", path, other, "--force"],
    ]
    for words in commands:
        done = within_bounds(*words)
        assert done.returncode == 0, done.stderr[-2000:]
    assert "middle" in within_bounds("show", path, "flask/request.stream/1MiB").stdout


def test_counts_are_read_from_json_alone_and_inside_the_folder(folder: RunFolder, tmp_path: Path) -> None:
    counts = {"total_seconds": 2.0, "functions": [["a/b.py", "f", 3, 1.0]]}
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps(counts))
    stats: dict[Any, Any] = {("a/b.py", 1, "f"): (3, 3, 1.0, 1.0, {})}
    (tmp_path / "outside.pstats").write_bytes(marshal.dumps(stats))
    cell = Cell("flask", "request.stream", 1)
    names = ["../outside.pstats", str(tmp_path / "outside.pstats"), "profiles/../../outside.pstats"]
    for name in names:
        folder.append_profile(Profiled(cell.id, "calls", 1.0, [name]))
        assert read_calls(folder) == {}
    (own,) = folder.keep_profile(cell, {"own.pstats": marshal.dumps(stats)})
    folder.append_profile(Profiled(cell.id, "calls", 1.0, [own]))
    assert read_calls(folder) == {}
    (folder.path / own).with_suffix(".json").symlink_to(outside)
    assert read_calls(folder) == {}
    folder.keep_profile(cell, {"own.json": json.dumps(counts).encode()})
    assert read_calls(folder)["flask", "request.stream"].functions == {("a/b.py", "f"): (3, 1.0)}


def test_nothing_of_the_lab_unmarshals() -> None:
    package = Path(read_calls.__code__.co_filename).parents[1]
    words = ("import pstats", "import marshal", "import pickle", "marshal.loads", "pickle.load")
    texts = {path.name: path.read_text() for path in package.rglob("*.py")}
    assert len(texts) > 100
    assert [name for name, text in texts.items() if any(word in text for word in words)] == []


def test_an_upload_counts_once_however_many_steps_own_it(folder: RunFolder) -> None:
    rows = len(read_run_folder(folder).uploads)
    last = (folder.path / LOAD_STEPS).read_text().splitlines()[-1]
    with open(folder.path / LOAD_STEPS, "a") as file:
        file.write(f"{last}\n" * 3)
    assert len(read_run_folder(folder).uploads) <= rows


def test_a_step_of_a_damaged_file_makes_no_file_of_a_terabyte(folder: RunFolder) -> None:
    lines = (folder.path / LOAD_STEPS).read_text().splitlines()
    step = {**json.loads(lines[-1]), "uploads_end": 1 << 40}
    (folder.path / LOAD_STEPS).write_text("\n".join([*lines[:-1], json.dumps(step)]) + "\n")
    folder.append_step(folder.read_steps()[0], [])
    assert folder.uploads_file.stat().st_size < MIB
