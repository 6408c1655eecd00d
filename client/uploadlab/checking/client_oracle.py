"""The one oracle of the check of clients.

A client reports success only if the server has all bytes of the file in one request that it accepted.
Otherwise the client raises or returns an error status, with the server's reason where one was sent.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from uploadlab.catalogue.client_registry import ClientAttempt
from uploadlab.checking.arrivals import Arrival
from uploadlab.checking.oracle import Judgement
from uploadlab.model.checks import Verdict
from uploadlab.sending.answered import words_of
from uploadlab.sending.connections import is_success
from uploadlab.sending.programs import ProgramSent

MOST_WORDS = 160
"""Characters of a library's own words."""
TO_GET = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER)


class HandedOver(NamedTuple):
    """Bytes of a file that the user handed over."""

    size_bytes: int
    digest: str
    """SHA-256, in hex."""


class Seen(NamedTuple):
    """An upload as both ends saw it."""

    sent: ProgramSent | None
    """What the client reports; None: it did not end."""
    arrivals: Sequence[Arrival]
    expected: Sequence[HandedOver]
    """What is right to send: any of these."""
    seconds: float = 0.0


def judge_client(attempt: ClientAttempt, seen: Seen) -> Judgement:
    """Judge what a client reports by what the server has."""
    sent = seen.sent
    if sent is None:
        return Judgement(Verdict.ENDLESS, "endless", f"not through after {seen.seconds:.0f} s")
    if why := sent.cannot or _unasked(attempt, seen.arrivals):
        return Judgement(Verdict.CANNOT, "cannot", why)
    if sent.error.startswith("MemoryError"):  # the limit of the check has ended it
        return Judgement(Verdict.ENDLESS, "memory", "it took all the memory that it was allowed")
    if sent.error or sent.status is None or not is_success(sent.status):
        return _unsuccessful(attempt, sent)
    return _successful(attempt, sent.status, seen)


def stored_bytes(seen: Seen) -> int:
    """Return how much of the file the server has: of a success, in a request that it accepted."""
    is_done = seen.sent is not None and is_success(seen.sent.status or 0)
    arrivals = _accepted(seen) if is_done else seen.arrivals
    return max((arrival.file.size_bytes for arrival in arrivals), default=0)


def _accepted(seen: Seen) -> list[Arrival]:
    return [arrival for arrival in seen.arrivals if arrival.answered and is_success(arrival.answered)]


def _successful(attempt: ClientAttempt, status: int, seen: Seen) -> Judgement:
    accepted = _accepted(seen)
    whole = [arrival for arrival in accepted if _has_all(arrival, seen.expected)]
    if whole and not whole[-1].problem:
        return _named_right(attempt, whole[-1])
    best = max(accepted, key=lambda arrival: arrival.file.size_bytes, default=None)
    if best is None:
        return Judgement(Verdict.LOSS, "no-request", f"{status}, but the server accepted no request")
    if redirect := _allowed_get(seen.arrivals, best):
        return Judgement(Verdict.DOCUMENTED, "get", f"{status}: {redirect}")
    if whole:
        return Judgement(Verdict.FAIL, "broken-body", f"{status}, but {whole[-1].problem}")
    return Judgement(Verdict.LOSS, _loss_kind(best, seen), _loss(status, best, seen))


def _unasked(attempt: ClientAttempt, arrivals: Sequence[Arrival]) -> str:
    """Return what a client has not done that the attempt is about; empty if it has."""
    is_asked = not attempt.expect or not arrivals or arrivals[0].expects
    return "" if is_asked else "it does not ask by Expect: 100-continue"


def _has_all(arrival: Arrival, expected: Sequence[HandedOver]) -> bool:
    return arrival.is_whole and (arrival.file.size_bytes, arrival.file.digest) in expected


def _named_right(attempt: ClientAttempt, arrival: Arrival) -> Judgement:
    """Judge the file's name in a form; what is sent as a plain body has none."""
    if arrival.is_form and arrival.name != attempt.name:
        return Judgement(Verdict.FAIL, "other-name", f"the server has the name {arrival.name!r}")
    return Judgement(Verdict.PASS)


def _allowed_get(arrivals: Sequence[Arrival], last: Arrival) -> str:
    """Return why a GET without a body is right after a redirect; empty if it is not.

    RFC 9110, 15.4: 303 is answered by a GET; 301 and 302 let a POST become one, no other method.
    """
    before = [arrival for arrival in arrivals if arrival.answered in TO_GET]
    if last.verb != "GET" or not before:
        return ""
    if before[-1].answered == HTTPStatus.SEE_OTHER or before[-1].verb == "POST":
        return f"a GET after {before[-1].verb} and {before[-1].answered}, as RFC 9110 allows"
    return ""


def _loss(status: int, best: Arrival, seen: Seen) -> str:
    words = f"{status}, but the server has {best.file.size_bytes} of {seen.expected[0].size_bytes} bytes"
    if best.verb == "GET":
        return f"{words}: the redirect became a GET"
    if best.problem:
        return f"{words}: {best.problem}"
    if not best.is_whole:
        return f"{words} when it answered"
    before = [arrival.answered for arrival in seen.arrivals[: seen.arrivals.index(best)]]
    if before and before[-1]:
        return f"{words}: the request that followed {before[-1]} is not the whole upload"
    return f"{words}, which were announced as all" if best.announced else words


def _loss_kind(best: Arrival, seen: Seen) -> str:
    if not best.file.size_bytes:
        return "lost-all"
    size_bytes = seen.expected[0].size_bytes
    if best.file.size_bytes == size_bytes:
        return "changed-bytes"
    return "lost-part" if best.file.size_bytes < size_bytes else "added-bytes"


def _unsuccessful(attempt: ClientAttempt, sent: ProgramSent) -> Judgement:
    """Judge an upload that the client does not report as done."""
    # Where a library raised it says nothing to a reader of another host.
    words = words_of(sent.error.partition(" < File ")[0])[:MOST_WORDS] if sent.error else str(sent.status)
    if attempt.must_arrive:
        return Judgement(Verdict.FAIL, "not-sent", f"{words}, though the server takes all")
    if attempt.reason and not _hands_on(attempt.reason, sent):
        status, reason = attempt.reason
        return Judgement(Verdict.FAIL, "reason-lost", f"{words}, though the server sent {status} {reason}")
    return Judgement(Verdict.PASS, text=words)


def _hands_on(reason: tuple[int, str], sent: ProgramSent) -> bool:
    status, words = reason
    return (sent.status == status or str(status) in sent.error) and words.encode() in (
        sent.body + sent.error.encode()
    )
