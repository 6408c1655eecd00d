"""The few requests of tus 1.0 that the runs make themselves, and a body that is cut in the middle."""

import socket
import ssl
import struct
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

from uploadlab.errors import problem_of
from uploadlab.model.deployments import Target
from uploadlab.private_urls import private_parts

from benchmark.resumable.faults import FaultKind

VERSION = {"Tus-Resumable": "1.0.0"}
ROUTE = "/resumable"
SECONDS = 10.0
BLOCK_BYTES = 1 << 16
REST_SECONDS = 0.5
"""Between the last byte and the cut."""
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of socket(7): no time."""


class Told(NamedTuple):
    """What a server answered; status 0: nothing, for the reason in ``error``."""

    status: int
    headers: dict[str, str]
    error: str = ""

    @property
    def offset(self) -> int | None:
        """Bytes that it has kept; None: it does not say."""
        text = self.headers.get("upload-offset", "")
        return int(text) if text.isdigit() else None


class CutBody(NamedTuple):
    """A body that is cut: how long it would be, how much of it is sent, and in which time."""

    announced_bytes: int
    sent_bytes: int
    seconds: float


def ask(target: Target, verb: str, path: str, headers: dict[str, str], body: bytes = b"") -> Told:
    """Send one request, and return what came of it."""
    try:
        connection = _connection(target)
        try:
            connection.request(verb, path, body or None, {**VERSION, **headers})
            return _told(connection.getresponse())
        finally:
            connection.close()
    except (OSError, HTTPException) as error:
        return Told(0, {}, problem_of(error) if isinstance(error, OSError) else type(error).__name__)


def create(target: Target, size_bytes: int) -> tuple[str, Told]:
    """Begin an upload; return its path, empty where the server refuses, and the answer."""
    told = ask(target, "POST", ROUTE, {"Upload-Length": str(size_bytes), "Content-Length": "0"})
    return (urlsplit(told.headers.get("location", "")).path if told.status == 201 else ""), told


def append(target: Target, path: str, offset: int, body: bytes) -> Told:
    """Send bytes of an upload that belong at an offset."""
    kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return ask(target, "PATCH", path, kind, body)


def send_and_cut(target: Target, path: str, body: CutBody, by: FaultKind) -> str:
    """Send the beginning of a body, and cut the connection; return what went wrong before, if anything.

    Until the cut the server has half a second more, so that nothing is under way.
    """
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: {urlsplit(target.url).netloc}\r\nTus-Resumable: 1.0.0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n"
        f"Content-Length: {body.announced_bytes}\r\n\r\n"
    )
    problem = ""
    connection = _connection(target)
    try:
        connection.connect()
        end = connection.sock
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BLOCK_BYTES)
        end.sendall(head.encode())
        begun = time.monotonic()
        for place in range(0, body.sent_bytes, BLOCK_BYTES):
            end.sendall(bytes(min(BLOCK_BYTES, body.sent_bytes - place)))
            due = begun + body.seconds * place / body.sent_bytes
            time.sleep(max(0.0, due - time.monotonic()))
        time.sleep(REST_SECONDS)
        problem = _answered_early(end)
    except OSError as error:
        problem = problem_of(error)
    with suppress(OSError):
        if by is FaultKind.RST:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    connection.close()
    return problem


def _answered_early(end: socket.socket) -> str:
    """Return the first line of an answer that came before the body was whole; empty: none came."""
    end.settimeout(0.01)
    with suppress(TimeoutError, ssl.SSLWantReadError):
        said = end.recv(200)
        return said.partition(b"\r\n")[0].decode(errors="replace") if said else "it closed"
    return ""


def _connection(target: Target) -> HTTPConnection:
    place = urlsplit(target.url)
    if place.scheme == "http":
        return HTTPConnection(place.netloc, timeout=SECONDS)
    authority = private_parts(target.url).ca_file
    return HTTPSConnection(
        place.netloc, timeout=SECONDS, context=ssl.create_default_context(cafile=authority or None)
    )


def _told(answer: HTTPResponse) -> Told:
    answer.read()
    return Told(answer.status, {name.lower(): value for name, value in answer.getheaders()})
