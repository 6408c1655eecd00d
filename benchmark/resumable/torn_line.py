"""A line between client and server that does something after each of some numbers of bytes."""

import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from benchmark.resumable.faults import CUTS, FaultKind, PlannedFault

HOST = "127.0.0.1"
BLOCK_BYTES = 1 << 16
KERNEL_BYTES = 1 << 18
"""Of a socket's buffers: what waits there, no offset knows."""
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of socket(7): no time."""


class TornLine:
    """A port, from which connections lead to a server until its faults cut them.

    A fault comes exactly after its bytes where one connection at a time sends; else up to a block later.
    """

    def __init__(
        self, server_port: int, faults: Sequence[PlannedFault], happen: Callable[[PlannedFault], None]
    ) -> None:
        """Listen; ``happen`` is called for each fault that is no cut, while the line waits."""
        self._server_port, self._happen = server_port, happen
        self._left = list(faults)
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._listener = socket.create_server((HOST, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.sent_bytes = 0
        """Up the line, heads included."""
        self.done: list[PlannedFault] = []
        """The faults that have come."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End all connections, and listen no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for clients
        self._listener.close()
        with self._lock:
            ends = list(self._ends)
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for it
            self._reset(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((HOST, self._server_port), timeout=10)
        except OSError:  # it is not there now
            self._reset(client)
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                end.setsockopt(socket.SOL_SOCKET, option, KERNEL_BYTES)
        with self._lock:
            self._ends |= {client, server}
        silent = threading.Event()
        back = threading.Thread(target=self._pass_down, args=(server, client, silent), daemon=True)
        back.start()
        self._pass_up(client, server, silent)
        back.join()  # after a silence, until the server's own time for it is over
        finished = {server} if silent.is_set() else {client, server}
        with self._lock:
            self._ends -= finished
        for end in finished:
            end.close()

    def _pass_up(self, client: socket.socket, server: socket.socket, silent: threading.Event) -> None:
        """Pass bytes on until an end of them, or a cut; after a silence, the client's are left unread."""
        try:
            while block := client.recv(self._most_bytes()):
                server.sendall(block)
                for fault in self._due(len(block)):
                    self.done.append(fault)
                    if fault.kind not in CUTS:
                        self._happen(fault)
                        continue
                    if fault.kind is FaultKind.SILENCE:
                        silent.set()
                    else:
                        self._cut(fault.kind, client, server)
                    return
            server.shutdown(socket.SHUT_WR)
        except OSError:
            self._reset(client, server)

    def _pass_down(self, server: socket.socket, client: socket.socket, silent: threading.Event) -> None:
        try:
            while block := server.recv(BLOCK_BYTES):
                if not silent.is_set():
                    client.sendall(block)
            if not silent.is_set():
                client.shutdown(socket.SHUT_WR)
        except OSError:
            if not silent.is_set():
                self._reset(client, server)

    def _most_bytes(self) -> int:
        with self._lock:
            return min(
                [BLOCK_BYTES, *(max(1, fault.after_bytes - self.sent_bytes) for fault in self._left[:1])]
            )

    def _due(self, count: int) -> list[PlannedFault]:
        with self._lock:
            self.sent_bytes += count
            due = [fault for fault in self._left if fault.after_bytes <= self.sent_bytes]
            self._left = self._left[len(due) :]
            return due

    def _cut(self, kind: FaultKind, client: socket.socket, server: socket.socket) -> None:
        if kind is FaultKind.RST:
            self._reset(client, server)
            return
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _reset(*ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                end.shutdown(socket.SHUT_RD)  # wakes the thread that reads it, and sends nothing
            end.close()
