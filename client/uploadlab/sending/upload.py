"""One upload against the clock. This is the only module with the stopwatch."""

import time
from collections.abc import Mapping
from contextlib import closing, nullcontext
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec
import requests

from uploadlab.catalogue.methods import Method, Part
from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.targets import TargetSpec
from uploadlab.private_urls import with_query
from uploadlab.sending import peak_memory as memory
from uploadlab.sending.answered import json_of, reason, refusal, seconds_of, stored_at, words_of
from uploadlab.sending.connections import Opened, Through, is_success, location_of, session
from uploadlab.sending.curl import send_by_curl
from uploadlab.sending.foreign import Answered, file_name, named, part_for, unmet
from uploadlab.sending.persistence import Route, Tally
from uploadlab.sending.program_uploads import ProgramSender
from uploadlab.sending.programs import ClientUnavailable
from uploadlab.sending.several_requests import FileInPieces
from uploadlab.sending.source import AnnouncedFile
from uploadlab.sending.stopwatch import Stopwatch
from uploadlab.sending.uncopied import UncopiedFile
from uploadlab.sending.ways_to_go_on import send_in_pieces


class Uploaded(msgspec.Struct):
    """An upload as the clock and the server report it, before anything is verified."""

    outcome: Outcome
    answer: dict[str, Any] = {}
    stored_at: str | None = None
    """The path that the server names for the upload."""
    answered: Answered | None = None
    """What a server of the user's own answered, in full."""


def upload(
    url: str,
    method: Method,
    payload: Payload,
    silence_seconds: float | None = None,
    foreign: TargetSpec | None = None,
    programs: ProgramSender | None = None,
    through: Through = None,
    **query: str,
) -> Uploaded:
    """Send the payload once and return what happened. Raise nothing that a server can cause.

    A server that is silent for longer than ``silence_seconds`` is given up. A foreign one is sent no query.
    Connections go ``through`` a line, if there is one.

    The time runs from before the first request is built until the last answer is read; where curl sends, by
    its clock. What another client sends, one of ``programs`` does, with a clock of its own.
    """
    if method.client:
        with closing(ProgramSender()) if programs is None else nullcontext(programs) as sender:
            return _upload_by_program(url, method, payload, foreign, sender, through, query)
    if method.curl:
        return _upload_by_curl(url, method, payload, foreign, through, query)
    name, tally = file_name(), Tally()
    memory_known = memory.reset_peak()
    cpu_before = time.process_time()
    watch = Stopwatch()
    try:
        if method.goes_on:
            route = Route(watch.lap, method.block_bytes, through, query, tally)
            response, location = send_in_pieces(FileInPieces(url, method, payload, route))
        else:
            with session(watch.lap, method.block_bytes, through=through) as connection:
                words = url, method, payload, foreign, name, tally
                response = _send_once(connection, *words, params=query, timeout=silence_seconds)
            location = location_of(response)
    except (requests.RequestException, ValueError, OSError, MemoryError, OverflowError) as error:
        # A ValueError is urllib3's for the name of a host.
        outcome = Outcome(status=Status.FAILED, error=reason(error), seconds=watch.seconds())
        return Uploaded(_with_tally(outcome, method, tally))
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
        longest_stall_seconds=watch.longest_stall,
        client_cpu_seconds=time.process_time() - cpu_before,
        client_peak_rss_bytes=memory.peak_rss_bytes() if memory_known else None,
    )
    answer = Answered(url, name, response.content, location)
    return _answered(_with_tally(outcome, method, tally), foreign, answer)


def _send_once(
    connection: Opened,
    url: str,
    method: Method,
    payload: Payload,
    foreign: TargetSpec | None,
    name: str,
    tally: Tally,
    **more: Any,
) -> requests.Response:
    """Send the file in one request; return the answer."""
    with open(payload.path, "rb") as file:
        announced = AnnouncedFile(file, payload.path, payload.size_bytes)
        source: Any = announced
        if method.sendfile:
            source = UncopiedFile(announced, method.block_bytes, tally.fell_back)
        part = part_for(foreign, url, name) if foreign else Part()
        request = method.send(source, payload.size_bytes, part)
        verb, address = verb_and_address(url, method, foreign, name)
        return connection.request(verb, address, **more, **request)


def _with_tally(outcome: Outcome, method: Method, tally: Tally) -> Outcome:
    """Return the outcome with what its requests took; bytes are not counted of a method of one request."""
    outcome.fallback = tally.fallback or None
    if method.goes_on:
        outcome.sent_bytes, outcome.breaks = tally.sent_bytes, tally.breaks
    return outcome


def _upload_by_curl(
    url: str,
    method: Method,
    payload: Payload,
    foreign: TargetSpec | None,
    through: Through,
    query: Mapping[str, str],
) -> Uploaded:
    name = file_name()
    verb, address = verb_and_address(url, method, foreign, name)
    address = with_query(address, urlencode(query))
    budget = float(query["budget"]) if "budget" in query else None
    watch = Stopwatch()
    try:
        outcome, content, location = send_by_curl(verb, address, payload, budget, through)
    except FileNotFoundError:
        return Uploaded(Outcome(status=Status.FAILED, error="curl is not installed: install it"))
    except OSError as error:
        return Uploaded(Outcome(status=Status.FAILED, error=words_of(error), seconds=watch.seconds()))
    return _answered(outcome, foreign, Answered(url, name, content, location))


def _upload_by_program(
    url: str,
    method: Method,
    payload: Payload,
    foreign: TargetSpec | None,
    sender: ProgramSender,
    through: Through,
    query: Mapping[str, str],
) -> Uploaded:
    name = file_name()
    verb, address = verb_and_address(url, method, foreign, name)
    part = part_for(foreign, url, name) if foreign else Part()
    watch = Stopwatch()
    try:
        outcome, content, location = sender.send(
            method, verb, with_query(address, urlencode(query)), payload, part, through
        )
    except ClientUnavailable as error:
        return Uploaded(Outcome(status=Status.UNAVAILABLE, error=str(error)))
    if outcome.status is not Status.OK:
        outcome.seconds = outcome.seconds or watch.seconds()
        return Uploaded(outcome)
    return _answered(outcome, foreign, Answered(url, name, content, location))


def verb_and_address(url: str, method: Method, foreign: TargetSpec | None, name: str) -> tuple[str, str]:
    """Return a request's method and address; a server of the user's own may keep a file by its ``name``."""
    if foreign:
        return foreign.request_method or "POST", named(url, name)
    return method.verb, url + method.route


def _answered(outcome: Outcome, foreign: TargetSpec | None, answered: Answered) -> Uploaded:
    """Return the outcome, completed by the server's answer."""
    _, _, content, location = answered
    answer, http_status = json_of(content), outcome.http_status or 0
    if foreign:
        outcome.error = unmet(foreign, http_status, content, location) or None
        outcome.status = Status.REFUSED if outcome.error else Status.UNVERIFIED
    elif not is_success(http_status):
        outcome.error = refusal(http_status, HTTPStatus.CREATED, answer, location, answered.url)
        outcome.status = Status.REFUSED
    if outcome.status is not Status.REFUSED:
        outcome.server_seconds = seconds_of(answer.get("seconds"))
    if not foreign and (by_app := words_of(answer.get("fallback"))):
        outcome.fallback = "; ".join(filter(None, [outcome.fallback, by_app]))
    return Uploaded(outcome, answer, stored_at(answer, location), answered if foreign else None)
