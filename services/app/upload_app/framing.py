"""Refuses each request whose body has no certain end, before any of it is read: WSGI middleware, without Flask.

Servers present some of these bodies to the app as empty, or as whole where they are not. uWSGI hands on what a client
wrote as its length, and Werkzeug takes all but plain digits for no length (werkzeug.wsgi.get_content_length).
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

App = Callable[..., Iterable[bytes]]
Environ = dict[str, Any]

MOST_HEAD_BYTES = 32 << 10
"""Of all headers; under what servers accept (uWSGI's buffer-size has at most 64 KiB), so that this answers."""
MOST_URL_BYTES = 8000
"""RFC 9112, 3, asks for at least as many."""
WITH_BODY = ("PATCH", "POST", "PUT")
VERSIONS = ("HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/2.0", "HTTP/3", "HTTP/3.0")
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A method or the name of a header (RFC 9110, 5.6.2)."""
DIGITS = re.compile(r"[0-9]{1,18}")
BREAKS = re.compile(r"[\r\n\0]")
SPACES = " \t"
"""What may stand around the value of a header (RFC 9110, 5.6.3)."""


class Refusal(NamedTuple):
    """A status, and its reason for the client."""

    status: HTTPStatus
    reason: str


class StrictFraming:
    """WSGI middleware that answers with a refusal's JSON, or calls the app."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the app if the body's end is certain."""
        refusal = find_refusal(environ)
        if refusal is None:
            return self._app(environ, start_response)
        body = json.dumps({"error": refusal.reason}).encode()
        status, kind = refusal.status, ("Content-Type", "application/json")
        start_response(f"{status.value} {status.phrase}", [kind, ("Content-Length", str(len(body)))])
        return [body]


def find_refusal(environ: Mapping[str, Any]) -> Refusal | None:
    """Return why this request cannot be taken; None if its head is well-formed and its body has a certain end."""
    return _malformed_line(environ) or _malformed_headers(environ) or _uncertain_end(environ)


def _malformed_line(environ: Mapping[str, Any]) -> Refusal | None:
    """uWSGI hands on whatever stands in the first line."""
    url = environ.get("REQUEST_URI") or environ.get("RAW_URI") or "/"  # WSGI has no name for it, servers have two
    if len(url) > MOST_URL_BYTES:
        return Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, f"the URL has over {MOST_URL_BYTES} bytes")
    if not TOKEN.fullmatch(environ["REQUEST_METHOD"]) or re.search(r"\s", url):
        return _bad("the request line is malformed")
    version = environ.get("SERVER_PROTOCOL", "HTTP/1.1")
    if version not in VERSIONS:
        return Refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, f"the version {version[:20]!r} is not known here")
    return None


def _malformed_headers(environ: Mapping[str, Any]) -> Refusal | None:
    """A space before a colon, or a folded line, hides a length from the app, and not from every server."""
    headers = {
        name.removeprefix("HTTP_"): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_LENGTH", "CONTENT_TYPE")
    }
    if sum(len(name) + len(value) for name, value in headers.items()) > MOST_HEAD_BYTES:
        reason = f"the headers have over {MOST_HEAD_BYTES} bytes"
        return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
    for name, value in headers.items():
        if not TOKEN.fullmatch(name):
            return _bad(f"the name of the header {name[:40]!r} is malformed")
        if BREAKS.search(value):
            return _bad(f"the header {name[:40]!r} has a line break or NUL in its value")
    return None


def _uncertain_end(environ: Mapping[str, Any]) -> Refusal | None:
    """The rules of RFC 9112, 6.3, and none of the ways out that it allows."""
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").strip(SPACES)  # nginx's way to hide the header leaves it empty
    # A server in front that took the body to a file has the length; what goes to the app has none.
    length = (environ.get("CONTENT_LENGTH") or environ.get("UPLOAD_LENGTH") or "").strip(SPACES)
    if coding:
        return _uncertain_chunks(environ, coding.lower(), length)
    # nginx hands the header on, too, and there it may be one that was spelt Content_Length.
    written = environ.get("HTTP_CONTENT_LENGTH", length).strip(SPACES)
    if length != written or length and not DIGITS.fullmatch(length):
        return _bad(f"Content-Length: {written[:40]!r} is no plain number of bytes, sent once")
    if environ["REQUEST_METHOD"] not in WITH_BODY:
        return None
    if not length:
        return Refusal(
            HTTPStatus.LENGTH_REQUIRED,
            "the body has no certain end: send a Content-Length (0 for an empty file) or Transfer-Encoding: chunked",
        )
    return _part_of_file(environ)


def _uncertain_chunks(environ: Mapping[str, Any], coding: str, length: str) -> Refusal | None:
    if coding != "chunked":
        reason = f"Transfer-Encoding: {coding[:40]!r} is not supported: send chunked alone, or a Content-Length"
        return Refusal(HTTPStatus.NOT_IMPLEMENTED, reason)
    if environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        return _bad("HTTP/1.0 has no chunked bodies: send a Content-Length")  # RFC 9112, 6.1
    if length:
        return _bad("a body has a Content-Length or Transfer-Encoding: chunked, not both")  # RFC 9112, 6.1
    if "wsgi.input_terminated" not in environ:
        reason = "this server cannot read a chunked body: send a Content-Length"
        return Refusal(HTTPStatus.LENGTH_REQUIRED, reason)
    return _part_of_file(environ)


def _part_of_file(environ: Mapping[str, Any]) -> Refusal | None:
    """Stored as it is, the part would be taken for the whole file (RFC 9110, 14.5)."""
    if "HTTP_CONTENT_RANGE" in environ:
        return _bad("Content-Range: a part of a file cannot be stored here, send the whole file")
    return None


def _bad(reason: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, reason)
