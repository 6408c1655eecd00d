"""What a server answers, as far as the client believes it: values of a known kind, and short plain words."""

import re
import ssl
from collections.abc import Mapping
from http.client import responses
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests

from uploadlab.plain_text import OF_A_SERVER, plain
from uploadlab.private_urls import masked, private_parts
from uploadlab.sending.connections import is_redirect, is_success, unsuccessful
from uploadlab.sending.limited_answer import AnswerFault
from uploadlab.sending.source import FileFault

PLACE = re.compile(r"/(uploads|stored)/[\w-][\w.-]{0,127}(\?[\w.=&%-]{1,200})?", re.ASCII)
"""Where an upload can be read back: at the lab's route, or at that of ``nginx-dav``."""
MOST_BYTES = 1 << 62
MOST_SECONDS = 1e7


def json_of(body: bytes) -> dict[str, Any]:
    """Return the JSON object that an answer is; nothing for any other answer."""
    return json_object(body) or {}


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object that an answer is; None for any other answer."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, RecursionError):  # no JSON, or brackets within brackets without an end
        return None


def words_of(text: object) -> str:
    """Return what a server says as short plain text, without logins; nothing where it says nothing."""
    return plain(masked(str(text)), OF_A_SERVER) if text else ""


def seconds_of(value: object) -> float | None:
    """Return a server's number of seconds; None if that is no time."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= MOST_SECONDS else None  # type: ignore[operator, arg-type]


def bytes_of(value: object) -> int | None:
    """Return a server's number of bytes; None if that is no size."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= MOST_BYTES else None  # type: ignore[operator, return-value]


def refusal(
    http_status: int, expected: int | str, answer: Mapping[str, Any], location: str | None, url: str = ""
) -> str:
    """Return why an upload was refused: the reason in the answer, else its status beside the expected one.

    An answer without a reason is none of the lab's app: the front at that ``url`` has sent it.

    The words beside a status are the standard's, not the server's, which may be any; a reason that comes
    with a success needs the status to be understood.
    """
    phrase = responses.get(http_status, "")
    front = "" if answer.get("error") else private_parts(url).front
    answered = unsuccessful(http_status, phrase, location, front)
    if is_redirect(http_status):
        return answered
    said, answered = words_of(answer.get("error")), f"{answered}, expected {expected}"
    if said.lower() in ("", phrase.lower()):  # some frameworks repeat the phrase as the reason
        return answered
    return f"{answered}: {said}" if is_success(http_status) else said


def stored_at(answer: Mapping[str, Any], location: str | None) -> str | None:
    """Return where an accepted upload can be read back: a path on the server that took it; None if unknown.

    The answer's ``id`` gives the path, and does not depend on a prefix that a proxy may have removed; or
    the answer's Location (RFC 9110, 15.3.2) does, of which only the path counts. No server leads the client
    to another host, or to a path that is none of an upload.
    """
    try:
        place = urlsplit(location or "")
    except ValueError:
        place = urlsplit("")
    path = place.path + (f"?{place.query}" if place.query else "")
    if PLACE.fullmatch(path) and (place.query or not answer.get("id")):
        return path
    path = f"/uploads/{answer.get('id') or ''}"
    return path if PLACE.fullmatch(path) and "?" not in path else None


def reason(error: BaseException) -> str:
    """Return the innermost cause in a few words."""
    error = innermost(error)
    if isinstance(error, FileFault):
        return str(error)
    if isinstance(error, AnswerFault | requests.HTTPError):  # words of our own
        return words_of(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return words_of(f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, OSError) and error.strerror:  # without its number, which says the same
        return words_of(error.strerror)
    return words_of(f"{type(error).__name__}: {error}".strip().removesuffix(":"))


def innermost(error: BaseException) -> BaseException:
    """Return the cause of a cause's cause: the wrappers of requests and urllib3 say little."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
