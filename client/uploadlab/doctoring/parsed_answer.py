"""An answer of HTTP/1.1, parsed from the bytes that came, however many they are."""

import io
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, NamedTuple

from uploadlab.sending.answered import words_of


class ParsedAnswer(NamedTuple):
    """An answer that has been read, as far as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class _Bytes(io.BytesIO):
    """What has been read of a connection, as http.client takes it."""

    def makefile(self, *_: Any, **__: Any) -> "_Bytes":
        return self


def _response(received: bytes, verb: str) -> HTTPResponse | None:
    source: Any = _Bytes(received)
    response = HTTPResponse(source, method=verb)
    try:
        response.begin()
    except (HTTPException, ValueError, OSError):
        return None
    return response


def is_complete(received: bytes, verb: str) -> bool:
    """Return whether all of an answer has come whose head says how long it is."""
    response = _response(received, verb)
    if response is None or (response.length is None and not response.chunked):
        return False
    try:
        response.read()
    except (HTTPException, ValueError):
        return False
    return True


def parsed_answer(received: bytes, verb: str) -> ParsedAnswer | None:
    """Return an answer as far as it came; None for what is none."""
    response = _response(received, verb)
    if response is None:
        return None
    try:
        body = response.read()
    except IncompleteRead as error:
        body = error.partial
    except (HTTPException, ValueError):
        body = b""
    headers = [(name.lower(), words_of(value)) for name, value in response.getheaders()]
    return ParsedAnswer(response.status, headers, body)
