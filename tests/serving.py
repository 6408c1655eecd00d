"""Servers that a test starts by a command of its own, and bytes that no HTTP library sends."""

import os
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from uploadlab.runtimes.local import free_ports, search_path

from .helpers import wait_until

SILENCE_SECONDS = 60.0
"""Nothing is silent that long; it only ends what hangs."""


@contextmanager
def serving(folder: Path, command: Sequence[str]) -> Iterator[int]:
    """The port of a server that runs in a folder; ``{port}`` and ``{folder}`` in its command are filled in.

    What it prints is in the file ``log``.
    """
    (port,) = free_ports(1)
    words = [word.format(port=port, folder=folder) for word in command]
    packages = sysconfig.get_path("purelib")  # uWSGI does not find a virtual environment by itself
    environment = {**os.environ, "PATH": search_path(), "PYTHONPATH": f"{folder}:{packages}"}
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(lambda: accepts(port) or server.poll() is not None)
        assert server.poll() is None, (folder / "log").read_text()
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def accepts(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=SILENCE_SECONDS)


def put(path: str, *lines: str, closes: bool = True) -> bytes:
    """The head of a PUT with these lines."""
    last = ["Connection: close"] if closes else []
    return "\r\n".join([f"PUT {path} HTTP/1.1", "Host: test", *last, *lines, "\r\n"]).encode()


def answered(port: int, request: bytes) -> bytes:
    """The whole answer to a request; empty for none."""
    with connected(port) as connection, suppress(ConnectionError):
        connection.sendall(request)
        return read_all(connection)
    return b""


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other end closes or resets the connection."""
    found = b""
    with suppress(ConnectionError):
        while block := connection.recv(1 << 16):
            found += block
    return found
