"""Passing an upload on to another deployment while it arrives: no file, and one block in memory.

While the next deployment reads no more, no more is read here, so that the client waits, too. All functions
raise Refused, and BudgetSpent once the deadline has passed. None of them needs Flask.
"""

import io
import json
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

from upload_app.body import Body, BrokenBody, Deadline
from upload_app.settings import Hop
from upload_app.storage import is_id

CONNECT_SECONDS = 30.0
"""Long enough for a full queue: Linux tries again after 1, 2, 3, 4, 5, 7, 11 s (before 6.5: 1, 3, 7, 15)."""
ANSWER_BYTES = 64 << 10
"""An answer is read up to here; the app's have a few hundred bytes."""


class Head(NamedTuple):
    """The part of a request that goes to the next deployment before the body."""

    content_type: str
    length: int | None
    """In bytes; None: unknown, and the body is sent chunked."""
    query: dict[str, str]
    digests: dict[str, str]
    """The headers by which the client announces a digest: the next deployment checks it."""


class Refused(Exception):
    """A refusal for the client: the next deployment's own status and sentence, or 502 where it has none."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def pass_on(hop: Hop, head: Head, body: Body, deadline: Deadline, block_size: int) -> dict[str, Any]:
    """Send the body on while it arrives; return the next deployment's answer about the stored file.

    Raise BrokenBody for a body that ends early. The next deployment then sees that, too, and stores nothing.
    """
    with _connected(hop, deadline) as connection:
        sent_bytes = _send(connection, head, body, deadline, block_size)
        stored = _answer(hop, connection, deadline)
    if not is_id(stored.get("id")):
        raise Refused(HTTPStatus.BAD_GATEWAY, f"{hop.name} answered with success, but names no upload")
    if sent_bytes is None or stored.get("size_bytes") != sent_bytes:
        with suppress(Refused):  # nothing partial stays
            ask_hop(hop, "DELETE", stored["id"], {}, deadline)
        raise Refused(
            HTTPStatus.BAD_GATEWAY, f"{hop.name} answered with success, but has not stored every byte"
        )
    return stored


def ask_hop(hop: Hop, verb: str, upload_id: str, query: dict[str, str], deadline: Deadline) -> dict[str, Any]:
    """Return the next deployment's answer about an upload; raise FileNotFoundError for a malformed id."""
    if not is_id(upload_id):  # never let a client's text become a path
        raise FileNotFoundError(upload_id)
    with _connected(hop, deadline) as connection:
        connection.request(verb, f"/uploads/{upload_id}?{urlencode(query)}")
        return _answer(hop, connection, deadline)


class _Answer(io.RawIOBase):
    """What the next deployment answers, in the shape that http.client reads: it ends with the deadline.

    A timeout of the socket alone begins again with each byte, and http.client skips any number of answers
    that only say 100 Continue.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._deadline.left_seconds())
        return self._sock.recv_into(buffer)


@contextmanager
def _connected(hop: Hop, deadline: Deadline) -> Iterator[HTTPConnection]:
    """Yield a connection for one request, and close it. http.client makes it without Nagle's delay."""
    seconds = min(CONNECT_SECONDS, deadline.left_seconds())
    connection = HTTPConnection(hop.host, hop.port, timeout=seconds)
    try:
        connection.connect()
        connection.sock.settimeout(deadline.left_seconds())
        yield connection
    except (OSError, HTTPException) as error:
        deadline.check()
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Refused(HTTPStatus.BAD_GATEWAY, f"{hop.name} cannot be reached, or broke off: {why}") from error
    finally:
        connection.close()


def _send(
    connection: HTTPConnection, head: Head, body: Body, deadline: Deadline, block_size: int
) -> int | None:
    """Return how many bytes the body had; None if the next deployment has answered before its end."""
    connection.putrequest("PUT", f"/request-stream?{urlencode(head.query)}")
    for name, value in {"Content-Type": head.content_type, **head.digests}.items():
        connection.putheader(name, value)
    if head.length is None:
        connection.putheader("Transfer-Encoding", "chunked")
    else:
        connection.putheader("Content-Length", str(head.length))
    connection.endheaders()
    sent_bytes = 0
    for block in body.blocks(block_size):
        sent_bytes += len(block)
        data = block if head.length is not None else b"%x\r\n%b\r\n" % (len(block), bytes(block))
        if not _send_all(connection.sock, data, deadline):
            return None
    if head.length is None:
        return sent_bytes if _send_all(connection.sock, b"0\r\n\r\n", deadline) else None
    if sent_bytes != head.length:
        raise BrokenBody(f"the body ended after {sent_bytes} of {head.length} bytes")
    return sent_bytes


def _send_all(sock: socket.socket, data: bytes | memoryview, deadline: Deadline) -> bool:
    """Return whether all data was sent; if not, the next deployment has answered already, or is gone.

    Before each piece, look for an early answer: a sender that goes on may get a reset instead of the answer.
    """
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT)
    rest = memoryview(data)
    while rest:
        ready = poll.poll(deadline.left_seconds() * 1000)
        if any(event != select.POLLOUT for _, event in ready):
            return False
        if ready:
            rest = rest[sock.send(rest) :]
    return True


def _answer(hop: Hop, connection: HTTPConnection, deadline: Deadline) -> dict[str, Any]:
    """Return the answer's JSON object, empty without one; raise Refused for all but success."""
    response = HTTPResponse(cast(socket.socket, _Answer(connection.sock, deadline)))
    response.begin()
    text = response.read(ANSWER_BYTES)
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or too deeply nested
        parsed = None
    content = parsed if isinstance(parsed, dict) else {}
    if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        return content
    is_error = HTTPStatus.BAD_REQUEST <= response.status < 600
    sentence = content.get("error") or f"{hop.name} answered {response.status} {response.reason}"
    raise Refused(response.status if is_error else HTTPStatus.BAD_GATEWAY, str(sentence))
