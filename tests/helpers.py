"""What the tests share: required programs, sample records, and the lab's commands as a user runs them."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from uploadlab.declared.compose import load_deployments
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import CORE, REFERENCE, Target
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Host, Run
from uploadlab.paths import COMPOSE, ROOT
from uploadlab.processes.groups import Processes
from uploadlab.runtimes import compose as containers
from uploadlab.runtimes.local import search_path

REQUIRED = [name for name in os.environ.get("LAB_REQUIRE", "").split(",") if name]
ALL_DEPLOYMENTS = load_deployments(COMPOSE)
DEPLOYMENTS = {name: one for name, one in ALL_DEPLOYMENTS.items() if one.group == CORE}
"""Those that have the full contract."""
REFERENCES = [name for name, one in DEPLOYMENTS.items() if one.tier == REFERENCE]
"""They run along whatever is chosen."""
LOCUST = [sys.executable, "-m", "locust", "--locustfile", str(ROOT / "client" / "locustfile.py")]


def need(*programs: str) -> None:
    """Skip the test if this host lacks a program, or fail where LAB_REQUIRE names it."""
    for program in programs:
        if reason := _lack(program):
            if program in REQUIRED:
                pytest.fail(f"{reason}, and LAB_REQUIRE names it")
            pytest.skip(reason)


def _lack(program: str) -> str:
    if program == "docker":
        with Processes() as processes:
            return containers.obstacle(processes)
    return "" if shutil.which(program, path=search_path()) else f"{program} is not installed"


def environment(**more: str) -> dict[str, str]:
    """The user's environment for one of the lab's commands."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "client"), "COLUMNS": "120", **more}


def lab(*words: str | Path, enter: Sequence[str] = (), **more: str) -> subprocess.CompletedProcess[str]:
    """``run-matrix.sh`` without its installation step; ``enter`` are the words before a command."""
    command = [*enter, sys.executable, "-m", "uploadlab", *map(str, words)]
    return subprocess.run(
        command, env=environment(**more), capture_output=True, text=True, timeout=900, check=False
    )


@contextmanager
def only_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One process of the tests at a time."""
    with open(tmp_path_factory.getbasetemp().parent / "one-at-a-time", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def running() -> Iterator[tuple[int, list[bytes]]]:
    """The processes that run here, not in containers and the like, with the words of their environment."""
    here = Path("/proc/self/ns/pid").readlink()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words, where = (path / "environ").read_bytes().split(b"\0"), (path / "ns/pid").readlink()
            if where == here:
                yield int(path.name), words


def servers(name: str = "", data_dir: Path = Path("/")) -> list[int]:
    """The processes that the lab runs here now: of a deployment or of all, that store below that folder."""
    found: list[int] = []
    for pid, words in running():
        settings = dict(word.decode(errors="replace").partition("=")[::2] for word in words)
        deployment, folder = settings.get("LAB_DEPLOYMENT"), settings.get("DATA_DIR", "/")
        if deployment and name in ("", deployment) and Path(folder).is_relative_to(data_dir):
            found.append(pid)
    return found


def left_overs() -> set[str]:
    """The lab's servers that run now, and its socket folders."""
    return {str(path) for path in Path("/tmp").glob("uploadlab-*")} | set(map(shown, servers()))


def shown(pid: int) -> str:
    """A process as a failed test shows it: its id and its command."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        return f"{pid} {words}"
    return str(pid)


def wait_until(reached: Callable[[], bool], seconds: float = 120) -> None:
    """Poll until it is reached. The bound is far above what any machine takes: it ends what hangs."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.05)


def hung_up(port: int, client: int) -> bool:
    """Whether a server has closed its end of a client's connection, from whichever queue it was in."""
    ends = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    still_open = {"01", "08"}  # ESTABLISHED, CLOSE_WAIT
    found = {(local[8:], remote[8:]) for local, remote, state in ends if state in still_open}
    return (f":{port:04X}", f":{client:04X}") not in found


SIZE = 10_000_000


def measured(
    deployment: str, method: str = "request.stream", seconds: float | None = 1.0, **more: Any
) -> Measurement:
    fields = {"round": 1, "warmup": False, "status": Status.OK, "size_bytes": SIZE, **more}
    return Measurement(
        run_id="r", cell_id=Cell(deployment, method, fields["size_bytes"]).id, deployment=deployment,
        method=method, seconds=seconds, started_at="", **fields,
    )  # fmt: skip


def run_of(*cells: tuple[str, str]) -> Run:
    """A sample run of these cells."""
    return Run(
        id="r", plan="p", seed=1, runtime="local", started_at="", budget_seconds=1,
        host=Host("", 1, 1, "", ""),
        targets=[Target("flask", "", "stock"), Target("raw-sink", "", "reference")],
        cells=[Planned(Cell(*cell, SIZE), 3, 1) for cell in cells],
    )  # fmt: skip


RUN = run_of(("flask", "request.stream"), ("flask", "request.files"), ("raw-sink", "request.stream"))
