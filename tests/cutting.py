"""A way to a server that is cut in mid-body."""

import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

REQUEST, ANSWER = re.compile(rb"([A-Z]+) \S+ HTTP/1"), re.compile(rb"HTTP/1.\d ([2-5]\d\d)")
OFFSET = re.compile(rb"^upload-offset: *(\d+)", re.IGNORECASE | re.MULTILINE)
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection."""


@dataclass
class Passed:
    """A request that came by: its method, the offset that it names, and what the server answered."""

    verb: str
    offset: int | None
    status: int | None = None
    answered_offset: int | None = None


class Cutting:
    """Hands each connection on to a port; the first few that send as many bytes are reset there."""

    def __init__(self, port: int, after_bytes: int, times: int) -> None:
        self._port, self._after_bytes, self._times = port, after_bytes, times
        self.cuts = 0
        self.passed: list[Passed] = []

    def hand_on(self, client: socket.socket) -> None:
        """Until both ends are through."""
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            asked: list[Passed] = []
            back = threading.Thread(target=_copy, args=(server, client, asked))
            back.start()
            is_cut = self._hand_over(client, server, asked)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR if is_cut else socket.SHUT_WR)
            back.join()

    def _hand_over(self, client: socket.socket, server: socket.socket, asked: list[Passed]) -> bool:
        handed = 0
        with suppress(OSError):
            while block := client.recv(1 << 16):
                if found := REQUEST.match(block):
                    asked.append(Passed(found[1].decode(), _offset(block)))
                    self.passed.append(asked[-1])
                server.sendall(block)
                handed += len(block)
                if handed > self._after_bytes and self.cuts < self._times:
                    self.cuts += 1
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    return True
        return False


def _offset(block: bytes) -> int | None:
    found = OFFSET.search(block.partition(b"\r\n\r\n")[0])
    return int(found[1]) if found else None


def _copy(source: socket.socket, target: socket.socket, asked: list[Passed]) -> None:
    with suppress(OSError):
        while block := source.recv(1 << 16):
            if asked and (found := ANSWER.match(block)):
                asked[-1].status, asked[-1].answered_offset = int(found[1]), _offset(block)
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def cut(port: int, after_bytes: int, times: int = 1) -> Iterator[tuple[int, Cutting]]:
    """Yields the port of such a way, until the end."""
    cutting = Cutting(port, after_bytes, times)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client = listening.accept()[0]
                    threading.Thread(target=cutting.hand_on, args=(client,), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listening.getsockname()[1], cutting
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
