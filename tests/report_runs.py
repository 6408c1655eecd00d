"""A run to report on that has a bit of all: sizes, users, profiles, and a name that is no name."""

from pathlib import Path

import msgspec
from uploadlab.model.cells import Cell, Planned, Step
from uploadlab.model.comparison import ComparedGroup, Comparison
from uploadlab.model.deployments import Target
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Measurement, Profiled, Status
from uploadlab.model.runs import Run
from uploadlab.storage.files import MEASUREMENTS
from uploadlab.storage.run_folder import RunFolder

from .helpers import RUN, measured

HOSTILE = "<script>alert(1)</script>"
SIZES = (1 << 20, 64 << 20)
MIB = 1 << 20
LOST = f"wrong: 0 of {SIZES[1]} bytes"


def hostile_run() -> Run:
    """Three deployments at two sizes, then 1 and 8 users."""
    names = ("flask", HOSTILE, "raw-sink")
    cells = [Cell(name, "request.stream", size) for name in names for size in SIZES]
    load = [Step(Cell(name, "request.stream", SIZES[0]), users, 1.0) for name in names for users in (1, 8)]
    return msgspec.structs.replace(
        RUN,
        id="loaded",
        started_at="2026-01-31T12:00:00.000+00:00",
        targets=[RUN.targets[0], Target(HOSTILE, "", "tuned"), RUN.targets[1]],
        cells=[Planned(cell, 2, SIZES[0]) for cell in cells],
        load=load,
        configs={"configs/a.ini": f"# {HOSTILE}\n"},
        config_names={HOSTILE: ["configs/a.ini"]},
    )


def loaded_run(path: Path) -> RunFolder:
    """That run on disk."""
    run = hostile_run()
    path.mkdir(parents=True)
    folder = RunFolder(path)
    folder.write_run(run)
    for cell, *_ in run.cells:
        for number in (1, 2):
            folder.append(_upload(cell, number))
    for step in run.load:
        folder.append_step(LoadStep(step_id=step.id, started_at="", status=Status.OK), _uploads(step))
    cell = run.cells[0].cell
    files = folder.keep_profile(cell, {"samples.html": b"<p>flames</p>"})
    folder.append_profile(Profiled(cell.id, "samples", 0.002, [*files, "javascript:alert(1)"]))
    return folder


def compared_run(path: Path) -> RunFolder:
    """One that takes a quarter longer than the base, and one that does not."""
    names = ("flask", "flask-again", HOSTILE, "flask-b")
    group = ComparedGroup("flask", "flask-again", {HOSTILE: [f"+ {HOSTILE}"], "flask-b": []})
    run = msgspec.structs.replace(
        RUN,
        id="compared",
        started_at="2026-01-31T12:00:00.000+00:00",
        targets=[Target(name, "", "stock") for name in names],
        cells=[Planned(Cell(name, "request.stream", SIZES[1]), 9, SIZES[0]) for name in names],
        comparison=Comparison([group], 0.03, 60.0),
    )
    path.mkdir(parents=True)
    folder = RunFolder(path)
    folder.write_run(run)
    factors = dict(zip(names, (1, 1.05, 1.25, 1), strict=True))
    for number in range(1, 10):
        for name, factor in factors.items():
            seconds = factor * (1 + number / 100)
            folder.append(
                measured(name, seconds=seconds, size_bytes=SIZES[1], round=number, server_cpu_seconds=factor)
            )
    return folder


def large_run(path: Path) -> RunFolder:
    """As many cells as a run may have, measured five times: 10,000 rows, some of them lost."""
    names = [f"uwsgi-copy-{number}" for number in range(20)]
    methods = ["request.stream", "request.files", *(f"request.stream-{number}" for number in range(8))]
    cells = [Cell(name, method, MIB << size) for name in names for method in methods for size in range(10)]
    run = msgspec.structs.replace(
        RUN,
        id="large",
        targets=[Target(name, "", "stock") for name in names],
        cells=[Planned(cell, 5, SIZES[0]) for cell in cells],
    )
    path.mkdir(parents=True)
    folder = RunFolder(path)
    folder.write_run(run)
    rows = [_row(cell, number, round_) for number, cell in enumerate(cells) for round_ in range(1, 6)]
    (path / MEASUREMENTS).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return folder


def _row(cell: Cell, number: int, round_: int) -> Measurement:
    """Return an upload of its own speed; one cell in 97 is lost."""
    lost = {"status": Status.WRONG, "stored_bytes": 0, "error": "0 bytes"} if number % 97 == 0 else {}
    return measured(
        cell.deployment, cell.method, cell.size_bytes / 1e9 * (1 + number % 91 + round_ / 10),
        size_bytes=cell.size_bytes, round=round_, server_peak_rss_bytes=50 * MIB + number,
        client_peak_rss_bytes=30 * MIB + number, server_cpu_seconds=0.1, **lost,
    )  # fmt: skip


def _upload(cell: Cell, number: int) -> Measurement:
    """The large ones are lost behind the deployment with the hostile name."""
    lost = cell.deployment == HOSTILE and cell.size_bytes == SIZES[1]
    arrived = {"status": Status.WRONG, "error": LOST.removeprefix("wrong: ")} if lost else {}
    return measured(
        cell.deployment, cell.method, cell.size_bytes / 1e9 * number, size_bytes=cell.size_bytes,
        round=number, server_peak_rss_bytes=50 * MIB, client_peak_rss_bytes=30 * MIB,
        server_cpu_seconds=0.1 * number, **arrived,
    )  # fmt: skip


def _uploads(step: Step) -> list[LoadUpload]:
    """Three of each user, one after the other."""
    return [
        LoadUpload(
            step_id=step.id, user=str(user), slow=False, method=step.cell.method,
            size_bytes=step.cell.size_bytes, started_at=100.0 + number, seconds=0.9, status=Status.OK,
            sent_bytes=step.cell.size_bytes,
        )
        for user in range(step.users)
        for number in range(3)
    ]  # fmt: skip
