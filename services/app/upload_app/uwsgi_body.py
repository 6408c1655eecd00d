"""The body of a request at uWSGI's HTTP socket, as an input that Werkzeug reads without a wrapper.

uWSGI 2.0 hands over a chunked body only through ``uwsgi.chunked_read()`` and never sets
``wsgi.input_terminated``. Werkzeug then does not know the length and gives the app an
empty stream: a 2xx with no byte stored. ``ChunkedBody`` closes that gap.

The input of a body with a length ends by itself, too. uWSGI does not say so, and Werkzeug wraps it in a
stream of its own, which copies each block again and reads each line byte by byte.

What ``ChunkedBody`` cannot detect (core/chunked.c of uWSGI 2.0.31): uWSGI reads a size of digits and letters
as strtoul does, so ``0x3`` is 3 and ``xyz`` is 0, the last chunk. It never looks at the line break after a
chunk. What it has read beyond its last chunk, it keeps to itself. Behind nginx, all of these are a 400. It
also reads no chunk extensions, which are legal: here they are a 400, and behind nginx they are not.
"""

import io
import os
import re
import select
import socket
from collections.abc import Callable, Iterable
from typing import Any

import uwsgi  # exists only inside a uWSGI process
from werkzeug.exceptions import BadRequest

Environ = dict[str, Any]
ADDRESS = re.compile(r"^https?://[^/]*", re.IGNORECASE)
"""What stands before the path in a whole address."""
TRAILERS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n\0]*\r\n)*(?:\r\n?)?")
"""What may follow the last chunk (RFC 9112, 7.1), as far as it has arrived."""
BODILESS = ("DELETE", "GET", "HEAD", "OPTIONS")
"""Without a length, these have no body, and there is nothing to wait for."""
MOST_PEEKED_BYTES = 16 << 10
SILENCE_SECONDS = 1.0
"""Until what comes after a body that has no known end is taken for over."""


class ChunkedBody(io.RawIOBase):
    """The decoded chunks of the current request as one stream."""

    def __init__(self) -> None:
        self._rest = memoryview(b"")
        self._broken = False

    def readable(self) -> bool:
        """Return True: a body can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the current chunk; return its bytes, 0 after the last. Raise BadRequest."""
        if not self._rest:
            self._rest = memoryview(self._next_chunk())
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next_chunk(self) -> bytes:
        if self._broken:  # only who drops what is left reads on
            return drop_block()
        try:
            chunk = bytes(uwsgi.chunked_read())
        except OSError as error:  # over chunked-input-limit, over the timeout, or the client is gone
            self._broken = True
            raise BadRequest(f"the chunked body cannot be read: {error}") from None
        if not chunk and not TRAILERS.fullmatch(unread()):
            self._broken = True
            raise BadRequest("the chunked body is malformed: more follows what uWSGI took for its end")
        return chunk


class UnframedBody(io.RawIOBase):
    """What arrives after a head that does not say where its body ends: only to be dropped."""

    def readable(self) -> bool:
        """Return True: a body can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Return 0 once the client is silent or gone; the bytes are lost."""
        return min(len(drop_block()), len(buffer))


class TerminatedInput:
    """WSGI middleware that gives each request a ``wsgi.input`` that ends by itself, and says so."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the app with its new input, as WSGI calls an app."""
        # Proxies may be sent a whole address, and servers are to take it (RFC 9112, 3.2.2).
        environ["PATH_INFO"] = ADDRESS.sub("", environ.get("PATH_INFO", "")) or "/"
        coding, length = environ.get("HTTP_TRANSFER_ENCODING"), environ.get("CONTENT_LENGTH", "")
        if coding is None:
            environ["wsgi.input_terminated"] = True
            has_end = length.isdecimal() or environ["REQUEST_METHOD"] in BODILESS
            body: io.RawIOBase | None = None if has_end else UnframedBody()
        elif coding.strip().lower() == "chunked" and not length:
            environ["wsgi.input_terminated"] = True
            body = ChunkedBody()
        else:
            environ["HTTP_TRANSFER_ENCODING"] = coding or "none"  # sent, if empty: the app refuses it
            body = UnframedBody()
        if body:
            # Buffered: otherwise reading lines would cost one Python call a byte.
            environ["wsgi.input"] = io.BufferedReader(body, 64 << 10)
        return self._app(environ, start_response)


def unread() -> bytes:
    """Return what the client has sent and uWSGI has not read, without taking it off the wire."""
    with _connection() as connection:
        try:
            return connection.recv(MOST_PEEKED_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:  # nothing is there, or the client is gone
            return b""


def drop_block() -> bytes:
    """Return a block of what still arrives; empty once the client is silent or gone."""
    poll = select.poll()
    with _connection() as connection:
        poll.register(connection, select.POLLIN)
        try:
            if poll.poll(SILENCE_SECONDS * 1000):
                return connection.recv(64 << 10, socket.MSG_DONTWAIT)
        except OSError:
            pass
        return b""


def _connection() -> socket.socket:
    """Return the client's connection; closing it here leaves it open for uWSGI."""
    return socket.socket(fileno=os.dup(uwsgi.connection_fd()))
