"""A run of several clients, made by hand: what each is fast at, and what it takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import GIB, MIB

from .helpers import RUN, measured

SMALL = 64 * MIB
WAYS = {
    "curl.stream": (1000, 0.30),
    "curl.form": (900, 0.40),
    "httpx.stream": (500, 1.20),
    "httpx.stream-1m": (1000, 0.50),
    "httpx.form": (450, 1.60),
    "requests.form-docs": (300, 2.00),
    "requests.form": (600, 1.00),
}
"""Methods with MB/s at the fastest server, and with CPU seconds of the client for each GB."""
SERVERS = {"raw-sink": 1.0, "flask": 0.8}
"""With how much of that rate they take."""


def clients_run(ways: Mapping[str, Any] = WAYS) -> tuple[Run, list[Measurement]]:
    """Return it with five rounds of 64 MiB and one of 1 GiB; raw-sink takes raw bodies alone."""
    cells = [
        Cell(server, method, size_bytes)
        for server in SERVERS
        for method in ways
        for size_bytes in (SMALL, GIB)
        if server != "raw-sink" or ".stream" in method
    ]
    targets = [Target("flask", "", "stock"), Target("raw-sink", "", "reference")]
    planned = [Planned(cell, 5 if cell.size_bytes == SMALL else 1, SMALL) for cell in cells]
    run = msgspec.structs.replace(RUN, id="clients", plan="clients", targets=targets, cells=planned)
    rows = [row for cell, rounds, _ in planned for row in _rows(cell, ways[cell.method], rounds)]
    return run, rows


def _rows(cell: Cell, figures: Any, rounds: int) -> list[Measurement]:
    """Return its rounds; where a text stands for the figures, the client is not there."""
    if isinstance(figures, str):
        row = measured(cell.deployment, cell.method, status=Status.UNAVAILABLE, error=figures)
        return [msgspec.structs.replace(row, size_bytes=cell.size_bytes, cell_id=cell.id)]
    rate, cpu = figures
    seconds = cell.size_bytes / rate / 1e6 / SERVERS[cell.deployment]
    holds = cell.method.endswith("form-docs")
    return [
        measured(
            cell.deployment, cell.method, seconds * (1 + number / 100),
            size_bytes=cell.size_bytes, round=number, client_cpu_seconds=cpu * cell.size_bytes / 1e9,
            server_seconds=seconds * (0.9 + number / 100),
            client_peak_rss_bytes=30 * MIB + holds * cell.size_bytes, server_cpu_seconds=0.1,
        )
        for number in range(1, rounds + 1)
    ]  # fmt: skip


def write_clients_run(path: Path, ways: Mapping[str, Any] = WAYS) -> RunFolder:
    """Write it to a folder."""
    run, rows = clients_run(ways)
    path.mkdir(parents=True)
    folder = RunFolder(path)
    folder.write_run(run)
    for row in rows:
        folder.append(row)
    return folder
