"""A server that keeps what it gets to the last byte, and answers what a test says."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

QUIET_SECONDS = 0.3
"""After so long without a byte, it answers."""


class RawServer:
    """Its URL, and each connection's bytes."""

    def __init__(self, listening: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.received: list[bytes] = []
        self.ended: list[str] = []
        """How each connection ended: ``quiet``, ``end`` or ``reset``."""


@contextmanager
def keep(answer: bytes, at_once: bytes = b"") -> Iterator[RawServer]:
    """On a free port; ``at_once`` is said as soon as the head is there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = RawServer(listening)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        _take(server, connection, at_once)
                        with suppress(OSError):
                            connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _take(server: RawServer, connection: socket.socket, at_once: bytes) -> None:
    connection.settimeout(QUIET_SECONDS)
    server.received.append(b"")
    while True:
        try:
            block = connection.recv(1 << 16)
        except TimeoutError:
            return server.ended.append("quiet")
        except ConnectionResetError:
            return server.ended.append("reset")
        if not block:
            return server.ended.append("end")
        server.received[-1] += block
        if at_once and b"\r\n\r\n" in server.received[-1]:
            connection.sendall(at_once)
            at_once = b""
