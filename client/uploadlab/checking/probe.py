"""One attempt at one route of a target: what was sent, what came back, what is stored."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

import requests

from uploadlab.catalogue.attempts import Attempt
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS
from uploadlab.checking.oracle import Stored, judge
from uploadlab.checking.wire import Reply, send
from uploadlab.clock import now
from uploadlab.model.checks import Check
from uploadlab.model.deployments import EXTERNAL, Target
from uploadlab.planning.check_cells import routes
from uploadlab.sending import server_usage as usage
from uploadlab.sending.verification import read_back, remove_upload

NOTICE_SECONDS = 0.3
"""Until a server has seen both what was sent and that the client has gone."""
SETTLE_SECONDS = 10.0
"""Until it has cleared up."""
POLL_SECONDS = 0.05
_BUSY: dict[str, threading.Lock] = {}
"""Held by the attempts at a target; targets are tried at the same time."""


def probes(target: Target, case: str) -> Iterator[Check]:
    """Every attempt of a case at every route that takes such a body."""
    for attempt in CASES[case].attempts():
        for route in routes(target, attempt):
            yield probe(target, case, attempt, route)


def probe(target: Target, case: str, attempt: Attempt, route: str) -> Check:
    """Make the attempt and judge it; an upload that was acknowledged is removed."""
    started_at = now()
    query = f"{'&' if '?' in route else '?'}{attempt.query}" if attempt.query else ""
    with _alone(target, route):
        before = _files(target)
        reply = send(f"{target.url}{route}{query}", attempt)
        stored = _acknowledged(target.url, reply) or _left(target, attempt, before)
    judgement = judge(attempt, reply, stored, tells=target.tier != EXTERNAL)
    return Check(
        case=case,
        deployment=target.name,
        route=route,
        label=", ".join(filter(None, ("chunked" if attempt.chunked else "", attempt.label))),
        started_at=started_at,
        verdict=judgement.verdict,
        text=judgement.text,
        http_status=reply.status,
        sent_bytes=attempt.file.size_bytes,
        stored_bytes=stored.size_bytes,
    )


@contextmanager
def _alone(target: Target, route: str) -> Iterator[None]:
    """Let nobody pass files on to it meanwhile: what it is left with shall be of this attempt."""
    hops = any(one.hops and one.route == route for one in METHODS.values())
    busy = {target.name, *(target.next[:1] if hops else [])}
    with ExitStack() as held:
        for name in sorted(busy):  # in one order, so that two never wait for each other
            held.enter_context(_BUSY.setdefault(name, threading.Lock()))
        yield


def _acknowledged(url: str, reply: Reply) -> Stored | None:
    """The upload that the server says it has taken; None if it does not."""
    if not reply.accepted:
        return None
    if not reply.stored_at:
        return Stored()
    try:
        state = Stored(*read_back(f"{url}{reply.stored_at}"))
        remove_upload(f"{url}{reply.stored_at}")
        return state
    except requests.HTTPError as error:
        return Stored(0) if error.response.status_code == HTTPStatus.NOT_FOUND else Stored()
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return Stored()


def _left(target: Target, attempt: Attempt, before: usage.Files | None) -> Stored:
    """What an upload that was not taken has left, once the server is done with it."""
    if attempt.gone:
        time.sleep(NOTICE_SECONDS)
    end = time.monotonic() + SETTLE_SECONDS
    after = _files(target)
    while before and after and after.temporary > before.temporary and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        after = _files(target)
    if before is None or after is None:
        return Stored()
    return Stored(uploads=after.uploads - before.uploads, temporary=after.temporary - before.temporary)


def _files(target: Target) -> usage.Files | None:
    """How many files it has; None if it does not tell. The lab's own may be busy, and are asked again."""
    end = time.monotonic() + SETTLE_SECONDS
    while (used := usage.read(target.url)) is None and target.tier != EXTERNAL and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    return used.stored if used else None
