"""The scripted server: it does to each request what a case says, and records what has arrived.

It speaks HTTP/1.1 over sockets of its own: no server of a library would break the rules on purpose.
"""

import os
import socket
import ssl
import struct
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from pathlib import Path
from typing import BinaryIO

from uploadlab.catalogue.client_registry import STORES, HangUp, Hold, Pause, Resize, Respond, Step, Take, Turn
from uploadlab.checking.arrivals import Arrival, Body

FIRST = "/first"
"""Asked for by a GET, so that the upload comes over a connection that was kept."""
RECEIVE_BYTES = 64 << 10
"""Of the system's buffer: a client must notice soon that nothing is read."""
SILENCE_SECONDS = 5.0
"""After which the server answers 408 to a client that owes it the rest of a body."""
POLL_SECONDS = 0.01
MOST_LINE = 1 << 16
LATE = Respond(408, "the rest of the body did not come")
RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing sends RST (socket(7))."""


class MisbehavingServer:
    """A server for one attempt. It takes any number of connections, each in a thread."""

    def __init__(self, turns: tuple[Turn, ...], path: Path, context: ssl.SSLContext | None = None) -> None:
        self.arrivals: list[Arrival] = []
        """All requests but the first GET, in their order."""
        self._turns, self._path, self._context = list(turns), path, context
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self, grace_seconds: float = 0.0) -> None:
        """End it, once no request is in work and all that has come is read, or after this time."""
        end = time.monotonic() + grace_seconds
        while self._busy and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        self._ended.set()
        with self._lock:
            open_now, threads = [self._listener, *self._connections], list(self._threads)
        for opened in open_now:
            with suppress(OSError):
                # SSLSocket.shutdown forgets TLS: its thread would take the client's last record for bytes.
                socket.socket.shutdown(opened, socket.SHUT_RDWR)
        self._listener.close()
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _accept(self) -> None:
        with suppress(OSError):  # closed by stop
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                with self._lock:  # so that stop waits for each thread that has begun
                    thread.start()
                    self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        """Serve a connection until either side ends it."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError, EOFError, HTTPException, ValueError):
            if self._context:
                connection.settimeout(SILENCE_SECONDS)
                connection = self._context.wrap_socket(connection, server_side=True)
            connection.settimeout(None)
            with self._lock:
                self._connections.add(connection)
            with connection, connection.makefile("rb") as stream:
                while self._request(connection, stream):
                    pass
        with self._lock:
            self._connections.discard(connection)
        connection.close()

    def _request(self, connection: socket.socket, stream: BinaryIO) -> bool:
        """Serve one request; return whether the connection stays. Raise what a broken connection raises."""
        line = stream.readline(MOST_LINE).split()
        if len(line) != 3 or not line[2].startswith(b"HTTP/"):
            if line and self.arrivals:  # what a client sends after a body is no request
                self.arrivals[-1].problem = "bytes follow after the end that was announced"
            return False
        verb, path = line[0].decode("latin-1"), line[1].decode("latin-1")
        arrival = Arrival(verb, path, parse_headers(stream))
        if path == FIRST:
            _respond(connection, Respond(200, "welcome"))
            return True
        with self._lock:
            turn = self._turns.pop(0) if self._turns else STORES
            self.arrivals.append(arrival)
            self._busy += 1
        connection.settimeout(SILENCE_SECONDS)
        try:
            body = Body(stream, arrival)
            stays = all(self._do(step, connection, body, arrival) for step in turn)
            connection.settimeout(None)
            return stays
        finally:
            with self._lock:
                self._busy -= 1

    def _do(self, step: Step, connection: socket.socket, body: Body, arrival: Arrival) -> bool:
        """Do a step; return whether the connection stays."""
        match step:
            case Take():
                return self._take(step, connection, body, arrival)
            case Respond():
                refused = arrival.problem and step.status < HTTPStatus.MULTIPLE_CHOICES
                answer = Respond(HTTPStatus.BAD_REQUEST, arrival.problem) if refused else step
                arrival.answered = answer.status
                _respond(connection, answer)
            case Pause():
                time.sleep(step.seconds)
            case Hold():
                self._ended.wait()
                return False
            case Resize():
                os.truncate(self._path, self._path.stat().st_size + step.by)
            case HangUp():
                if step.reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return False
        return True

    def _take(self, step: Take, connection: socket.socket, body: Body, arrival: Arrival) -> bool:
        """Read what the step says; a client that is silent gets 408."""
        if step.most and step.asks and arrival.expects and not (arrival.body_bytes or arrival.answered):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        left, piece = step.most, step.each_second or step.most
        try:
            while left > 0 and body.take(min(piece, left)):
                left -= piece
                if step.each_second:
                    time.sleep(1)
        except TimeoutError:
            if arrival.answered is None:
                arrival.answered = LATE.status
                _respond(connection, LATE)
            return False
        return True


def _respond(connection: socket.socket, step: Respond) -> None:
    content = step.words.encode()
    lines = [
        f"HTTP/1.1 {step.status} {HTTPStatus(step.status).phrase}",
        f"Content-Length: {len(content)}",
        "Content-Type: text/plain",
        "Access-Control-Allow-Origin: *",  # for a page of another address
        *step.headers,
    ]
    connection.sendall("\r\n".join([*lines, "\r\n"]).encode() + content)
