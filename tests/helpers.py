"""What the tests share: required programs, sample records, and the lab's commands as a user runs them."""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest
from uploadlab import private_urls
from uploadlab.catalogue.methods import METHODS, methods_at
from uploadlab.declared.compose import load_deployments
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import CORE, REFERENCE, Target
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Host, Run
from uploadlab.paths import COMPOSE, ROOT
from uploadlab.processes.groups import Processes
from uploadlab.runtimes import compose as containers
from uploadlab.runtimes.local import search_path

from .forked import Forker

REQUIRED = [name for name in os.environ.get("LAB_REQUIRE", "").split(",") if name]
ALL_DEPLOYMENTS = load_deployments(COMPOSE)
DEPLOYMENTS = {name: one for name, one in ALL_DEPLOYMENTS.items() if one.group == CORE}
"""Those that have the full contract."""
REFERENCES = [name for name, one in DEPLOYMENTS.items() if one.tier == REFERENCE]
"""They run along whatever is chosen."""
SPLICED = METHODS["request.stream-splice"].route
RAW_ROUTES = [
    (name, route)
    for name, one in DEPLOYMENTS.items()
    for route in ("/request-stream", SPLICED)
    if route != SPLICED or "request.stream-splice" in methods_at(one)
]
"""Deployments with the routes where their app's readers of a raw body differ in what they ask of a server."""
LOCUST = [sys.executable, "-m", "locust", "--locustfile", str(ROOT / "client" / "locustfile.py")]


def need(*programs: str) -> None:
    """Skip the test if this host lacks a program or a package, or fail where LAB_REQUIRE names it."""
    for program in programs:
        if reason := lack(program):
            leave_out(program, reason)


def leave_out(program: str, reason: str) -> NoReturn:
    """Skip the test for this reason, or fail where LAB_REQUIRE names the program."""
    if program in REQUIRED:
        pytest.fail(f"{reason}, and LAB_REQUIRE names {program}")
    pytest.skip(reason)


def lack(program: str) -> str:
    """Why this host has not this program or package; empty if it has."""
    if program == "docker":
        with Processes() as processes:
            return containers.obstacle(processes)
    found = shutil.which(program, path=search_path()) or importlib.util.find_spec(program)
    return "" if found else f"{program} is not installed"


def environment(**more: str) -> dict[str, str]:
    """The user's environment for one of the lab's commands."""
    ours = {"PYTEST_CURRENT_TEST", private_urls.VARIABLE}  # the latter of what a test did in this process
    users = {name: value for name, value in os.environ.items() if name not in ours}
    return {**users, "PYTHONPATH": str(ROOT / "client"), "COLUMNS": "120", **more}


@cache
def first_environment() -> dict[str, str]:
    """That of commands before any test has changed its own: ``own_tmp`` of conftest.py asks for it first."""
    return environment()


@cache
def forker(path: str) -> Forker:
    """What becomes the commands of the checkout that this PYTHONPATH leads to."""
    return Forker({**first_environment(), "PYTHONPATH": path})


OFTEN = {str(ROOT / "client")}
"""The PYTHONPATH of checkouts whose commands are typed often: a process that becomes them pays."""


def lab(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """``run-matrix.sh`` without its installation step."""
    own, seconds = environment(**more), 900
    path = own["PYTHONPATH"]
    if path in OFTEN and (done := forker(path).run([*map(str, words)], own, seconds)):
        return done
    command = [sys.executable, "-m", "uploadlab", *map(str, words)]
    return subprocess.run(command, env=own, capture_output=True, text=True, timeout=seconds, check=False)


def adopt_orphans() -> None:
    """Have processes whose parent ends stay below this one: so the tests of a process know their own.

    They are zombies when they end, as nobody waits for them.
    """
    set_child_subreaper = 36  # prctl(2)
    ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def descendants() -> set[int]:
    """The processes that this one has started, and those have."""
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(process.name))
    found, left = set[int](), [os.getpid()]
    while left:
        more = children.get(left.pop(), [])
        found.update(more)
        left += more
    return found


def open_files(process: str) -> list[str]:
    """What a process has open, as the links in /proc name it; none if it has ended."""
    found: list[str] = []
    with suppress(OSError):
        for link in Path("/proc", process, "fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                found.append(str(link.readlink()))
    return found


def lab_processes() -> dict[int, dict[str, str]]:
    """What the lab runs here now, for any test, not in containers and the like: each with its environment."""
    here = Path("/proc/self/ns/pid").readlink()
    found: dict[int, dict[str, str]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            text = (path / "environ").read_bytes().decode(errors="replace")
            settings = dict(word.partition("=")[::2] for word in text.split("\0"))
            if "LAB_DEPLOYMENT" in settings and (path / "ns/pid").readlink() == here:
                found[int(path.name)] = settings
    return found


def servers(name: str = "", data_dir: Path = Path("/")) -> list[int]:
    """Those that the tests of this process run: of a deployment or of all, that store below that folder."""
    own = descendants()
    return [
        pid
        for pid, settings in lab_processes().items()
        if pid in own and name in ("", settings["LAB_DEPLOYMENT"])
        if Path(settings.get("DATA_DIR", "/")).is_relative_to(data_dir)
    ]


def left_overs() -> set[str]:
    """What the tests of this process run now, and the lab's folders in its own TMPDIR."""
    folders = {str(path) for path in Path(tempfile.gettempdir()).glob("uploadlab-*")}
    return folders | {shown(pid) for pid in lab_processes() if pid in descendants()}


def assert_nothing_left(before: set[str]) -> None:
    """No server is left, and no folder."""
    assert left_overs() <= before


def shown(pid: int) -> str:
    """A process as a failed test shows it: its id and its command."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        return f"{pid} {words}"
    return str(pid)


def wait_until(reached: Callable[[], bool], seconds: float = 120) -> None:
    """Poll until it is reached. The bound is far above what any machine takes: it ends what hangs."""
    end = time.monotonic() + seconds
    pause = 0.02
    while not reached():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(pause)
        pause = min(pause * 1.3, 0.3)  # to look may take as much time as what is waited for


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
