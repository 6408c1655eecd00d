"""A server that takes the first bytes of each upload and then no more, so that all stay in mid-upload."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

FIRST_BYTES = 1 << 20


class HoldingServer:
    """Its URL, and the connections it holds."""

    def __init__(self, listening: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.held: list[socket.socket] = []


@contextmanager
def hold_uploads() -> Iterator[HoldingServer]:
    """On a free port, until the test is over."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listening:
        server = HoldingServer(listening)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    connection.recv(FIRST_BYTES, socket.MSG_WAITALL)
                    server.held.append(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in server.held:
                connection.close()
