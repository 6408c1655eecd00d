"""Fixtures for all tests."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from uploadlab.payload import Payload, write_payload
from uploadlab.processes import Processes
from uploadlab.units import MIB

from .browser import FLAGS
from .helpers import left_overs, need
from .running import Lab


@pytest.fixture
def no_left_overs() -> Iterator[None]:
    """Fails if a test leaves processes of the lab or its folders behind."""
    before = left_overs()
    yield
    assert left_overs() <= before


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
