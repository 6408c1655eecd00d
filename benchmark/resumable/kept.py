"""How much of a body each deployment has kept when the connection breaks in the middle."""

import time
from datetime import UTC, datetime
from pathlib import Path

from uploadlab.declared.compose import load_needs
from uploadlab.model.deployments import Deployment, Target
from uploadlab.pages.resumed import KeptPrefix
from uploadlab.paths import COMPOSE
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch
from uploadlab.sending.client import Client
from uploadlab.units import MIB

from benchmark.resumable.asking import CutBody, Told, ask, create, send_and_cut
from benchmark.resumable.faults import FaultKind

BODY = CutBody(announced_bytes=16 * MIB, sent_bytes=8 * MIB, seconds=2.0)
"""Slow enough that what is not kept was not merely under way."""
CUTS = (FaultKind.FIN, FaultKind.RST)
SETTLED_SECONDS = 1.5
"""An offset that stays that long is final."""
MOST_SECONDS = 20.0
START_SECONDS = 60.0
ASK_SECONDS = 0.1


def kept_prefixes(deployment: Deployment, data: Path, logs: Path) -> list[KeptPrefix]:
    """Start a deployment, and return what it has kept after each kind of cut; never raise for a server."""
    with Processes() as processes:
        runtime = LocalRuntime(processes, Scratch.make(processes, data, "kept"), logs, load_needs(COMPOSE))
        (target,) = runtime.start([deployment])
        if target.unavailable:
            return [_row(deployment, cut, problem=target.unavailable) for cut in CUTS]
        versions, why = Client(processes).wait_healthy(
            target, START_SECONDS, lambda: runtime.explain(deployment.name)
        )
        if why:
            return [_row(deployment, cut, problem=why) for cut in CUTS]
        return [_kept(deployment, target, cut, versions) for cut in CUTS]


def _kept(deployment: Deployment, target: Target, cut: FaultKind, versions: dict[str, str]) -> KeptPrefix:
    path, told = create(target, BODY.announced_bytes)
    if not path:
        return _row(deployment, cut, versions, problem=f"creation: {_said(told)}")
    problem = send_and_cut(target, path, BODY, cut)
    offset, seconds, told = _settled(target, path)
    if offset is None:
        problem = problem or f"HEAD: {_said(told)}"
    ask(target, "DELETE", path, {})
    return _row(deployment, cut, versions, offset, seconds, problem)


def _settled(target: Target, path: str) -> tuple[int | None, float | None, Told]:
    """Return the offset that stays, when it was first named, and the last answer."""
    begun = since = time.monotonic()
    offset, told = None, Told(0, {})
    while time.monotonic() < begun + MOST_SECONDS:
        told = ask(target, "HEAD", path, {})
        now = time.monotonic()
        if told.offset is not None and told.offset != offset:
            offset, since = told.offset, now
        if offset is not None and told.offset is not None and now - since > SETTLED_SECONDS:
            break
        time.sleep(ASK_SECONDS)
    return offset, None if offset is None else round(since - begun, 1), told


def _row(
    deployment: Deployment,
    cut: FaultKind,
    versions: dict[str, str] | None = None,
    kept_bytes: int | None = None,
    seconds: float | None = None,
    problem: str = "",
) -> KeptPrefix:
    return KeptPrefix(
        deployment=deployment.name,
        group=deployment.group,
        cut=str(cut),
        sent_bytes=BODY.sent_bytes,
        kept_bytes=kept_bytes,
        seconds=seconds,
        problem=problem,
        versions=versions or {},
        day=f"{datetime.now(UTC):%Y-%m-%d}",
    )


def _said(told: Told) -> str:
    return told.error or f"status {told.status}"
