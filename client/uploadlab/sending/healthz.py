"""Asks a target whether it is ready, and knows which answers are worth asking again."""

import http.client
import socket
import ssl
from http import HTTPStatus
from typing import Any

import requests

from uploadlab.model.deployments import EXTERNAL, Target
from uploadlab.paths import program
from uploadlab.private_urls import private_parts
from uploadlab.sending.answered import innermost, json_object, json_of, reason, words_of
from uploadlab.sending.connections import (
    GATEWAY,
    get,
    is_redirect,
    location_of,
    session,
    unsuccessful,
)
from uploadlab.sending.foreign import file_name, named
from uploadlab.sending.limited_answer import AnswerFault

PROBE_SECONDS = 5.0
MOST_VERSIONS = 30
"""Of what a server names; the rest is left out."""
NO_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
CORRECT = "start that server, or correct --target NAME=URL"
TRUSTED = "add --ca-file FILE that has its authority, or --insecure"


class NotReady(Exception):
    """Why a target cannot be measured now, with what to type; ``settled`` if asking again will not help."""

    def __init__(self, problem: str, advice: str = "", settled: bool = False) -> None:
        super().__init__(f"{problem}; {advice}" if advice else problem)
        self.settled = settled


def ask_versions(target: Target) -> dict[str, str]:
    """Return the versions that a ready target names; raise NotReady.

    A foreign target is ready once it answers anything. A deployment of the lab's is asked again after each
    other answer: another server may still hold its port.
    """
    asked = named(target.url, file_name()) if target.foreign else f"{target.url}/healthz"
    try:
        with session() as connection:
            # Where any answer will do, its content may be a large page.
            answer = connection.get(asked, timeout=PROBE_SECONDS, stream=bool(target.foreign))
    except (requests.RequestException, ValueError, OSError) as error:
        # An OSError is requests' for a file of authorities that a deployment has not written yet.
        raise _without_answer(target, error) from None
    versions = {} if target.foreign else _versions(target, answer)
    return {**versions, "answered as": words_of(answer.headers.get("Server"))}


def uploads_in_progress(url: str) -> int | None:
    """Return how many uploads the lab's app at this URL has now; None if it does not answer, or say so."""
    try:
        count = json_of(get(f"{url}/healthz", PROBE_SECONDS).content).get("uploads_in_progress")
    except (requests.RequestException, ValueError):
        return None
    return count if isinstance(count, int) else None


def _versions(target: Target, answer: requests.Response) -> dict[str, str]:
    """Return the versions in an answer of /healthz; raise NotReady."""
    is_ok = answer.status_code == HTTPStatus.OK
    content = json_object(answer.content) if is_ok else None
    if content is None or (target.tier != EXTERNAL and content.get("deployment") != target.name):
        raise _unhealthy(target, answer, content)
    versions = content.get("versions")
    known = list(versions.items()) if isinstance(versions, dict) else []
    return {words_of(name): words_of(version) for name, version in known[:MOST_VERSIONS]}


def _unhealthy(target: Target, answer: requests.Response, content: dict[str, Any] | None) -> NotReady:
    status = answer.status_code
    front = private_parts(target.url).front
    words = unsuccessful(status, answer.reason, location_of(answer), front)
    if status in GATEWAY and front:
        words += ", the app behind it does not run"
    if content is not None:
        words = f"{words_of(repr(content.get('deployment')))} answers there"
    elif status == HTTPStatus.OK:
        words += ", but without the lab's JSON"
    if target.tier != EXTERNAL or status in GATEWAY:  # the server behind it may only start
        return _silent(target, words)
    advice = f"{program()} run --target {target.name}={target.url}/upload --expect-status 200"
    advice = f"for a server without the lab's routes, name the URL that takes uploads: {advice}"
    if status == HTTPStatus.UNAUTHORIZED:
        advice = f"put USER:PASSWORD@ before its host, or, {advice}"
    elif is_redirect(status):
        advice = f"name the address where it points, or, {advice}"
    return NotReady(f"{target.url}/healthz {words}", advice, settled=True)


def _without_answer(target: Target, error: BaseException) -> NotReady:
    cause, why = innermost(error), reason(error)
    if target.tier != EXTERNAL:
        if isinstance(cause, ssl.SSLCertVerificationError):  # an older start's may still be there
            return NotReady(f"{target.url}: {why}")
        return _silent(target, why)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return NotReady(f"{target.url}: {why}", TRUSTED, settled=True)
    if isinstance(cause, ssl.SSLError):
        return NotReady(
            f"{target.url} does not speak TLS ({why})", "write http://, or correct its port", True
        )
    if isinstance(cause, socket.gaierror) and cause.errno in NO_NAME:
        return NotReady(f"no address is known for the host of {target.url} ({why})", CORRECT, settled=True)
    is_cut = isinstance(cause, http.client.RemoteDisconnected | http.client.IncompleteRead)
    if isinstance(cause, http.client.HTTPException | AnswerFault) and not is_cut:
        return NotReady(f"{target.url} does not answer as a web server does ({why})", CORRECT, settled=True)
    return _silent(target, why)


def _silent(target: Target, why: str) -> NotReady:
    """Return that a target does not answer, which may change."""
    what = "" if target.foreign else " /healthz"
    return NotReady(f"{target.url} does not answer{what} ({why})", CORRECT if target.tier == EXTERNAL else "")
