"""The WSGI entry for uWSGI, with an input that Werkzeug reads as it is.

uWSGI 2.0 hands over a chunked body only through ``uwsgi.chunked_read()`` and never sets
``wsgi.input_terminated``. Werkzeug then takes the length for unknown and gives the app an
empty stream: a 2xx with no byte stored. ``ChunkedBody`` closes that gap.

The input of a body with a length ends by itself, too. uWSGI does not say so, and Werkzeug puts a stream
of its own around it, through which each block is copied again, and each line read byte by byte.

What chunks cannot show: uWSGI takes a chunk size that is no number for the last chunk, so a body
that is malformed there ends early without an error. Behind nginx such a body is a 400.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any

import uwsgi  # exists only inside a uWSGI process
from werkzeug.exceptions import BadRequest

from upload_app.wsgi import application as flask_app

Environ = dict[str, Any]


class ChunkedBody(io.RawIOBase):
    """The decoded chunks of the current request as one stream."""

    def __init__(self) -> None:
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is a body to read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the current chunk; 0 after the last. Raises BadRequest."""
        if not self._rest:
            self._rest = memoryview(self._next_chunk())
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    @staticmethod
    def _next_chunk() -> bytes:
        """One chunk, or nothing after the last; raises BadRequest."""
        try:
            return bytes(uwsgi.chunked_read())
        except OSError as error:  # too large for chunked-input-limit, too late, or the client is gone
            raise BadRequest(f"the chunked body cannot be read: {error}") from None


class TerminatedInput:
    """WSGI middleware: gives each request a ``wsgi.input`` that ends by itself, and says so."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        sized = bool(environ.get("CONTENT_LENGTH"))
        if chunked and not sized:
            # Buffered, or reading by lines would cost one Python call a byte.
            environ["wsgi.input"] = io.BufferedReader(ChunkedBody(), 64 << 10)
        if chunked != sized:  # with both, one of them lies: the app's to refuse
            environ["wsgi.input_terminated"] = True
        return self._app(environ, start_response)


application = TerminatedInput(flask_app)
