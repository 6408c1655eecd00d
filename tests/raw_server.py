"""A server that keeps what it gets to the last byte, and answers what a test says."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .listening import listen

SILENCE_SECONDS = 120.0
"""Nobody is silent that long; it only ends what hangs."""


class RawServer:
    """Its URL, and each connection's bytes."""

    def __init__(self, answer: bytes, at_once: bytes) -> None:
        self.url = ""
        self.answer, self.at_once = answer, at_once
        self.received: list[bytes] = []
        self.ended: list[str] = []
        """How each connection's request ended: ``quiet`` once it is whole, ``end`` or ``reset``."""

    def take(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(SILENCE_SECONDS)
            self.received.append(b"")
            ended = self._read(connection, self.at_once)
            with suppress(OSError):
                connection.sendall(self.answer)
                connection.shutdown(socket.SHUT_WR)
                while more := connection.recv(1 << 16):  # what is sent after a whole request is kept too
                    self.received[-1] += more
            self.ended.append(ended)

    def _read(self, connection: socket.socket, at_once: bytes) -> str:
        while not is_whole(self.received[-1]):
            try:
                block = connection.recv(1 << 16)
            except ConnectionResetError:
                return "reset"
            if not block:
                return "end"
            self.received[-1] += block
            if at_once and b"\r\n\r\n" in self.received[-1]:
                connection.sendall(at_once)
                at_once = b""
        return "quiet"


def is_whole(request: bytes) -> bool:
    """Whether all has come that its head announces."""
    head, ended, body = request.partition(b"\r\n\r\n")
    if length := re.search(rb"\r\nContent-Length: (\d+)", head):
        return bool(ended) and len(body) >= int(length[1])
    return bool(ended) and (b"\r\nTransfer-Encoding: chunked" not in head or body.endswith(b"0\r\n\r\n"))


@contextmanager
def keep(answer: bytes, at_once: bytes = b"") -> Iterator[RawServer]:
    """On a free port; ``at_once`` is said as soon as the head is there."""
    server = RawServer(answer, at_once)
    with listen(server.take) as server.url:
        yield server
