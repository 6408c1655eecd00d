"""A small upload server with so few threads that slow clients hold all of them."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class PooledServer:
    """Its URL, and how it takes uploads: each thread serves a client until its upload has come."""

    def __init__(self, threads: int, flaw: str) -> None:
        self.url, self.flaw = "", flaw
        self.closing = threading.Event()
        self._lock, self._uploads = threading.Lock(), 0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=200)
        self._threads = [threading.Thread(target=self._accept, daemon=True) for _ in range(threads)]

    @contextmanager
    def running(self) -> Iterator[str]:
        for thread in self._threads:
            thread.start()
        try:
            yield f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        finally:
            self.closing.set()
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                with self._listening.accept()[0] as connection, suppress(OSError):
                    connection.settimeout(60)
                    connection.sendall(self._answer(connection))

    def _answer(self, connection: socket.socket) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(1 << 16) or b"\r\n\r\n"
        head, _, body = received.partition(b"\r\n\r\n")
        if not head.startswith(b"PUT"):
            return answer("200 OK", {"uploads_in_progress": 0 if self.flaw == "buffers" else self._uploads})
        if self.flaw == "refuses":
            return answer("500 No", {"error": "none today"})
        with self._counted() as others:
            left = int(head.lower().partition(b"content-length: ")[2].split()[0]) - len(body)
            while left and (block := connection.recv(1 << 16)):
                left -= len(block)
        if others and self.flaw == "sheds":
            return answer("503 Busy", {"error": "busy"})
        if left and self.flaw == "hangs":
            self.closing.wait()
        return answer("201 Created", {"size_bytes": 1})

    @contextmanager
    def _counted(self) -> Iterator[int]:
        with self._lock:
            others, self._uploads = self._uploads, self._uploads + 1
        try:
            yield others
        finally:
            with self._lock:
                self._uploads -= 1


def answer(status: str, content: dict[str, object]) -> bytes:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
