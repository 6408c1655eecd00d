"""One upload through the faults of a seed, and what is looked at meanwhile and afterwards."""

import random
import time
from datetime import UTC, datetime
from typing import NamedTuple

import uploadlab
from uploadlab.catalogue.payloads import Payload
from uploadlab.errors import LabError
from uploadlab.model.measurements import Outcome, Status
from uploadlab.pages.resumed import FaultMet, ResumedRun
from uploadlab.sending.client import Client

from benchmark.resumable.asking import append, ask, create
from benchmark.resumable.disk import SmallDisk
from benchmark.resumable.faults import FaultKind, PlannedFault, drawn_faults
from benchmark.resumable.place import Place
from benchmark.resumable.torn_line import HOST, TornLine
from benchmark.resumable.watching import Watch

BUDGET_SECONDS = 180.0
FULL_SECONDS = (0.2, 1.5)
"""How long a disk is full."""
ABANDONED_BYTES = 100_000
"""Of an upload that nobody goes on with."""
LEFT_SECONDS = 15.0
"""After the last upload has expired, until what is left counts as left."""
ASK_SECONDS = 0.3
FILLER = "filler"


class Ground(NamedTuple):
    """Where uploads are made: a deployment on a small disk, and the client that sends."""

    place: Place
    disk: SmallDisk
    client: Client
    live_seconds: float
    """How long an unfinished upload lives there."""


def resumed(ground: Ground, seed: int, method: str, payload: Payload) -> ResumedRun:
    """Upload through the faults of a seed; return what came of it. Never raise for what a server does."""
    draw = random.Random(f"{seed} of {ground.place.deployment.name}")
    faults, wrong = drawn_faults(seed, payload.size_bytes), []
    restarts = ground.place.restarts
    abandoned = _abandon(ground.place, payload)
    if not abandoned:
        wrong.append("no upload can be begun")
    watch = Watch(ground.place.data_dir, payload)
    line = TornLine(ground.place.port, faults, lambda fault: _happen(ground, fault, draw))
    try:
        outcome = ground.client.measure(
            ground.place.target.url, method, payload, BUDGET_SECONDS, through=(HOST, line.port)
        )
    finally:
        line.close()
        ground.disk.give_back()
        watch.stop()
    ended = time.monotonic()
    wrong += _wrong(outcome, watch, payload, len(faults) - len(line.done))
    try:
        ground.place.wait_up()
        wrong += _left(ground, abandoned, ended)
    except LabError as error:
        wrong.append(str(error))
    return ResumedRun(
        seed=seed,
        deployment=ground.place.deployment.name,
        method=method,
        size_bytes=payload.size_bytes,
        faults=[FaultMet(str(fault.kind), fault.after_bytes) for fault in line.done],
        sent_bytes=outcome.sent_bytes,
        requests=outcome.requests,
        seconds=outcome.seconds and round(outcome.seconds, 2),
        restarts=ground.place.restarts - restarts,
        looks=watch.looks,
        wrong=wrong,
        day=f"{datetime.now(UTC):%Y-%m-%d}",
        version=uploadlab.__version__,
    )


def _abandon(place: Place, payload: Payload) -> str:
    """Begin an upload that nobody goes on with; return its path, empty where that fails."""
    path, _ = create(place.target, payload.size_bytes)
    if path:
        append(place.target, path, 0, bytes(ABANDONED_BYTES))
    return path


def _happen(ground: Ground, fault: PlannedFault, draw: random.Random) -> None:
    if fault.kind is FaultKind.WORKER:
        ground.place.kill_worker(draw)
    elif fault.kind is FaultKind.DEPLOYMENT:
        ground.place.kill_all()
    else:
        ground.disk.fill(draw.uniform(*FULL_SECONDS))


def _wrong(outcome: Outcome, watch: Watch, payload: Payload, not_met: int) -> list[str]:
    """Return what is wrong with an upload and with what was seen meanwhile."""
    found = []
    if outcome.status is not Status.OK:
        found.append(f"{outcome.status}: {outcome.error or outcome.http_status}")
    if watch.partial:
        found.append(f"partial under a final name: {watch.partial}")
    if outcome.status is Status.OK and not_met:
        found.append(f"{not_met} faults did not come")
    if outcome.status is Status.OK and (outcome.sent_bytes or payload.size_bytes) < payload.size_bytes:
        found.append(f"the client counts {outcome.sent_bytes} bytes sent")
    return found


def _left(ground: Ground, abandoned: str, ended: float) -> list[str]:
    """Wait until all uploads have expired, and ask for one; return what is left in the data folder."""
    place, told = ground.place, 0
    end = ended + ground.live_seconds + LEFT_SECONDS
    while time.monotonic() < end:
        told = ask(place.target, "HEAD", abandoned, {}).status if abandoned else 404
        if told in (404, 410) and not place.files():
            return []
        time.sleep(ASK_SECONDS)
    return [f"left after expiry: {', '.join(place.files()) or f'an upload that answers {told}'}"]
