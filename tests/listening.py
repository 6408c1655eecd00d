"""The frame of servers that speak no HTTP: each connection goes to a function."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def listen(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a free port, until the end; one connection after the other."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listening:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    handle(listening.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
