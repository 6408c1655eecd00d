"""How long a server waits for a silent or slow client, and when in an upload it calls its app."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from uploadlab.catalogue.attempts import Attempt, Then
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.cases_limits import FIRST_BYTE, LADDER_SECONDS, SLOW_CLIENTS, STREAMED_SECONDS
from uploadlab.checking.slow_clients import slow_clients_row
from uploadlab.checking.wire import BROKEN, Reply, connection_to, cut, read_answer, request_head, send_attempt
from uploadlab.clock import now
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Target
from uploadlab.planning.check_cells import routes
from uploadlab.sending import server_usage as usage
from uploadlab.sending.answered import reason
from uploadlab.sending.verification import remove_upload

APART_SECONDS = 3.0
"""After which all silent clients of a target have been let in."""
STREAMING, HELD_BACK = "streamed", "held back"
"""Whether an app is called while its body arrives, or only when the server has all of the body."""
FIRST_BYTE_TRIES = 3
CLOSED = b""


class Waited(NamedTuple):
    """How long a server has waited for a client, and what happened then."""

    seconds: float | None
    """None: for as long as the client wanted."""
    words: str
    problem: bool = False
    """Whether the server kept the connection, but took the upload no more."""


class Unanswered(Exception):
    """Another client of the same server was not answered meanwhile."""


def limit_rows(target: Target, cases: Sequence[str]) -> Iterator[Check]:
    """Yield the row of each case; silent clients of all cases wait at once where the server can serve all."""
    together = [case for case in cases if case not in (FIRST_BYTE, SLOW_CLIENTS)]
    if FIRST_BYTE in cases:
        yield _first_byte(target, FIRST_BYTE)
    if SLOW_CLIENTS in cases:
        yield slow_clients_row(target)
    rows = _all_at_once(target, together) if len(together) > 1 else []
    yield from rows or (_row(target, case, threading.Event()) for case in together)


def _first_byte(target: Target, case: str) -> Check:
    """Return whether the app had the upload already while its client paused.

    A process of a server may load its app only when the first request comes to it, so the upload is repeated.
    """
    started_at, (attempt, route) = now(), _attempt_at(target, case)
    waited = Waited(None, "")
    for _ in range(FIRST_BYTE_TRIES):
        waited = _with_pauses(target, attempt, route)
        if waited.words != HELD_BACK:
            break
    return _check(target, case, route, started_at, waited)


def _with_pauses(target: Target, attempt: Attempt, route: str) -> Waited:
    reply = send_attempt(f"{target.url}{route}", attempt)
    _remove(target, reply)
    if not reply.accepted:
        words = f"{reply.status} {reply.reason}" if reply.status else f"no answer ({reply.problem})"
        return Waited(None, words, problem=True)
    seconds = reply.content.get("seconds")
    if not isinstance(seconds, int | float):
        return Waited(None, "not reported")
    return Waited(float(seconds), STREAMING if seconds >= STREAMED_SECONDS else HELD_BACK)


def _all_at_once(target: Target, cases: Sequence[str]) -> list[Check]:
    """Return the rows of all cases, tried together; none if the server then answers no other client."""
    stop, rows = threading.Event(), {}

    def try_case(case: str) -> None:
        with suppress(Unanswered):
            rows[case] = _row(target, case, stop)

    threads = [threading.Thread(target=try_case, args=(case,), daemon=True) for case in cases]
    for thread in threads:
        thread.start()
    time.sleep(APART_SECONDS)
    if usage.read(target.url) is None:
        stop.set()
    for thread in threads:
        thread.join()
    return [rows[case] for case in cases] if len(rows) == len(cases) and not stop.is_set() else []


def _row(target: Target, case: str, stop: threading.Event) -> Check:
    started_at, (attempt, route) = now(), _attempt_at(target, case)
    try:
        waited = _waited(target, f"{target.url}{route}", attempt, stop)
    except BROKEN as error:
        waited = Waited(None, f"no answer ({reason(error)})", problem=True)
    return _check(target, case, route, started_at, waited)


def _waited(target: Target, address: str, attempt: Attempt, stop: threading.Event) -> Waited:
    """Send until the attempt holds or slows down, then wait for the end of the connection.

    Raise BROKEN, Unanswered.
    """
    url = urlsplit(address)
    with connection_to(url, attempt.patience_seconds) as connection:
        head, blocks = request_head(url, attempt), cut(attempt.body(attempt.file.blocks()), attempt)
        kept = len(head) - len(b"\r\n") if attempt.in_head else len(head)
        connection.sendall(head[:kept])
        start = time.monotonic()
        if not attempt.in_head:
            _send_to_pause(connection, blocks)
        for second in range(1, LADDER_SECONDS + 1):
            if stop.is_set():
                raise Unanswered
            if (answer := _received(connection, start + second)) is not None:
                return Waited(time.monotonic() - start, _words(answer))
            if attempt.then is Then.TRICKLE and not _send_to_pause(connection, blocks):
                return Waited(time.monotonic() - start, "reset")
        with suppress(BrokenPipeError):
            connection.sendall(head[kept:])
            while _send_to_pause(connection, blocks):
                pass
        reply = read_answer(connection, attempt)
    _remove(target, reply)
    if reply.accepted:
        return Waited(None, f"over {LADDER_SECONDS} s")
    return Waited(None, f"over {LADDER_SECONDS} s, then {reply.status} {reply.reason}", problem=True)


def _send_to_pause(connection: socket.socket, blocks: Iterator[bytes | None]) -> bool:
    """Send what comes before the next pause; return whether anything was left to send, and was taken."""
    sent = False
    try:
        for block in blocks:
            if block is None:
                return True
            connection.settimeout(LADDER_SECONDS)
            connection.sendall(block)
            sent = True
    except ConnectionError:
        return False
    return sent


def _received(connection: socket.socket, end: float) -> bytes | None:
    """Return what comes by then; empty for the end of the connection, None for nothing."""
    try:
        connection.settimeout(max(0.01, end - time.monotonic()))
        return connection.recv(1000)
    except TimeoutError:
        return None
    except ConnectionError:
        return CLOSED


def _words(answer: bytes) -> str:
    """Return the status and its reason, or that there was no answer."""
    if not answer:
        return "closed"
    line = answer.partition(b"\r\n")[0].decode("latin-1")
    return line.partition(" ")[2].strip() or line


def _remove(target: Target, reply: Reply) -> None:
    if reply.accepted and reply.stored_at:
        remove_upload(f"{target.url}{reply.stored_at}")


def _attempt_at(target: Target, case: str) -> tuple[Attempt, str]:
    attempt = next(CASES[case].attempts())
    return attempt, routes(target, attempt)[0]


def _check(target: Target, case: str, route: str, started_at: str, waited: Waited) -> Check:
    """Return the row: a limit is no failure, but a connection that is kept in vain is one."""
    is_cut = waited.seconds is not None and case != FIRST_BYTE
    return Check(
        case=case,
        deployment=target.name,
        route=route,
        label="",
        started_at=started_at,
        verdict=Verdict.FAIL if waited.problem else Verdict.PASS,
        code="not-taken" if waited.problem else "",
        text=f"{waited.seconds:.0f} s, {waited.words}" if is_cut else waited.words,
        seconds=waited.seconds,
    )
