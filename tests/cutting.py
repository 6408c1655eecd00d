"""A way to a server that is cut in mid-body."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection."""


class Cutting:
    """Hands each connection on to a port; the first few that send as many bytes are reset there."""

    def __init__(self, port: int, after_bytes: int, times: int) -> None:
        self._port, self._after_bytes, self._times = port, after_bytes, times
        self.cuts = 0

    def hand_on(self, client: socket.socket) -> None:
        """Until both ends are through."""
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            back = threading.Thread(target=_copy, args=(server, client))
            back.start()
            is_cut = self._hand_over(client, server)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR if is_cut else socket.SHUT_WR)
            back.join()

    def _hand_over(self, client: socket.socket, server: socket.socket) -> bool:
        handed = 0
        with suppress(OSError):
            while block := client.recv(1 << 16):
                server.sendall(block)
                handed += len(block)
                if handed > self._after_bytes and self.cuts < self._times:
                    self.cuts += 1
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    return True
        return False


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(1 << 16):
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
