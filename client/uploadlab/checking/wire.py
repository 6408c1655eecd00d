"""Sends one attempt over a socket of its own, byte for byte as the attempt says, and reads the answer.

No library for HTTP would send a broken body on purpose. Otherwise it behaves as ``requests`` does: it sends
to the end or until the connection breaks, and then still looks for an answer.
"""

import json
import re
import select
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import xxhash

from uploadlab.catalogue.attempts import PAUSES, Attempt, Blocks, Then
from uploadlab.sending.upload import stored_at

EXPECT_SECONDS = 1.0
"""As long as curl waits for a 100."""
SILENCE_SECONDS = 60.0
BREAKS = {
    RemoteDisconnected: "disconnected",  # before its base class
    ConnectionResetError: "reset",
    ConnectionRefusedError: "refused",
    TimeoutError: "timeout",
}
"""How a connection without an answer ended, by the exception that it raised."""


class Reply(NamedTuple):
    """What came back."""

    status: int | None = None
    content: Mapping[str, Any] = MappingProxyType({})
    reason: str = ""
    """The server's words for a refusal."""
    problem: str = ""
    """Why there is no answer."""
    broke: str = ""
    """The same as one of ``BREAKS``; empty for any other cause."""
    left: bool = False
    """The client went away, as the attempt says, so it waited for no answer."""
    digest: str = ""
    """xxh3_128 of the file as it was sent, in hex."""
    stored_at: str | None = None
    """The path that the server names for the stored file."""

    @property
    def accepted(self) -> bool:
        """Whether the server says success."""
        return self.status is not None and self.status < HTTPStatus.MULTIPLE_CHOICES


def send_attempt(address: str, attempt: Attempt) -> Reply:
    """Carry out the attempt; raises nothing that a server can cause."""
    url = urlsplit(address)
    digest = xxhash.xxh3_128()
    try:
        place = (url.hostname or "", url.port or 80)
        with socket.create_connection(place, timeout=SILENCE_SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(_head(url.netloc, f"{url.path}?{url.query}", attempt))
            if not attempt.expect or _may_go_on(connection):
                # A refusal may have come before; a reset is no answer, as in urllib3.
                with suppress(ConnectionError if attempt.gone else BrokenPipeError):
                    _send_body(connection, attempt, digest)
            if attempt.then is Then.RESET:
                # No time to linger: closing discards what is in flight and sends RST (socket(7)).
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if attempt.gone:
                return Reply(problem="the client had gone", left=True)
            return _answer(connection)._replace(digest=digest.hexdigest())
    except (OSError, HTTPException) as error:
        problem = f"{type(error).__name__}: {error}".removesuffix(": ")
        broke = next((word for kind, word in BREAKS.items() if isinstance(error, kind)), "")
        return Reply(problem=problem, broke=broke)


def _head(host: str, path: str, attempt: Attempt) -> bytes:
    length = f"Content-Length: {attempt.body_bytes}"
    lines = [
        f"{attempt.verb} {path.removesuffix('?')} HTTP/1.1",
        f"Host: {host}",
        f"Content-Type: {attempt.content_type}",
        "Transfer-Encoding: chunked" if attempt.chunked else length,
        *(["Expect: 100-continue"] if attempt.expect else []),
        *attempt.headers,
        "Connection: close",
    ]
    return "\r\n".join([*lines, "\r\n"]).encode()


def _may_go_on(connection: socket.socket) -> bool:
    """Return whether the server asks for the body, or is silent."""
    if not select.select([connection], [], [], EXPECT_SECONDS)[0]:
        return True
    return connection.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 100"


def _send_body(connection: socket.socket, attempt: Attempt, digest: Any) -> None:
    """Send the body, or as much of the body as the attempt says."""
    for block in _cut(attempt.body(_digested(attempt.file.blocks(), digest)), attempt):
        if block is not None:
            connection.sendall(b"%x\r\n%b\r\n" % (len(block), bytes(block)) if attempt.chunked else block)
        elif attempt.then in PAUSES:
            time.sleep(PAUSES[attempt.then])
        elif attempt.then is Then.BREAK:
            connection.sendall(b"zz\r\n")
        else:
            break
    else:
        if attempt.chunked:
            connection.sendall(b"0\r\n\r\n")
    if attempt.then is Then.END:
        connection.shutdown(socket.SHUT_WR)


def _digested(blocks: Blocks, digest: Any) -> Blocks:
    for block in blocks:
        digest.update(block)
        yield block


def _cut(blocks: Blocks, attempt: Attempt) -> Iterator[bytes | memoryview | None]:
    """Yield the blocks, with None where the attempt does something else."""
    left = attempt.at if attempt.then else None
    again = (attempt.at or None) if attempt.then is Then.TRICKLE else None
    for block in blocks:
        while left is not None and left <= len(block):
            yield block[:left]
            yield None
            block, left = block[left:], again
        if left is not None:
            left -= len(block)
        if block:
            yield block


def _answer(connection: socket.socket) -> Reply:
    response = HTTPResponse(connection)
    response.begin()
    text = response.read(1 << 20).decode(errors="replace")
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    place = response.getheader("Location")
    if isinstance(content, dict):
        reason = str(content.get("error", ""))
        return Reply(response.status, content, reason, stored_at=stored_at(content, place))
    title = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    reason = (title[1] if title else text).removeprefix(str(response.status))
    return Reply(response.status, reason=" ".join(reason.split()), stored_at=stored_at({}, place))
