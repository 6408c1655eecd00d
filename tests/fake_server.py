"""A target that answers as a test wants: the slow and the lying servers of the world."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG = object()
"""Answer nothing until the server is closed."""
IDLE = (200, {"uploads_in_progress": 0})
DROP = object()
"""Close the connection without an answer."""


class FakeServer:
    """Answers each verb as ``answers`` says, PUT like POST: (status, content), HANG or DROP."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"GET": (200, {}), "POST": (201, {"id": "x", "seconds": 0.1}), "DELETE": (204, {})}
        self.answers |= answers
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.closing = threading.Event()
        self.url = ""


@contextmanager
def serve(**answers: Any) -> Iterator[FakeServer]:
    """A fake server on a free port."""
    fake = FakeServer(**answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/usage"):
                return self.send_error(404)  # as any server but the lab's
            fake.requests.append(f"{self.command} {self.path.partition('?')[0]}")
            length = int(self.headers.get("Content-Length", 0))
            fake.bodies.append(self.rfile.read(length))
            answer = (
                (200, {"uploads_in_progress": 0})
                if self.path == "/healthz"
                else fake.answers["POST" if self.command == "PUT" else self.command]
            )
            if answer is HANG:
                fake.closing.wait()
            if answer in (HANG, DROP):
                return
            status, content = answer
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield fake
    finally:
        fake.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
