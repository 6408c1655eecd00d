"""A server that takes uploads in several requests, and cuts or refuses them where a test says."""

import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import xxhash

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection."""
ID = "0123456789abcdef" * 2
SMALL = 4096
"""Of a read: a cut is that exact."""
LOST = "lost"
"""In place of a status: the request is carried out, and its answer never comes."""
SILENT = "silent"
"""In place of a status: nothing is read or answered until the client leaves."""


class Resuming:
    """What such a server has, and what it will do wrong."""

    def __init__(self) -> None:
        self.url = ""
        self.cuts: list[int] = []
        """Places in what all bodies together have: each ends the connection that carries the byte."""
        self.instead: list[tuple[str, int | str]] = []
        """The verbs of requests, each with what is done in place of it: the next of that verb is."""
        self.headers: dict[str, str] = {}
        """That replace those of answers."""
        self.requests: list[str] = []
        self.size_bytes = self.part_bytes = self.arrived = self.connections = 0
        self.file = bytearray()
        self.whole: set[int] = set()
        """The numbers of the parts that it has."""
        self.lock = threading.Lock()
        self.closing = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    has: Resuming

    def setup(self) -> None:
        super().setup()
        self.has.connections += 1

    def do_POST(self) -> None:
        path = urlsplit(self.path)
        if path.path.startswith("/usage"):
            return self.send_error(404)
        self.has.requests.append(f"{self.command} {re.sub(ID, 'ID', path.path)}")
        with self.has.lock:
            turn = next((turn for turn in self.has.instead if turn[0] == self.command), None)
            if turn:
                self.has.instead.remove(turn)
        if turn and turn[1] == SILENT:
            self.has.closing.wait(60)
            return self.reset()
        if turn and isinstance(turn[1], int):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return self.answer(turn[1], {"error": "not now"})
        self.is_lost = turn is not None
        verb = f"{self.command} {path.path.split('/')[1]}{'/ID' * (ID in path.path)}"
        getattr(self, self.ACTS[verb])()
        return None

    do_PUT = do_PATCH = do_HEAD = do_GET = do_DELETE = do_POST  # noqa: N815  the names that http.server calls
    ACTS: ClassVar[dict[str, str]] = {
        "POST resumable": "begin", "POST parts": "begin_parts", "PATCH resumable/ID": "append",
        "HEAD resumable/ID": "offset", "PUT request-stream": "take", "PUT parts/ID": "take_part",
        "GET parts/ID": "missing", "POST parts/ID": "join", "GET uploads/ID": "stored",
        "DELETE uploads/ID": "gone", "DELETE resumable/ID": "gone", "DELETE parts/ID": "gone",
    }  # fmt: skip

    def begin(self) -> None:
        self.has.size_bytes = int(self.headers["Upload-Length"])
        self.answer(201, {}, {"Location": f"https://elsewhere.example/a/resumable/{ID}"})

    def append(self) -> None:
        assert self.headers["Content-Type"] == "application/offset+octet-stream"
        assert self.headers["Tus-Resumable"] == "1.0.0"
        if int(self.headers["Upload-Offset"]) != len(self.has.file):
            return self.answer(409, {})
        for block in self.blocks():
            self.has.file += block
        if not self.close_connection:
            self.offset(204)

    def offset(self, status: int = 200) -> None:
        self.answer(status, {}, {"Upload-Offset": str(len(self.has.file))})

    def take(self) -> None:
        body = bytearray(b"".join(self.blocks()))
        if not self.close_connection:
            self.has.file = body
            self.answer(201, {"id": ID})

    def begin_parts(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        self.has.size_bytes, self.has.part_bytes = int(asked["size"][0]), int(asked["part"][0])
        self.has.file = bytearray(self.has.size_bytes)
        self.answer(201, {"id": ID})

    def take_part(self) -> None:
        number = int(urlsplit(self.path).path.rpartition("/")[2])
        body = b"".join(self.blocks())
        if not self.close_connection:
            start = number * self.has.part_bytes
            self.has.file[start : start + len(body)] = body
            self.has.whole.add(number)
            self.answer(204, {})

    def missing(self) -> None:
        count = -(-self.has.size_bytes // self.has.part_bytes)
        self.answer(200, {"missing": [number for number in range(count) if number not in self.has.whole]})

    def join(self) -> None:
        self.answer(201, {"id": ID})

    def stored(self) -> None:
        digest = xxhash.xxh3_128(self.has.file).hexdigest()
        self.answer(200, {"size_bytes": len(self.has.file), "digest": digest})

    def gone(self) -> None:
        self.answer(204, {})

    def blocks(self) -> Iterator[bytes]:
        """The body; a cut ends it, and then the connection."""
        left = int(self.headers["Content-Length"])
        while left:
            count = min(SMALL, left)
            with self.has.lock:
                place = self.has.cuts[0] - self.has.arrived if self.has.cuts else count + 1
                is_cut = place <= count
                self.has.arrived += min(place, count)
                if is_cut:
                    self.has.cuts.pop(0)
            yield self.rfile.read(min(place, count))
            if is_cut:
                return self.reset()
            left -= count

    def reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()

    def answer(self, status: int, content: dict[str, object], headers: dict[str, str] | None = None) -> None:
        if self.is_lost:
            return self.reset()
        body = b"" if status == 204 or self.command == "HEAD" else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {}), **self.has.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    is_lost = False

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):  # the client or this server has ended it
            self.close_connection = True

    def finish(self) -> None:
        if self.connection.fileno() >= 0:
            super().finish()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def resuming_server() -> Iterator[Resuming]:
    """Such a server on a free port."""
    has = Resuming()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"has": has}))
    server.daemon_threads = True
    has.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield has
    finally:
        has.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
