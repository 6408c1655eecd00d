"""One upload against the clock. This is the only module with the stopwatch."""

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from msgspec import Struct

from uploadlab.catalogue.methods import FIELD, Method
from uploadlab.catalogue.payloads import Payload
from uploadlab.model.deployments import Foreign
from uploadlab.model.measurements import Outcome, Status
from uploadlab.sending import curl
from uploadlab.sending import peak_memory as memory
from uploadlab.sending.connections import session
from uploadlab.sending.stopwatch import Stopwatch


class Uploaded(Struct):
    """What the clock and the server said, before anything is verified."""

    outcome: Outcome
    answer: dict[str, Any] = {}
    stored_at: str | None = None
    """The path that the server names for it."""


def upload(
    url: str,
    method: Method,
    payload: Payload,
    silence_seconds: float | None = None,
    foreign: Foreign | None = None,
    **query: str,
) -> Uploaded:
    """Send the payload once and say what happened. Raises nothing that a server can cause.

    A server that is silent for longer than ``silence_seconds`` is given up. A foreign one is sent no query.

    The time runs from before the request is built until its answer is read; where curl sends, by its clock.
    """
    if method.curl:
        return _by_curl(url, method, payload, foreign, query)
    memory_known = memory.reset_peak()
    cpu_before = time.process_time()
    watch = Stopwatch()
    try:
        response = _send(url, method, payload, query, silence_seconds, watch, foreign)
    except (requests.RequestException, OSError, MemoryError, OverflowError) as error:
        return Uploaded(Outcome(status=Status.FAILED, error=reason(error)))
    outcome = Outcome(
        status=_status(response.status_code, foreign),
        seconds=watch.seconds(),
        http_status=response.status_code,
        connected_seconds=watch.laps.get("connected"),
        first_sent_seconds=watch.laps.get("first sent"),
        sent_seconds=watch.laps.get("sent"),
        response_wait_seconds=_between(watch.laps, "sent", "answered"),
        client_cpu_seconds=time.process_time() - cpu_before,
        client_peak_rss_bytes=memory.peak_rss_bytes() if memory_known else None,
    )
    return _answered(outcome, response.content, response.reason, response.headers.get("Location"))


def _by_curl(
    url: str, method: Method, payload: Payload, foreign: Foreign | None, query: Mapping[str, str]
) -> Uploaded:
    """The same by curl, and by its clock; what its memory was is not known."""
    address = url if foreign else url + method.route
    address += f"{'&' if '?' in address else '?'}{urlencode(query)}" if query else ""
    budget = float(query["budget"]) if "budget" in query else None
    try:
        sent = curl.send(_verb(method, foreign), address, Path(payload.path), budget)
    except FileNotFoundError:
        return Uploaded(Outcome(status=Status.FAILED, error="curl is not installed: install it"))
    except OSError as error:
        return Uploaded(Outcome(status=Status.FAILED, error=str(error)))
    outcome = Outcome(
        status=_status(sent.status, foreign),
        seconds=sent.seconds,
        http_status=sent.status,
        connected_seconds=sent.connected_seconds,
        client_cpu_seconds=sent.cpu_seconds,
    )
    return _answered(outcome, sent.content, sent.reason, sent.headers.get("Location"))


def _status(http_status: int, foreign: Foreign | None) -> Status:
    if foreign:
        return Status.UNVERIFIED if http_status == foreign.expect_status else Status.REFUSED
    return Status.OK if http_status < HTTPStatus.MULTIPLE_CHOICES else Status.REFUSED


def _answered(outcome: Outcome, content: bytes, words: str, location: str | None) -> Uploaded:
    """The outcome with what the server's answer says."""
    answer = _json(content)
    if outcome.status is not Status.REFUSED:
        outcome.server_seconds = _number(answer.get("seconds"))
    else:
        outcome.error = str(answer.get("error") or words)
    return Uploaded(outcome, answer, stored_at(answer, location))


def _verb(method: Method, foreign: Foreign | None) -> str:
    return "POST" if foreign else method.verb


def stored_at(answer: Mapping[str, Any], location: str | None) -> str | None:
    """Where an accepted upload can be read back: a path on the server that took it; None if it names none.

    Its ``id`` says so, and does not depend on a prefix that a proxy may have taken away; or the answer's
    Location (RFC 9110, 15.3.2): of that no more than the path counts, nobody leads to another host.
    """
    place = urlsplit(location or "")
    if place.path.startswith("/") and (place.query or not answer.get("id")):
        return place.path + (f"?{place.query}" if place.query else "")
    return f"/uploads/{answer['id']}" if answer.get("id") else None


def reason(error: BaseException) -> str:
    """The innermost cause in a few words: the wrappers of requests and urllib3 say little."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return f"{type(error).__name__}: {error}".strip().removesuffix(":")


def _send(
    url: str,
    method: Method,
    payload: Payload,
    query: dict[str, str],
    timeout: float | None,
    watch: Stopwatch,
    foreign: Foreign | None,
) -> requests.Response:
    with open(payload.path, "rb") as file, session(watch.lap, method.block_bytes) as one:
        request = method.send(file, payload.size_bytes, foreign.field if foreign else FIELD)
        address = url if foreign else url + method.route
        return one.request(
            _verb(method, foreign), address, params=query, timeout=timeout, allow_redirects=False, **request
        )


def _between(laps: dict[str, float], first: str, second: str) -> float | None:
    return laps[second] - laps[first] if first in laps and second in laps else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _json(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
