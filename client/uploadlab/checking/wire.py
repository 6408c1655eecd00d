"""Sends attempts over sockets of their own, byte for byte as each attempt says, and reads the answers.

No library for HTTP would send a broken body on purpose. Otherwise it behaves as ``requests`` does with a
urllib3 before 2.2: it sends to the end or until the connection breaks, and then still looks for an answer,
but not after a reset.
"""

import re
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import xxhash

from uploadlab.catalogue.attempts import PATIENCE_SECONDS, PAUSES, Attempt, Blocks, Content, Then
from uploadlab.private_urls import private_parts
from uploadlab.sending.answered import json_of, reason, stored_at, words_of
from uploadlab.sending.connections import (
    ANSWER_BYTES,
    by_whom,
    is_redirect,
    is_success,
    unsuccessful,
)
from uploadlab.sending.limited_answer import AnswerSource

LEAST_RATE = 1_000_000
"""Bytes a second, over a whole body: a server that reads more slowly is given up."""
EXPECT_SECONDS = 1.0
"""As long as curl waits for a 100."""
BROKEN = (OSError, HTTPException, ValueError)
"""What a connection without a whole answer raises; ValueError is http.client's for a negative length."""
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
    header_names: tuple[str, ...] = ()
    """Of the answer, in lower case."""
    closes: bool = True
    """Whether the connection ends with the answer, as far as the answer says."""
    body: bytes = b""
    location: str | None = None
    by_whom: str = ""
    """Who has sent an answer that is not the app's, in words."""
    rejected: bool = False
    """Whether the answer is no success by the user's own rule, whatever its status."""

    @property
    def accepted(self) -> bool:
        """Whether the server says success."""
        return self.status is not None and is_success(self.status) and not self.rejected


def send_attempt(address: str, attempt: Attempt) -> Reply:
    """Carry out an attempt that no other follows; raise nothing that a server can cause."""
    return send_in_turn(address, [attempt])[0]


def send_in_turn(address: str, attempts: Sequence[Attempt]) -> list[Reply]:
    """Carry out the attempts, over one connection until an answer ends it, as http.client does.

    Return the replies up to the first without an answer. Raise nothing that a server can cause.
    """
    url = urlsplit(address)
    replies: list[Reply] = []
    connection: socket.socket | None = None
    with ExitStack() as opened:
        for attempt in attempts:
            try:
                connection = connection or opened.enter_context(connection_to(url, PATIENCE_SECONDS))
                replies.append(_exchange(connection, url, attempt))
            except BROKEN as error:
                broke = next((word for kind, word in BREAKS.items() if isinstance(error, kind)), "")
                replies.append(Reply(problem=reason(error), broke=broke))
            if replies[-1].status is None:
                break
            if connection and replies[-1].closes:
                connection.close()
                connection = None
    return replies


def connection_to(url: SplitResult, seconds: float) -> socket.socket:
    """Return a connection to the server of a URL, over TLS for https; raise OSError."""
    return secured(plain_connection(url, seconds), url)


def plain_connection(url: SplitResult, seconds: float) -> socket.socket:
    """Return a connection to the server of a URL, on which TLS has not begun; raise OSError."""
    default = 443 if url.scheme == "https" else 80
    connection = socket.create_connection((url.hostname or "", url.port or default), timeout=seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def secured(connection: socket.socket, url: SplitResult, versions: Sequence[str] = ()) -> socket.socket:
    """Return the connection over TLS for https, else as it is; raise OSError.

    ``versions`` are those of HTTP that the client offers by ALPN (RFC 7301): ``h2``, ``http/1.1``.
    """
    if url.scheme != "https":
        return connection
    private = private_parts(url.geturl())
    context = ssl.create_default_context(cafile=private.ca_file or None)
    if private.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if versions:
        context.set_alpn_protocols(list(versions))
    try:
        return context.wrap_socket(connection, server_hostname=url.hostname or "")
    except OSError:
        connection.close()
        raise


def _exchange(connection: socket.socket, url: SplitResult, attempt: Attempt) -> Reply:
    """Send a request and return its answer; raise OSError, HTTPException."""
    digest = xxhash.xxh3_128()
    connection.settimeout(attempt.patience_seconds)
    # A refusal may have come before the end. A reset is no answer, as in urllib3 before 2.2.
    with suppress(ConnectionError if attempt.gone else BrokenPipeError, ssl.SSLEOFError):
        connection.sendall(request_head(url, attempt))
        if not attempt.expect or _may_go_on(connection):
            _send_body(connection, attempt, digest)
    if attempt.then is Then.RESET:
        # No time to linger: closing discards what is in flight and sends RST (socket(7)).
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if attempt.gone:
        return Reply(problem="the client had gone", left=True)
    reply = read_answer(connection, attempt)
    front = "" if reply.content else private_parts(url.geturl()).front
    return reply._replace(digest=digest.hexdigest(), by_whom=by_whom(reply.status or 0, front))


def request_head(url: SplitResult, attempt: Attempt) -> bytes:
    """Return the head of a request, with what the user has given for this URL."""
    private = private_parts(url.geturl())
    query = "&".join(filter(None, (url.query, attempt.query, private.query)))
    line = attempt.request_line.format(
        verb=attempt.verb, path=url.path or "/", query=f"?{query}" if query else "", host=url.netloc
    )
    lines = [
        line,
        f"Host: {url.netloc}",
        f"Content-Type: {attempt.content_type}",
        *attempt.framing_lines,
        *(
            f"{name}: {value}"
            for name, value in private.request_headers.items()
            if name.lower() != "content-type"
        ),
        *(["Expect: 100-continue"] if attempt.expect else []),
        *attempt.headers,
        *(["Connection: close"] if attempt.closes else []),
    ]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1", "replace")


def _may_go_on(connection: socket.socket) -> bool:
    """Return whether the server asks for the body, or is silent."""
    if not select.select([connection], [], [], EXPECT_SECONDS)[0]:
        return True
    return connection.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 100"


def _send_body(connection: socket.socket, attempt: Attempt, digest: Any) -> None:
    """Send the body, or as much of the body as the attempt says; raise TimeoutError if that takes too long.

    A socket's own time is for one block: a server that reads a little now and then would never be given up.
    """
    end = time.monotonic() + attempt.patience_seconds + attempt.body_bytes / LEAST_RATE
    for block in cut(attempt.body(_file(attempt.file, digest)), attempt):
        if time.monotonic() > end:
            raise TimeoutError("the server reads too slowly")
        if block is None and attempt.torn:
            connection.sendall(attempt.torn)
        if block is not None:
            connection.sendall(attempt.chunks.around(block) if attempt.chunked else block)
        elif attempt.then in PAUSES:
            time.sleep(PAUSES[attempt.then])
            end += PAUSES[attempt.then]
        elif attempt.then is Then.BREAK:
            connection.sendall(attempt.broken)
        else:
            break
    else:
        if attempt.chunked:
            connection.sendall(attempt.chunks.last)
    if attempt.then is Then.END:
        with suppress(OSError):  # a server that has answered may have closed
            connection.shutdown(socket.SHUT_WR)


def _file(file: Content, digest: Any) -> Blocks:
    """Yield the file's bytes as they are sent, and feed its own bytes to the digest."""
    for block in file.blocks():
        digest.update(block)
        if file.encoded is None:
            yield block
    if file.encoded:
        yield file.encoded


def cut(blocks: Iterator[Any], attempt: Attempt) -> Iterator[Any]:
    """Yield the blocks, or slices of them, with None where the attempt does something else."""
    left = attempt.at if attempt.then else None
    again = (attempt.at or None) if attempt.then is Then.TRICKLE else None
    for block in blocks:
        while left is not None and left <= len(block):
            if left:  # an empty chunk would be the last one
                yield block[:left]
            yield None
            block, left = block[left:], again
        if left is not None:
            left -= len(block)
        if block:
            yield block


def read_answer(connection: socket.socket, attempt: Attempt) -> Reply:
    """Return the answer, whole within the attempt's patience; raise OSError, HTTPException."""
    source: Any = AnswerSource(connection, attempt.patience_seconds, 2 * ANSWER_BYTES)
    response = HTTPResponse(source, method=attempt.verb)
    response.begin()
    body = response.read(ANSWER_BYTES)
    content, place = json_of(body), response.getheader("Location")
    words = words_of(content.get("error")) if content else _title(body, response.status)
    if is_redirect(response.status):
        answered = f"answered {response.status} "
        words = unsuccessful(response.status, response.reason, place).removeprefix(answered)
    return Reply(
        response.status,
        content=content,
        reason=words,
        stored_at=stored_at(content, place),
        header_names=tuple(name.lower() for name in response.headers),
        closes=response.will_close,
        body=body,
        location=place,
    )


def _title(body: bytes, http_status: int) -> str:
    """Return the title of a page, or else its text, without the status."""
    text = body.decode(errors="replace")
    title, end, _ = text.partition("<title>")[2].partition("</title>")
    text = title if end else re.sub(r"<[^<>]*>", " ", text)
    reason = text.strip().removeprefix(str(http_status))
    return words_of(" ".join(reason.split()))
