"""One upload against the clock. This is the only module with the stopwatch."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from msgspec import Struct

from uploadlab import curl, memory
from uploadlab.connection import session
from uploadlab.methods import FIELD, Method
from uploadlab.model import Foreign, Outcome, Status
from uploadlab.payload import Payload

VERIFY_SECONDS = 120.0


class Uploaded(Struct):
    """What the clock and the server said, before anything is verified."""

    outcome: Outcome
    answer: dict[str, Any] = {}
    stored_at: str | None = None
    """The path that the server names for it."""


class Stopwatch:
    """Runs from before the request is built; remembers how far it had got when."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.laps: dict[str, float] = {}
        """Seconds until it was connected, had begun to send, had sent its last block so far, was answered."""

    def lap(self, name: str) -> None:
        """Something was reached."""
        self.laps[name] = self.seconds()
        self.laps.setdefault(f"first {name}", self.laps[name])

    def seconds(self) -> float:
        """The time it has run."""
        return time.perf_counter() - self._started


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


def fetch_profile(url: str, uploaded: Uploaded) -> tuple[dict[str, bytes], str]:
    """The files of a profiled upload by name; without any, why there are none."""
    names, upload_id = uploaded.answer.get("profile"), uploaded.answer.get("id")
    if not isinstance(names, list) or not upload_id:
        return {}, str(uploaded.answer.get("profile_note", "the server cannot profile"))
    try:
        return {str(name): _content(f"{url}/profiles/{upload_id}/{name}") for name in names}, ""
    except requests.RequestException as error:
        return {}, f"the profile cannot be fetched: {reason(error)}"


def verify(url: str, uploaded: Uploaded, payload: Payload, keep: bool = False) -> Outcome:
    """Complete the outcome with what the server really stored, and remove that unless to keep."""
    outcome = uploaded.outcome
    if outcome.status is not Status.OK:
        return outcome
    if not uploaded.stored_at:
        outcome.status, outcome.error = Status.WRONG, "success without an upload id or a Location"
        return outcome
    try:
        stored_bytes, digest = read_back(url + uploaded.stored_at, keep)
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        outcome.status, outcome.error = Status.WRONG, f"not verified: {reason(error)}"
        return outcome
    return _compare(outcome, stored_bytes, digest, payload)


def _compare(outcome: Outcome, stored_bytes: int, digest: str, payload: Payload) -> Outcome:
    """Only bytes that arrived count."""
    outcome.stored_bytes = stored_bytes
    outcome.digest_ok = digest == payload.digest
    if stored_bytes != payload.size_bytes:
        outcome.status, outcome.error = Status.WRONG, f"{stored_bytes} of {payload.size_bytes} bytes"
    elif not outcome.digest_ok:
        outcome.status, outcome.error = Status.WRONG, "right size, other bytes"
    return outcome


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


def read_back(address: str, keep: bool) -> tuple[int, str]:
    """Size and digest of what is stored there, removed unless to keep.

    Raises RequestException, ValueError, KeyError, TypeError.
    """
    with session() as one:
        response = one.get(address, timeout=VERIFY_SECONDS)
    response.raise_for_status()
    if not keep:
        # One that stays costs space, but is no less stored.
        with suppress(requests.RequestException), session() as one:
            one.delete(address, timeout=VERIFY_SECONDS)
    stored = response.json()
    return int(stored["size_bytes"]), str(stored["digest"])


def _between(laps: dict[str, float], first: str, second: str) -> float | None:
    return laps[second] - laps[first] if first in laps and second in laps else None


def _content(address: str) -> bytes:
    with session() as one:
        response = one.get(address, timeout=VERIFY_SECONDS)
    response.raise_for_status()
    return response.content


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _json(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
