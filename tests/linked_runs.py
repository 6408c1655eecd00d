"""A stored run over links: full lines, a server that ends slow uploads, a link that cuts, HTTP/2 far away."""

from pathlib import Path
from typing import Any

import msgspec
from uploadlab.model.cells import Cell, Planned, Step
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import REFERENCE, Target
from uploadlab.model.links import Cut, CutBy, Link, Range, Stall
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Order
from uploadlab.storage.run_folder import RunFolder

from .helpers import RUN, measured

MIB = 1 << 20
SLOW = Link(name="slow", title="a slow line", up=MIB, down=MIB, round_trip=0.1)
FAR = Link(name="far", title="far away", up=25 * MIB, down=25 * MIB, round_trip=0.15)
BROKEN = Link(
    name="broken", title="a broken line", cuts=[Cut(Range(MIB, 2 * MIB), CutBy.RST)],
    stalls=[Stall(Range(MIB, MIB), 6.0)],
)  # fmt: skip
LINKS = [SLOW, FAR, BROKEN]
SERVERS = ("flask", "gunicorn", "raw-sink")
BY_HTTP1, BY_HTTP2 = "request.stream-curl", "curl.stream-h2"


def upload_over(name: str, method: str = "request.stream", seconds: float = 10.2, **more: Any) -> Measurement:
    busy: dict[str, Any] = {"host_seconds": seconds, "other_cpu_seconds": 0.1, "server_cpu_seconds": 0.1}
    fields: dict[str, Any] = {"size_bytes": 10 * MIB, "client_cpu_seconds": 0.1, **busy, **more}
    return measured(name, method, seconds, **fields)


def linked_rows() -> list[Measurement]:
    """Each server over each link; gunicorn ends what takes long, and HTTP/2 is slow from far away."""
    refused: dict[str, Any] = {
        "status": Status.REFUSED,
        "http_status": 500,
        "error": "answered 500, expected 201",
    }
    cut: dict[str, Any] = {"status": Status.FAILED, "error": "ConnectionResetError: reset"}
    rows = [upload_over(f"{name}@slow") for name in SERVERS if name != "gunicorn"]
    rows += [upload_over("gunicorn@slow", seconds=30.7, **refused)]
    rows += [upload_over(f"{name}@far", seconds=0.7) for name in SERVERS]
    rows += [upload_over("flask@far", "request.stream-16k", 0.7)]
    rows += [upload_over("flask@far", BY_HTTP1, 0.8), upload_over("flask@far", BY_HTTP2, 16.0)]
    return rows + [upload_over(f"{name}@broken", seconds=1.1, **cut) for name in SERVERS]


def linked_run(path: Path, *more: Measurement) -> RunFolder:
    """That run on disk, with a limit and with steps of one and of four users."""
    rows = [*linked_rows(), *more]
    tiers = {"raw-sink": REFERENCE}
    targets = [
        Target(name, "", tiers.get(name, "stock")).over(link.name) for name in SERVERS for link in LINKS
    ]
    targets.append(Target("gunicorn", "", "stock"))  # of its limit
    cells = dict.fromkeys(Cell(row.deployment, row.method, row.size_bytes) for row in rows)
    steps = [Step(Cell("flask@far", "request.stream", MIB), users, 1.0) for users in (1, 4)]
    run = msgspec.structs.replace(
        RUN, id="linked", order=Order(plan="quick", link=["slow", "far", "broken"]), links=LINKS,
        targets=targets, cells=[Planned(cell, 1, 1) for cell in cells], load=steps, checks=["slow-clients"],
        configs={"configs/gunicorn/gunicorn.conf.py": "timeout = 30\n"},
        config_names={"gunicorn": ["configs/gunicorn/gunicorn.conf.py"]},
        versions={"gunicorn": {"gunicorn": "27.0.1"}},
    )  # fmt: skip
    folder = RunFolder(path)
    path.mkdir(parents=True)
    folder.write_run(run)
    for row in rows:
        folder.append(row)
    for step in steps:
        folder.append_step(LoadStep(step_id=step.id, started_at="", status=Status.OK), _uploads(step))
    limit = Check(
        case="slow-clients", deployment="gunicorn", route="/request-stream", label="", started_at="",
        verdict=Verdict.PASS, text="2 clients", stopped_by=2,
    )  # fmt: skip
    folder.append_checks([limit])
    return folder


def _uploads(step: Step) -> list[LoadUpload]:
    """Three of each user, one after the other; together they fill the line."""
    each = step.users / 25
    return [
        LoadUpload(
            step_id=step.id, user=str(user), slow=False, method="request.stream", size_bytes=MIB,
            started_at=100.0 + number * each, seconds=each, status=Status.OK, sent_bytes=MIB,
        )
        for user in range(step.users)
        for number in range(3)
    ]  # fmt: skip
