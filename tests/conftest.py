"""Fixtures for all tests."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from uploadlab.payload import Payload, write_payload
from uploadlab.processes import Processes
from uploadlab.units import MIB
from xdist.scheduler import LoadScopeScheduling

from .browser import FLAGS
from .engine import projects
from .helpers import left_overs, need, only_one, wait_until
from .running import Lab

DOCKER = {
    "tests/test_check_containers.py",
    "tests/test_compare_containers.py",
    "tests/test_compose_up.py",
    "tests/test_docker_runtime.py",
}
"""What has containers for servers."""
APART = {
    "tests/test_ablation.py",
    "tests/test_compare.py",
    "tests/test_compare_judge.py",
    "tests/test_diagnosis.py",
    "tests/test_documented_commands.py",
    "tests/test_interval.py",
    "tests/test_lineup.py",
    "tests/test_plan.py",
    "tests/test_ratios.py",
    "tests/test_recipes.py",
    "tests/test_report.py",
    "tests/test_report_page.py",
    "tests/test_stats.py",
    "tests/test_store.py",
    "tests/test_viewer.py",
}
"""What takes long, starts no server that others would find, and does not mind who else does."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """All that starts servers goes to one process, all containers to another: they look for left-overs."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return file if file in APART else "containers" if file in DOCKER else "servers"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Of ``pytest -n 2``."""
    return Scheduling(config, log)


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No other test that has this starts or counts servers meanwhile, whichever process it runs in."""
    with only_one(tmp_path_factory):
        yield


@pytest.fixture
def no_left_overs(alone: None) -> Iterator[None]:
    """Fails if a test leaves processes of the lab or its folders behind."""
    before = left_overs()
    yield
    assert left_overs() <= before


@pytest.fixture
def nothing_left() -> Iterator[None]:
    need("docker")
    before = projects()
    yield
    wait_until(lambda: not projects() - before)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """All deployments, up at once."""
    with Processes() as processes:
        yield Lab(processes, tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a screen."""
    need("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS.split())
        yield started
        started.close()


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Payload:
    """A file of 1 MiB."""
    return write_payload(tmp_path_factory.mktemp("payload") / "a", MIB)
