"""What the lab itself costs: a command that loads, an upload of nearly nothing, a report of very many rows.

CPU seconds of the processes, as another program on the host changes those least.
"""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.catalogue.payloads import write_payload
from uploadlab.declared.goals import load_goals
from uploadlab.model.measurements import Measurement, Status
from uploadlab.paths import APP, PACKAGES, RATIOS, REFERENCE, ROOT
from uploadlab.presenting import report
from uploadlab.sending.host_watch import HostWatch
from uploadlab.sending.process import UploadJob, UploadVerified, answers
from uploadlab.sending.program_uploads import ProgramSender
from uploadlab.storage.files import MEASUREMENTS, REPORT
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import KIB, MIB

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
    size_bytes = (tmp_path / REPORT).stat().st_size
    note(f"report of {len(folder.read_measurements())} rows: {size_bytes / 1e6:.2f} MB")


@pytest.fixture
def raw_sink(tmp_path: Path) -> Iterator[str]:
    """The URL of the simplest server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "DATA_DIR": str(tmp_path), "PYTHONPATH": str(APP)}
    command = [sys.executable, str(ROOT / "services" / "references" / "raw_sink.py")]
    with subprocess.Popen(command, env={**os.environ, **settings}) as server:
        try:
            while not answers_at(port):
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def answers_at(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.mark.benchmark(group="lab")
def test_cell(benchmark: Any, raw_sink: str, tmp_path: Path) -> None:
    """An upload of a kilobyte by the client's process: questions, looks at the host, and the verification."""
    watch, programs = HostWatch(), ProgramSender()
    job = UploadJob(1, raw_sink, "request.stream", write_payload(tmp_path / "payload", KIB), 60.0)

    def once() -> None:
        *_, last = answers(job, watch, programs)
        assert isinstance(last, UploadVerified)
        assert last.outcome.status is Status.OK

    benchmark.pedantic(once, rounds=50, warmup_rounds=3)


def many_rows(place: Path, count: int) -> RunFolder:
    """Return a run folder with at least ``count`` rows: those of a kept run, repeated."""
    kept, folder = RunFolder(KEPT), RunFolder(place)
    folder.write_run(kept.read_run())
    rows = [row for row in kept.read_measurements() if not row.warmup]
    again = [_later(row, number) for number in range(count // len(rows) + 1) for row in rows]
    (place / MEASUREMENTS).write_bytes(msgspec.json.Encoder().encode_lines(again))
    return folder


def _later(row: Measurement, number: int) -> Measurement:
    seconds = row.seconds and row.seconds * (1 + number % 89 / 1000)
    return msgspec.structs.replace(row, round=row.round + 100 * number, seconds=seconds)
