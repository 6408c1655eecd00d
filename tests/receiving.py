"""A server that stores in memory what it gets, and can do something in mid-upload."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import xxhash


class Received:
    """What came: each upload's file, and how many bodies ended early."""

    def __init__(self, change: Callable[[], object]) -> None:
        self.url = ""
        self.change = change
        """Called when a request's head has come, and nothing of its body is read."""
        self.files: list[bytes] = []
        self.cut_off = 0


class Receiver(BaseHTTPRequestHandler):
    """A connection with one request."""

    received: Received

    def do_PUT(self) -> None:
        if self.path.startswith("/usage"):
            return self.send_error(404)
        self.received.change()
        try:
            body = self.chunks() if "Transfer-Encoding" in self.headers else self.announced()
        except (EOFError, ValueError, OSError):
            self.received.cut_off += 1
            return None
        if "multipart" in self.headers["Content-Type"]:
            body = body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
        self.received.files.append(body)
        return self.answer(201, {"id": str(len(self.received.files) - 1), "size_bytes": len(body)})

    do_POST = do_PUT  # noqa: N815  the name that http.server calls

    def announced(self) -> bytes:
        return self.whole(int(self.headers["Content-Length"]))

    def chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline() or b"no", 16):
            parts.append(self.whole(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def whole(self, count: int) -> bytes:
        content = self.rfile.read(count)
        if len(content) < count:
            raise EOFError
        return content

    def do_GET(self) -> None:
        content = self.received.files[int(self.path.rpartition("/")[2])]
        self.answer(200, {"size_bytes": len(content), "digest": xxhash.xxh3_128(content).hexdigest()})

    def do_DELETE(self) -> None:
        self.answer(204, {})

    def answer(self, status: int, content: dict[str, object]) -> None:
        body = b"" if status == 204 else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receive(change: Callable[[], object] = bool) -> Iterator[Received]:
    """On a free port, until the end."""
    received = Received(change)
    handler = type("Handler", (Receiver,), {"received": received})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
