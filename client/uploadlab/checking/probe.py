"""One attempt at one route of a target: what was sent, what came back, what is stored."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import NamedTuple

import requests

from uploadlab.catalogue.attempts import Attempt
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS
from uploadlab.checking.crowd import gathered
from uploadlab.checking.foreign import adapted, by_rule, judge_foreign, settled
from uploadlab.checking.oracle import Judgement, ServerState, judge_attempt
from uploadlab.checking.wire import Reply, send_in_turn
from uploadlab.clock import now
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import EXTERNAL, Target
from uploadlab.model.targets import TargetSpec
from uploadlab.planning.check_cells import routes
from uploadlab.sending import server_usage as usage
from uploadlab.sending.foreign import file_name, named
from uploadlab.sending.shelf import Shelf
from uploadlab.sending.verification import read_back, remove_upload

NOTICE_SECONDS = 0.3
"""Until a server has received everything, and has seen that the client has gone."""
SETTLE_SECONDS = 10.0
"""Until a server has cleared up."""
POLL_SECONDS = 0.05
_BUSY: dict[str, threading.Lock] = {}
"""Held by the attempts at a target; targets are tried at the same time."""


_FILES: dict[str, usage.Files] = {}
"""What targets are known to have, by their URLs: an upload that was removed has left it as it was."""


class Made(NamedTuple):
    """Attempts that share a connection, each judged, with its reply and what the server has of it."""

    judged: list[tuple[Judgement, Attempt, Reply, ServerState]]
    left: int = 0
    """Accepted uploads that were not removed."""
    left_bytes: int = 0


class Outcomes(NamedTuple):
    """What came back of attempts that share a connection, in order, and how long all took."""

    replies: list[Reply]
    seconds: float


def probes(
    target: Target, case: str, large: bool = False, takes: Callable[[Attempt], bool] = lambda attempt: True
) -> Iterator[Check]:
    """Make every attempt of a case at every route that takes this kind of body.

    Without ``large``, leave out attempts that are made only where large ones are asked for.
    """
    for attempt in CASES[case].attempts():
        for route in routes(target, attempt) if (large or not attempt.large) and takes(attempt) else []:
            yield probe(target, case, attempt, route)


def probe(target: Target, case: str, attempt: Attempt, route: str) -> Check:
    """Make the attempt, with those that follow it, and judge; what was acknowledged is removed.

    The row is that of the first attempt that does not pass, else of the last.
    """
    started_at = now()
    with _alone(target, route):
        made = _made_foreign(target, attempt) if target.foreign else _made(target, attempt, route)
    judgement, tried, reply, state = next(
        (found for found in made.judged if found[0].verdict is not Verdict.PASS), made.judged[-1]
    )
    return Check(
        case=case,
        deployment=target.name,
        route=route,
        label=attempt.shown_label,
        started_at=started_at,
        verdict=judgement.verdict,
        code=judgement.code,
        text=judgement.text,
        http_status=reply.status,
        sent_bytes=tried.file.size_bytes,
        stored_bytes=state.size_bytes,
        left=made.left,
        left_bytes=made.left_bytes,
    )


def _made(target: Target, attempt: Attempt, route: str) -> Made:
    """Make an attempt, with those that follow it, and judge by the lab's contract."""
    attempts = [attempt, *attempt.after]
    if _hops(route):
        _FILES.clear()  # it may leave a file at the next one, too
    before = _FILES.pop(target.url, None) or _files(target)
    replies, seconds = _send(f"{target.url}{route}", attempts)
    states = _states(target, attempts, replies, before)
    reports = target.tier != EXTERNAL
    # One without an answer ends them.
    together = zip(attempts, replies, states, strict=False)
    return Made([(judge_attempt(*three, reports, seconds), *three) for three in together])


def _made_foreign(target: Target, attempt: Attempt) -> Made:
    """Make an attempt, with those that follow it, and judge by what the user has said of the server."""
    spec, name = target.foreign or TargetSpec(), file_name()
    first = adapted(attempt, target, spec, name)
    attempts = [first, *first.after]
    shelf = Shelf(spec.stored_dir) if spec.stored_dir else None
    replies, seconds = _send(named(target.url, name), attempts)
    replies = [by_rule(reply, spec) for reply in replies]
    trial = settled(target, spec, attempts, replies, name, shelf)
    together = zip(attempts, replies, trial.states, strict=False)
    judged = [(judge_foreign(spec, *three, seconds), *three) for three in together]
    return Made(judged, trial.left, trial.left_bytes)


def _send(address: str, attempts: Sequence[Attempt]) -> Outcomes:
    """Make attempts that share a connection, beside a crowd if the first of them says so."""
    first, start = attempts[0], time.monotonic()
    if first.crowd is None:
        return Outcomes(send_in_turn(address, attempts), time.monotonic() - start)
    with gathered(address, first.crowd, first.within_seconds or 0.0) as seconds:
        return Outcomes(send_in_turn(address, attempts), seconds())


def _states(
    target: Target, attempts: Sequence[Attempt], replies: Sequence[Reply], before: usage.Files | None
) -> list[ServerState]:
    """Return what the server has of each attempt; remove what it has acknowledged."""
    stored = [_acknowledged(target.url, reply) if reply.accepted else None for reply in replies]
    if None not in stored and not attempts[0].crowd:
        if before and len(stored) == len(attempts) and all(state and state.digest for state in stored):
            _FILES[target.url] = before
        return [state for state in stored if state]
    left = _left(target, attempts[0], before)
    return [state or left for state in stored]


@contextmanager
def _alone(target: Target, route: str) -> Iterator[None]:
    """Keep other attempts from the target and its folder, and from passing on: files left are this one's."""
    busy = {target.name, *(target.next[:1] if _hops(route) else [])}
    busy |= {target.foreign.stored_dir} - {""} if target.foreign else set()  # which others may store in, too
    with ExitStack() as held:
        for name in sorted(busy):  # in one order, so that two never wait for each other
            held.enter_context(_BUSY.setdefault(name, threading.Lock()))
        yield


def _hops(route: str) -> bool:
    """Return whether uploads to the route are passed on to the next deployment."""
    return any(method.hops and method.route == route for method in METHODS.values())


def _acknowledged(url: str, reply: Reply) -> ServerState:
    """Read back the upload that the server says it has stored."""
    if not reply.stored_at:
        return ServerState()
    address = f"{url}{reply.stored_at}"
    try:
        stored = ServerState(*read_back(address))
    except requests.HTTPError as error:
        return ServerState(0 if error.response.status_code == HTTPStatus.NOT_FOUND else None)
    except (requests.RequestException, ValueError):
        return ServerState()
    remove_upload(address)
    return stored


def _left(target: Target, attempt: Attempt, before: usage.Files | None) -> ServerState:
    """Return what an upload without success has left, once the server is done with it."""
    if attempt.gone:
        time.sleep(NOTICE_SECONDS)
    end = time.monotonic() + SETTLE_SECONDS
    after = _files(target)
    while before and after and after.temporary > before.temporary and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        after = _files(target)
    if before is None or after is None:
        return ServerState()
    # Fewer than before: an earlier attempt was cleared up only now.
    uploads, temporary = after.uploads - before.uploads, after.temporary - before.temporary
    return ServerState(uploads=max(0, uploads), temporary=max(0, temporary))


def _files(target: Target) -> usage.Files | None:
    """Return how many files the target has, or None if it does not report that.

    The lab's own deployments always report it, but may be too busy: they are asked again.
    """
    end = time.monotonic() + SETTLE_SECONDS
    while (used := usage.read(target.url)) is None and target.tier != EXTERNAL and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    return used.stored if used else None
