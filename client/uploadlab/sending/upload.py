"""One upload against the clock. This is the only module with the stopwatch."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, BinaryIO, cast
from urllib.parse import urlencode

import msgspec
import requests

from uploadlab.catalogue.methods import FIELD, Method
from uploadlab.catalogue.payloads import Payload
from uploadlab.model.deployments import Foreign
from uploadlab.model.measurements import Outcome, Status
from uploadlab.private_urls import with_query
from uploadlab.sending import peak_memory as memory
from uploadlab.sending.answered import json_of, reason, refusal, seconds_of, stored_at, words_of
from uploadlab.sending.connections import is_success, location_of, session
from uploadlab.sending.curl import send_by_curl
from uploadlab.sending.source import AnnouncedFile
from uploadlab.sending.stopwatch import Stopwatch


class Uploaded(msgspec.Struct):
    """An upload as the clock and the server report it, before anything is verified."""

    outcome: Outcome
    answer: dict[str, Any] = {}
    stored_at: str | None = None
    """The path that the server names for the upload."""


def upload(
    url: str,
    method: Method,
    payload: Payload,
    silence_seconds: float | None = None,
    foreign: Foreign | None = None,
    **query: str,
) -> Uploaded:
    """Send the payload once and return what happened. Raise nothing that a server can cause.

    A server that is silent for longer than ``silence_seconds`` is given up. A foreign one is sent no query.

    The time runs from before the request is built until its answer is read; where curl sends, by its clock.
    """
    if method.curl:
        return _upload_by_curl(url, method, payload, foreign, query)
    memory_known = memory.reset_peak()
    cpu_before = time.process_time()
    watch = Stopwatch()
    try:
        with open(payload.path, "rb") as file, session(watch.lap, method.block_bytes) as connection:
            source = cast(BinaryIO, AnnouncedFile(file, payload.path, payload.size_bytes))
            request = method.send(source, payload.size_bytes, foreign.field if foreign else FIELD)
            response = connection.request(
                *_verb_and_address(url, method, foreign), params=query, timeout=silence_seconds, **request
            )  # fmt: skip
    except (requests.RequestException, ValueError, OSError, MemoryError, OverflowError) as error:
        # A ValueError is urllib3's for the name of a host.
        return Uploaded(Outcome(status=Status.FAILED, error=reason(error)))
    seconds, laps = watch.seconds(), watch.laps
    sent, answered = laps.get("sent"), laps.get("answered")
    outcome = Outcome(
        status=Status.OK,
        seconds=seconds,
        http_status=response.status_code,
        connected_seconds=laps.get("connected"),
        first_sent_seconds=laps.get("first sent"),
        sent_seconds=sent,
        response_wait_seconds=answered - sent if answered and sent else None,
        client_cpu_seconds=time.process_time() - cpu_before,
        client_peak_rss_bytes=memory.peak_rss_bytes() if memory_known else None,
    )
    return _answered(outcome, foreign, response.content, location_of(response))


def _upload_by_curl(
    url: str, method: Method, payload: Payload, foreign: Foreign | None, query: Mapping[str, str]
) -> Uploaded:
    verb, address = _verb_and_address(url, method, foreign)
    address = with_query(address, urlencode(query))
    budget = float(query["budget"]) if "budget" in query else None
    try:
        outcome, content, location = send_by_curl(verb, address, payload, budget)
    except FileNotFoundError:
        return Uploaded(Outcome(status=Status.FAILED, error="curl is not installed: install it"))
    except OSError as error:
        return Uploaded(Outcome(status=Status.FAILED, error=words_of(error)))
    return _answered(outcome, foreign, content, location)


def _verb_and_address(url: str, method: Method, foreign: Foreign | None) -> tuple[str, str]:
    return ("POST", url) if foreign else (method.verb, url + method.route)


def _answered(outcome: Outcome, foreign: Foreign | None, content: bytes, location: str | None) -> Uploaded:
    """Return the outcome, completed by the server's answer."""
    answer, http_status = json_of(content), outcome.http_status or 0
    accepted = http_status == foreign.expect_status if foreign else is_success(http_status)
    if not accepted:
        expected = foreign.expect_status if foreign else HTTPStatus.CREATED
        outcome.status, outcome.error = Status.REFUSED, refusal(http_status, expected, answer, location)
    elif foreign:
        outcome.status = Status.UNVERIFIED
    if accepted:
        outcome.server_seconds = seconds_of(answer.get("seconds"))
    return Uploaded(outcome, answer, stored_at(answer, location))
