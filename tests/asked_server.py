"""An HTTP/1.1 server that keeps what it is asked for: over which connection, with which head and body."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

CHALLENGE = 'Digest realm="lab", nonce="abc", qop="auth", algorithm=MD5'
POLL_SECONDS = 0.02
"""Until a server notices that it has to end; there are many."""


class Asked(NamedTuple):
    """A request. Its connection is known by the client's port."""

    verb: str
    port: int
    head: dict[str, str]
    body: bytes


class AskingServer(ThreadingHTTPServer):
    """Answers 201, or 401 to what comes without a login, if it wants a login."""

    def __init__(self, wants_login: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.wants_login = wants_login
        self.asked: list[Asked] = []

    def handle_error(self, *_: object) -> None:
        """Clients may go in mid-request."""


class Handler(BaseHTTPRequestHandler):
    """A connection."""

    protocol_version = "HTTP/1.1"
    server: AskingServer

    def do_PUT(self) -> None:
        head = {name.lower(): value for name, value in self.headers.items()}
        body = (
            self.chunks() if "transfer-encoding" in head else self.whole(int(head.get("content-length", 0)))
        )
        self.server.asked.append(Asked(self.command, self.client_address[1], head, body))
        is_known = not self.server.wants_login or head.get("authorization", "").startswith("Digest ")
        self.send_response(201 if is_known else 401)
        if not is_known:
            self.send_header("WWW-Authenticate", CHALLENGE)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT  # noqa: N815  the names that http.server calls

    def whole(self, count: int) -> bytes:
        return self.rfile.read(count)

    def chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.whole(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def ask(wants_login: bool = False, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[Asked]]]:
    """The URL of a free port, until the end, and what comes."""
    server = AskingServer(wants_login)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,))
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/", server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
