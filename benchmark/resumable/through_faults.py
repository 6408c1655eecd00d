"""One upload through the faults of a seed, and what is looked at meanwhile and afterwards."""

import os
import random
import time
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NamedTuple

import requests
import uploadlab
from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.catalogue.payloads import Payload
from uploadlab.errors import LabError
from uploadlab.pages.resumed import FaultMet, ResumedRun
from uploadlab.sending.answered import reason
from uploadlab.sending.connections import is_success
from uploadlab.sending.persistence import PASSING, Patience, Route, Tally
from uploadlab.sending.several_requests import FileInPieces
from uploadlab.sending.verification import read_back, remove_upload
from uploadlab.sending.ways_to_go_on import send_in_pieces

from benchmark.resumable.asking import append, ask, create
from benchmark.resumable.disk import SmallDisk
from benchmark.resumable.faults import FaultKind, PlannedFault, drawn_faults
from benchmark.resumable.place import Place
from benchmark.resumable.torn_line import HOST, TornLine
from benchmark.resumable.watching import Watch

FULL_SECONDS = (0.2, 1.5)
"""How long a disk is full."""
ABANDONED_BYTES = 100_000
"""Of an upload that nobody goes on with."""
LEFT_SECONDS = 15.0
"""After the last upload has expired, until what is left counts as left."""
ASK_SECONDS = 0.3
PATIENCE_SECONDS = 60.0
"""For which the client tries again without progress: longer than usual, as servers are down, too."""


class Times(NamedTuple):
    """How long each waits for the other."""

    live_seconds: int
    """How long an unfinished upload lives."""
    server_silence_seconds: int
    """How long a server waits for a silent client."""
    client_silence_seconds: float
    """How long the client waits on a silent line."""
    pause_seconds: float
    """Before each further try of the client, but the first few."""
    waits: bool
    """Whether a run waits until uploads have expired; False: their files are made that old."""


UNHURRIED = Times(
    live_seconds=90, server_silence_seconds=3, client_silence_seconds=2.0, pause_seconds=1.0, waits=True
)
"""Less than usual, as each run waits. Where a front keeps nothing of a cut request, an upload is empty."""


class Ground(NamedTuple):
    """Where uploads are made: a deployment on a small disk."""

    place: Place
    disk: SmallDisk
    times: Times


def resumed(ground: Ground, seed: int, method: str, payload: Payload) -> ResumedRun:
    """Upload through the faults of a seed; return what came of it. Never raise for what a server does."""
    draw = random.Random(f"{seed} of {ground.place.deployment.name}")
    faults = drawn_faults(seed, payload.size_bytes)
    restarts = ground.place.restarts
    abandoned = _abandon(ground.place, payload)
    watch = Watch(ground.place.data_dir, payload)
    line = TornLine(ground.place.port, faults, lambda fault: _happen(ground, fault, draw))
    try:
        sent = _send(ground, method, payload, line.port)
    finally:
        line.close()
        ground.disk.give_back()
    wrong = [sent.problem, "" if abandoned else "no upload could be begun"]
    wrong += ["" if sent.problem or len(line.done) == len(faults) else f"faults came: {len(line.done)}"]
    try:
        ground.place.wait_up()
        wrong += ["" if sent.problem else _read_back(ground.place, sent.location, payload)]
        watch.stop()
        if not sent.problem:
            remove_upload(ground.place.target.url + sent.location)
        wrong += [_left(ground, abandoned)]
    except LabError as error:
        watch.stop()
        wrong.append(str(error))
    wrong += [watch.partial, "" if watch.whole == 1 or sent.problem else f"{watch.whole} files were seen"]
    return ResumedRun(
        seed=seed,
        deployment=ground.place.deployment.name,
        method=method,
        size_bytes=payload.size_bytes,
        faults=[FaultMet(str(fault.kind), fault.after_bytes) for fault in line.done],
        sent_bytes=sent.tally.sent_bytes,
        breaks=sent.tally.breaks,
        seconds=round(sent.seconds, 2),
        restarts=ground.place.restarts - restarts,
        looks=watch.looks,
        wrong=[each for each in wrong if each],
        day=f"{datetime.now(UTC):%Y-%m-%d}",
        version=uploadlab.__version__,
    )


class _Sent(NamedTuple):
    """How an upload ended, as its client saw it."""

    tally: Tally
    seconds: float
    location: str = ""
    problem: str = ""


def _send(ground: Ground, method: str, payload: Payload, port: int) -> _Sent:
    """Upload over the line at that port, and go on also when a disk was full."""
    tally, started = Tally(), time.monotonic()
    sender = ALL_METHODS[method]
    passing = [*PASSING, HTTPStatus.INSUFFICIENT_STORAGE]
    times, line = ground.times, (HOST, port)
    pauses = [0.0, 0.1, *[times.pause_seconds] * round(PATIENCE_SECONDS / times.pause_seconds)]
    patience = Patience(times.client_silence_seconds, passing, pauses)
    route = Route(lambda _: None, sender.block_bytes, line, {}, tally, patience)
    try:
        answer = send_in_pieces(FileInPieces(ground.place.target.url, sender, payload, route))
    except (requests.RequestException, OSError, ValueError) as error:
        return _Sent(tally, time.monotonic() - started, problem=reason(error))
    seconds, status = time.monotonic() - started, answer.response.status_code
    problem = "" if is_success(status) else f"status {status}: {answer.response.text[:200]}"
    return _Sent(tally, seconds, answer.location or "", problem)


def _read_back(place: Place, location: str, payload: Payload) -> str:
    """Compare what the server reads back with what was sent; return the difference."""
    try:
        stored = read_back(place.target.url + location)
    except (requests.RequestException, ValueError) as error:
        return f"cannot be read back: {reason(error)}"
    if stored != (payload.size_bytes, payload.digest):
        return f"{stored[0]} of {payload.size_bytes} bytes are stored, digest {stored[1]}"
    return ""


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


def _make_older(place: Place, seconds: float) -> None:
    """Make all files in the data folder that much older."""
    for name in place.files():
        with suppress(FileNotFoundError):  # it was swept meanwhile
            path = place.data_dir / name
            then = path.stat().st_mtime - seconds - 1
            os.utime(path, (then, then))


def _left(ground: Ground, abandoned: str) -> str:
    """Wait until all uploads have expired, and ask for one; return what is left in the data folder."""
    place, told = ground.place, 0
    if not ground.times.waits:
        _make_older(place, ground.times.live_seconds)
    end = time.monotonic() + ground.times.live_seconds + LEFT_SECONDS
    while time.monotonic() < end:
        told = ask(place.target, "HEAD", abandoned, {}).status
        if told in (404, 410) and not place.files():
            return ""
        time.sleep(ASK_SECONDS)
    return f"left after expiry: {', '.join(place.files()) or f'an upload that answers {told}'}"
