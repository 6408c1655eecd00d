"""A server that takes the first bytes of each upload and then no more, so that all stay in mid-upload."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from .listening import listen

FIRST_BYTES = 1 << 20


class HoldingServer:
    """Its URL, and the connections it holds."""

    def __init__(self) -> None:
        self.url = ""
        self.held: list[socket.socket] = []

    def hold(self, connection: socket.socket) -> None:
        connection.recv(FIRST_BYTES, socket.MSG_WAITALL)
        self.held.append(connection)


@contextmanager
def hold_uploads() -> Iterator[HoldingServer]:
    """On a free port, until the test is over."""
    server = HoldingServer()
    try:
        with listen(server.hold) as server.url:
            yield server
    finally:
        for connection in server.held:
            connection.close()
