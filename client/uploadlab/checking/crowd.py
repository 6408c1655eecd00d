"""A crowd of clients that occupy a server while one upload is made."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

from uploadlab.catalogue.attempts import Bystanders
from uploadlab.checking.wire import connection_to
from uploadlab.private_urls import private_parts

CONNECT_SECONDS = 5.0
"""How long to wait for the server to let a client in."""
LONGER_SECONDS = 1.0
"""How much longer than an upload may take the crowd stays at most."""


@contextmanager
def gathered(address: str, crowd: Bystanders, most_seconds: float) -> Iterator[Callable[[], float]]:
    """Keep a crowd at the server until the end, at most for a while longer than ``most_seconds``.

    Yield how to ask for the seconds since the upload could start. A server that waits for the crowd answers
    others only after ``most_seconds``, however fast it is.
    """
    leave = threading.Event()
    with ExitStack() as opened:
        connections = _gather(opened, address, crowd)
        began = time.monotonic() + crowd.before_seconds
        end = began + most_seconds + LONGER_SECONDS
        stay = threading.Thread(target=_stay, args=(connections, crowd.each_second, end, leave), daemon=True)
        stay.start()
        time.sleep(crowd.before_seconds)
        try:
            yield lambda: time.monotonic() - began
        finally:
            leave.set()
            stay.join()


def _gather(opened: ExitStack, address: str, crowd: Bystanders) -> list[socket.socket]:
    """Connect the clients; a server that lets no more of them in has those that it has."""
    url = urlsplit(address)
    words = crowd.at_once.format(path=url.path or "/", host=url.netloc)
    for name, value in private_parts(address).request_headers.items():
        words = words.replace("\r\n", f"\r\n{name}: {value}\r\n", 1)
    at_once = words.encode()
    connections: list[socket.socket] = []
    with suppress(OSError):
        for _ in range(crowd.clients):
            connections.append(opened.enter_context(connection_to(url, CONNECT_SECONDS)))
            _send(connections[-1], at_once)
    return connections


def _stay(
    connections: Sequence[socket.socket], each_second: bytes, end: float, leave: threading.Event
) -> None:
    """Send what the clients send each second, until they leave or their time is over; close them all."""
    while (left := end - time.monotonic()) > 0 and not leave.wait(min(left, 1.0)):
        for connection in connections:
            _send(connection, each_second)
    for connection in connections:
        connection.close()


def _send(connection: socket.socket, content: bytes) -> None:
    """Send, unless the server has closed this connection: the others stay."""
    with suppress(OSError):
        if content:
            connection.sendall(content)
