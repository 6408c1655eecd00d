"""WSGI middleware that refuses a request whose body has no certain end, before any of it is read.

Servers present some of these bodies to the app as empty, or as whole where they are not: uWSGI hands on
what a client wrote as its length, and Werkzeug takes all but plain digits for no length. It needs no Flask.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

App = Callable[..., Iterable[bytes]]
Environ = dict[str, Any]

MOST_HEAD_BYTES = 32 << 10
"""Of all headers. Servers take more (uWSGI up to 64 KiB), so that this answers, and with a reason."""
MOST_URL_BYTES = 8000
"""As many as RFC 9112, 3, asks for."""
WITH_BODY = ("PATCH", "POST", "PUT")
OLD_VERSIONS = ("HTTP/1.0", "HTTP/1")
"""The second is how granian 2.8 writes the first."""
VERSIONS = (*OLD_VERSIONS, "HTTP/1.1", "HTTP/2", "HTTP/2.0", "HTTP/3", "HTTP/3.0")
METHOD = re.compile(r"[A-Z]+(?:-[A-Z]+)*")
"""All that are registered. Methods are case-sensitive (RFC 9110, 9.1), and Flask takes put for PUT."""
URL = re.compile(r"(?:/|https?://)[!-~]*|\*", re.IGNORECASE)
"""A path, or a whole address as proxies are sent it (RFC 9112, 3.2), in ASCII."""
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""The name of a header (RFC 9110, 5.6.2)."""
DIGITS = re.compile(r"[0-9]{1,18}")


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
        return answer_refusal(refusal, start_response) if refusal else self._app(environ, start_response)


def answer_refusal(refusal: Refusal, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the reason as JSON, as WSGI does."""
    body = json.dumps({"error": refusal.reason}).encode()
    status = refusal.status
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if status is HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        headers.append(("Accept-Encoding", "identity"))  # what would be taken (RFC 9110, 15.5.16)
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def find_refusal(environ: Mapping[str, Any]) -> Refusal | None:
    """Return why this request is refused; None for a well-formed head and a body with a certain end."""
    return _check_request_line(environ) or _check_headers(environ) or _check_framing(environ)


def _check_request_line(environ: Mapping[str, Any]) -> Refusal | None:
    """Refuse what is no request line: uWSGI hands on whatever stands there."""
    url = environ.get("REQUEST_URI") or environ.get("RAW_URI") or "/"  # servers differ in its name
    version = environ.get("SERVER_PROTOCOL", "HTTP/1.1")
    if len(url) > MOST_URL_BYTES:
        return Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, f"the URL has over {MOST_URL_BYTES} bytes")
    if not METHOD.fullmatch(environ["REQUEST_METHOD"]) or not URL.fullmatch(url):
        return _bad("the request line is malformed")
    if version not in VERSIONS:
        reason = f"this version of HTTP is not supported: {version[:20]!r}"
        return Refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, reason)
    return None


def _check_headers(environ: Mapping[str, Any]) -> Refusal | None:
    """Refuse malformed ones: a space before its colon, or a second line, hides a length from the app."""
    headers = {
        name.removeprefix("HTTP_"): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_LENGTH", "CONTENT_TYPE")
    }
    if sum(len(name) + len(value) for name, value in headers.items()) > MOST_HEAD_BYTES:
        reason = f"the headers have over {MOST_HEAD_BYTES} bytes"
        return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
    for name, value in headers.items():
        if not TOKEN.fullmatch(name) or re.search(r"[\r\n\0]", value):
            return _bad(f"the header {name[:40]!r} is malformed")
    return None


def _check_framing(environ: Mapping[str, Any]) -> Refusal | None:
    """Apply RFC 9112, 6.3, without what it tolerates."""
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").strip(" \t")  # empty where nginx hides it
    # A server in front that took the body to a file tells the length; what goes to the app has none.
    length = environ.get("CONTENT_LENGTH") or environ.get("UPLOAD_LENGTH") or ""
    # nginx also hands the header on, and there it may be one that was spelt Content_Length.
    written = environ.get("HTTP_CONTENT_LENGTH", length)
    if coding:
        refusal = _check_chunked(environ, coding.lower(), length)
    elif length != written or (length and not DIGITS.fullmatch(length)):
        refusal = _bad(f"Content-Length: {written[:40]!r} is no plain number of bytes, sent once")
    elif not length and environ["REQUEST_METHOD"] in WITH_BODY:
        reason = "the body has no certain end: send a Content-Length (0 for an empty file) or chunks"
        refusal = Refusal(HTTPStatus.LENGTH_REQUIRED, reason)
    else:
        refusal = None
    return refusal or _check_content(environ)


def _check_content(environ: Mapping[str, Any]) -> Refusal | None:
    """Refuse a body that is not the file itself: a part of it, or all of it in another coding."""
    if environ["REQUEST_METHOD"] not in WITH_BODY:
        return None
    coding = environ.get("HTTP_CONTENT_ENCODING", "").strip(" \t")
    if coding.lower() not in ("", "identity"):
        reason = f"Content-Encoding: {coding[:40]!r} is not decoded here, send the file's own bytes"
        return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason)
    if "HTTP_CONTENT_RANGE" in environ:
        return _bad("Content-Range: a part is not stored here, send the whole file")  # RFC 9110, 14.5
    return None


def _check_chunked(environ: Mapping[str, Any], coding: str, length: str) -> Refusal | None:
    if coding != "chunked":
        reason = f"Transfer-Encoding: {coding[:40]!r} is not supported: send chunked, or a Content-Length"
        return Refusal(HTTPStatus.NOT_IMPLEMENTED, reason)
    if environ.get("SERVER_PROTOCOL") in OLD_VERSIONS:
        return _bad("HTTP/1.0 has no chunked bodies: send a Content-Length")  # RFC 9112, 6.1
    if length:
        return _bad("a body has a Content-Length or Transfer-Encoding: chunked, not both")  # RFC 9112, 6.1
    if "wsgi.input_terminated" not in environ:
        reason = "this server cannot read a chunked body: send a Content-Length"
        return Refusal(HTTPStatus.LENGTH_REQUIRED, reason)
    return None


def _bad(reason: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, reason)
