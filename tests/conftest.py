"""Fixtures for all tests."""

import compileall
import gc
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.units import MIB
from xdist.scheduler import LoadScopeScheduling

from .browser import FLAGS
from .checkout import checkout, leave_one_ceiling
from .compared import difference
from .engine import projects
from .helpers import (
    OFTEN,
    adopt_orphans,
    assert_nothing_left,
    first_environment,
    left_overs,
    need,
    wait_until,
)
from .recipes import RECEIVE, Recipe
from .recipes import running as running_recipe
from .running import Lab
from .stack import ANOTHER, Stack, started
from .world import World, made

# The tests of one process disturb the runs of another; what is repeated has tests of its own.
os.environ.setdefault("LAB_REPEAT", "0")
# Each command would compile all of its modules again, which takes longer than most of them need.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Where one of these is set, pytest shows a failed comparison in full, hides the test's name among hundreds of
# lines, and takes minutes for a long body.
for name in ("CI", "BUILD_NUMBER"):
    os.environ.pop(name, None)
adopt_orphans()


FIRST = [
    "containers", "stack", "test_check_everything", "test_documented_commands", "test_extending",
    "test_store_errors", "all_deployments", "test_client_check", "test_fronts", "test_servers",
    "test_report_page", "test_own_server_load",
]  # fmt: skip
"""Groups that take minutes: what comes after them fills the gaps."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what fixtures tell, and name the group whose tests run one after the other in one process.

    Containers share one, as their tests count what is left over, but for those with a stack of their own.
    What talks to all deployments shares one, so that they start once. Else each file is a group. Groups with
    nothing slow come last: so none of the processes is busy for long when the others have nothing left.
    """
    groups, patient = {}, set()
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "browser" in fixtures:
            item.add_marker(pytest.mark.chromium)
        in_containers = bool(item.get_closest_marker("containers"))
        shared = ["stack"] * in_containers + ["all_deployments"]  # a parameter may be named so, too
        file = "containers" if in_containers else item.path.stem
        groups[item.nodeid] = next((name for name in shared if name in fixtures), file)
        if any(map(item.get_closest_marker, ("slow", "chromium"))):
            patient.add(groups[item.nodeid])

    def place(item: pytest.Item) -> tuple[int, bool]:
        group = groups[item.nodeid]
        return [*FIRST, group].index(group), group not in patient

    items.sort(key=place)
    if worker := getattr(config, "workerinput", {}):
        written = _groups_file(worker).with_suffix(f".{worker['workerid']}")
        written.write_text(json.dumps(groups))
        written.rename(_groups_file(worker))


def _groups_file(worker: dict[str, Any]) -> Path:
    """Where the processes of ``pytest -n 6`` tell the one that schedules, which collects no tests itself."""
    return Path(tempfile.gettempdir()) / f"upload-lab-tests-{worker['testrunuid']}.json"


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Each group goes to one process; ``--dist loadgroup`` of xdist 3.8 does not work with pytest 9.2."""

    @cached_property
    def _groups(self) -> dict[str, str]:
        file = _groups_file(self.nodes[0].workerinput)
        groups: dict[str, str] = json.loads(file.read_text())
        file.unlink()
        return groups

    def _split_scope(self, nodeid: str) -> str:
        return self._groups[nodeid]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Of ``pytest -n 6``."""
    return Scheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Compile the lab once: else the commands of a first run would, each in a checkout of its own.

    Thousands of tests are collected, and none is garbage: looking for it takes a quarter of that time.
    """
    gc.disable()
    if not hasattr(config, "workerinput"):
        for folder in ("client", "services"):
            compileall.compile_dir(ROOT / folder, quiet=1)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show where long bytes differ, in place of all of them."""
    return (difference(left, right) or None) if op == "==" else None


@pytest.fixture(scope="session", autouse=True)
def own_tmp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A TMPDIR for each process of the tests and what it starts: what is left there, it has left."""
    tmp_path_factory.getbasetemp()  # stays where pytest keeps it
    with tempfile.TemporaryDirectory(prefix="lab-tests-") as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o755)  # servers and containers of another user have theirs below it
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        first_environment()
        yield


def pytest_collection_finish() -> None:
    """Look for garbage again, but not among what was collected."""
    gc.enable()
    gc.freeze()


@pytest.fixture
def no_left_overs() -> Iterator[None]:
    """Fails if a test leaves processes of the lab or its folders behind."""
    before = left_overs()
    yield
    assert_nothing_left(before)


@pytest.fixture
def nothing_left() -> Iterator[None]:
    need("docker")
    before = projects()
    yield
    wait_until(lambda: not projects() - before)


@pytest.fixture(scope="session")
def one_ceiling(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For a command's environment: of a checkout whose runs start one server beside what they name."""
    root = checkout(tmp_path_factory.mktemp("ceiling"))
    leave_one_ceiling(root)
    OFTEN.add(str(root / "client"))
    return {"PYTHONPATH": str(root / "client")}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Up until the end, when nothing may be left in its /tmp."""
    need("nginx", "uwsgi")
    with tempfile.TemporaryDirectory(prefix="world-", dir="/var/tmp") as folder, made(Path(folder)) as world:
        yield world
        wait_until(lambda: not list((world.folder / "tmp").glob("uploadlab-*")))


@pytest.fixture(scope="session")
def all_deployments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """All deployments, up at once until the end."""
    with Processes() as processes:
        yield Lab(processes, tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="session", params=["me", "another user"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """All containers of compose.yaml, up until the end: the same for every module."""
    need("docker")
    if request.param != "me" and os.getuid() != 0:
        pytest.skip("only root can become another user")
    with started(None if request.param == "me" else ANOTHER) as stack:
        yield stack


@pytest.fixture(scope="module")
def lab(all_deployments: Lab) -> Iterator[Lab]:
    """The same servers for every module, each with an empty store."""
    yield all_deployments
    all_deployments.clear()


@pytest.fixture(scope="module", params=RECEIVE)
def recipe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipe]:
    """Each of the page's servers in turn."""
    recipe = Recipe.copy(tmp_path_factory.mktemp("recipe") / "a copy", request.param)
    with running_recipe(recipe, request.param):
        yield recipe


@pytest.fixture
def empty(recipe: Recipe) -> Recipe:
    """With nothing stored."""
    for path in recipe.stored():
        path.unlink(missing_ok=True)  # of an upload that broke off: the server removes it, too
    return recipe


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a screen."""
    need("chromium")
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS.split())
        yield started
        started.close()


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Payload:
    """A file of 1 MiB."""
    return write_payload(tmp_path_factory.mktemp("payload") / "a", MIB)
