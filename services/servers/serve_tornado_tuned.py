"""Tornado for large bodies: each goes to a temporary file before the app is called.

By default the body has to fit into memory, up to 100 MiB, and Tornado parses each form before the app does.
"""

import asyncio
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, cast

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    HTTPServerRequest,
)
from tornado.ioloop import IOLoop
from tornado.wsgi import WSGIContainer
from upload_app.wsgi import application

SILENCE_SECONDS = float(os.environ["SILENCE_SECONDS"])
THREADS = 80
"""None by default: the app would run in the event loop, and one upload would make all others wait."""
MOST_BYTES = 1 << 50
"""Of a body; 100 MiB by default. The app has a limit of its own."""


class SpooledRequest(HTTPServerRequest):
    """A request whose body is in a file."""

    spool: IO[bytes]


class SpoolingContainer(WSGIContainer, HTTPServerConnectionDelegate):
    """A WSGIContainer that gives the app a file as its input, which says that it ends by itself."""

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Return what takes the request that begins."""
        return Spool(self, request_conn)

    def environ(self, request: HTTPServerRequest) -> dict[str, Any]:
        """Return the request as WSGI has it."""
        spool = cast(SpooledRequest, request).spool
        own = {"wsgi.input": spool, "wsgi.input_terminated": True}
        return super().environ(request) | own


class Spool(HTTPMessageDelegate):
    """A request that arrives. Where it is cut, or its client silent for too long, the app is not called."""

    def __init__(self, container: SpoolingContainer, connection: Any) -> None:
        self._container, self._connection = container, connection
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  it is closed with the last reference to it
        self._wait()

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        """Begin the request; raise HTTPInputError."""
        self._request = SpooledRequest(connection=self._connection, start_line=start_line, headers=headers)

    def data_received(self, chunk: bytes) -> None:
        """Write a block of the body."""
        IOLoop.current().remove_timeout(self._timeout)
        self._file.write(chunk)
        self._wait()

    def finish(self) -> None:
        """Call the app: the body is whole."""
        IOLoop.current().remove_timeout(self._timeout)
        self._file.seek(0)
        self._request.spool = self._file
        self._container(self._request)

    def on_connection_close(self) -> None:
        """Remove the file."""
        IOLoop.current().remove_timeout(self._timeout)
        self._file.close()

    def _wait(self) -> None:
        self._timeout = IOLoop.current().call_later(SILENCE_SECONDS, self._connection.close)


async def main() -> None:
    """Serve until the process ends."""
    container = SpoolingContainer(application, ThreadPoolExecutor(THREADS))
    server = HTTPServer(container, max_body_size=MOST_BYTES)
    server.listen(int(os.environ["PORT"]), os.environ["HOST"])
    await asyncio.Event().wait()


asyncio.run(main())
