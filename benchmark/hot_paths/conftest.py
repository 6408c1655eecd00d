"""What the benchmarks share: files in memory to send, and a table of rates at the end."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.units import KIB, MIB, parse_size

MEMORY = Path("/dev/shm")
COPIES = 6
"""Of a payload, at most: it, two forms that hold it, what is stored, a spool, and one to spare."""
Measure = Callable[[str, int, Callable[[], object]], None]
Note = Callable[[str], None]
NOTES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """One upload shall take 20 to 100 ms: above the clock's noise, and many fit into a second."""
    parser.addoption("--size", type=parse_size, default=64 * MIB, help="of an upload, such as 64MiB")


@pytest.fixture(scope="session")
def memory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is no disk, where the host has one: a disk varies by more than what is looked for."""
    needed = COPIES * request.config.getoption("--size")
    fits = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > needed
    parent = MEMORY if fits else tmp_path_factory.getbasetemp()
    with tempfile.TemporaryDirectory(dir=parent, prefix="hot-paths-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def payload(memory: Path, request: pytest.FixtureRequest) -> Payload:
    """The file to upload."""
    return write_payload(memory / "payload", request.config.getoption("--size"))


@pytest.fixture(scope="session")
def small_payload(memory: Path, payload: Payload) -> Payload:
    """The same for what takes a second for a MiB."""
    return write_payload(memory / "small", max(KIB, payload.size_bytes // KIB))


@pytest.fixture
def measure(benchmark: Any) -> Measure:
    """Takes a group, a file's size in bytes, and a function that sends or receives it, and times that."""

    def run(group: str, size_bytes: int, once: Callable[[], object]) -> None:
        benchmark.group, benchmark.extra_info["size_bytes"] = group, size_bytes
        benchmark(once)

    return run


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> int:
    """Of an upload, in bytes."""
    size_bytes: int = request.config.getoption("--size")
    return size_bytes


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Takes a line about a link, to be printed at the end."""
    return request.config.stash.setdefault(NOTES, []).append


# Before pytest-benchmark's own, which ends it all where a comparison fails.
@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: Any) -> None:
    """Rates, a group at a time, the fastest first."""
    rates = [
        (one.group, -one.extra_info["size_bytes"] / one.stats.median / 1e6, one.name)
        for one in config._benchmarksession.benchmarks
        if one and "size_bytes" in one.extra_info
    ]
    if rates:
        terminalreporter.section("MB for each second of the timer (10^6 bytes of the file, median)")
    for group, rows in groupby(sorted(rates), itemgetter(0)):
        terminalreporter.write_line(f"{group}:")
        for _, rate, name in rows:
            terminalreporter.write_line(f"{-rate:10.1f}  {name}")
    if notes := config.stash.get(NOTES, []):
        terminalreporter.section("Links: what is declared, how far off it is (real time); the report's size")
    for line in notes:
        terminalreporter.write_line(line)
