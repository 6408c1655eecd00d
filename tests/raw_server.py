"""A server that keeps what it gets to the last byte, and answers what a test says."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .listening import listen

QUIET_SECONDS = 0.3
"""After so long without a byte, it answers."""


class RawServer:
    """Its URL, and each connection's bytes."""

    def __init__(self, answer: bytes, at_once: bytes) -> None:
        self.url = ""
        self.answer, self.at_once = answer, at_once
        self.received: list[bytes] = []
        self.ended: list[str] = []
        """How each connection ended: ``quiet``, ``end`` or ``reset``."""

    def take(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(QUIET_SECONDS)
            self.received.append(b"")
            self.ended.append(self._read(connection, self.at_once))
            with suppress(OSError):
                connection.sendall(self.answer)

    def _read(self, connection: socket.socket, at_once: bytes) -> str:
        while True:
            try:
                block = connection.recv(1 << 16)
            except TimeoutError:
                return "quiet"
            except ConnectionResetError:
                return "reset"
            if not block:
                return "end"
            self.received[-1] += block
            if at_once and b"\r\n\r\n" in self.received[-1]:
                connection.sendall(at_once)
                at_once = b""


@contextmanager
def keep(answer: bytes, at_once: bytes = b"") -> Iterator[RawServer]:
    """On a free port; ``at_once`` is said as soon as the head is there."""
    server = RawServer(answer, at_once)
    with listen(server.take) as server.url:
        yield server
