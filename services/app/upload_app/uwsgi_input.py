"""The WSGI entry for uWSGI, with an input that Werkzeug reads without a wrapper.

uWSGI 2.0 hands over a chunked body only through ``uwsgi.chunked_read()`` and never sets
``wsgi.input_terminated``. Werkzeug then does not know the length and gives the app an
empty stream: a 2xx with no byte stored. ``ChunkedBody`` closes that gap.

The input of a body with a length ends by itself, too. uWSGI does not say so, and Werkzeug wraps it in a
stream of its own, which copies each block again and reads each line byte by byte.

What ``ChunkedBody`` cannot detect: uWSGI takes a chunk size that is no number for the last chunk. A body
that is malformed there ends early without an error. Behind nginx, it is a 400.
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
        """Return True: a body can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the current chunk; return its bytes, 0 after the last. Raise BadRequest."""
        if not self._rest:
            try:
                self._rest = memoryview(bytes(uwsgi.chunked_read()))
            except OSError as error:  # over chunked-input-limit, over the timeout, or the client is gone
                raise BadRequest(f"the chunked body cannot be read: {error}") from None
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class TerminatedInput:
    """WSGI middleware that gives each request a ``wsgi.input`` that ends by itself, and says so."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the app with its new input, as WSGI calls an app."""
        chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        sized = bool(environ.get("CONTENT_LENGTH"))
        if chunked and not sized:
            # Buffered: otherwise reading lines would cost one Python call a byte.
            environ["wsgi.input"] = io.BufferedReader(ChunkedBody(), 64 << 10)
        if chunked != sized:  # with both, one of them is wrong: the app refuses the request
            environ["wsgi.input_terminated"] = True
        return self._app(environ, start_response)


application = TerminatedInput(flask_app)
