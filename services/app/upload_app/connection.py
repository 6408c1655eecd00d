"""The connection that a request's body comes by, where a server shows it. Needs no Flask.

A server may have read a part of the body with the head, and a part of the next request, too. Only two servers
keep what they have read where it can be found exactly: Werkzeug's, and gunicorn.
"""

import io
import math
import socket
import struct
from typing import Any


class Connection:
    """A client's connection; its next bytes are a request's body, after those that the server has read."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected

    def take_buffered(self, most_bytes: int) -> bytes:
        """Return what the server has read of the body; never a byte of what follows the body."""
        raise NotImplementedError

    def note_taken(self, count: int) -> None:
        """Let the server know how many bytes of the body were taken past it."""

    def give_up(self) -> None:
        """Let the server know that it must close the connection."""

    def silence_seconds(self) -> float:
        """Return how long the server lets a client be silent; infinite without a limit."""
        size = struct.calcsize("ll")
        kept = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, size)
        seconds, microseconds = struct.unpack("ll", kept)
        return min(self.socket.gettimeout() or math.inf, seconds + microseconds / 1e6 or math.inf)


class WerkzeugConnection(Connection):
    """A connection of Werkzeug's server, which closes each one after its answer."""

    def __init__(self, connected: socket.socket, buffered: io.BufferedReader) -> None:
        super().__init__(connected)
        self._buffered = buffered

    def take_buffered(self, most_bytes: int) -> bytes:
        """Return what the server has read of the body, which may be more by what has arrived since."""
        before = self.socket.gettimeout()
        self.socket.settimeout(0)  # peek() reads on where the buffer is empty, and must not wait
        try:
            held = len(self._buffered.peek(1))
        finally:
            self.socket.settimeout(before)
        return self._buffered.read(min(held, most_bytes))


class GunicornConnection(Connection):
    """A connection of gunicorn's workers sync, gthread and gevent, which may serve the next request."""

    def __init__(self, connected: socket.socket, body: Any) -> None:
        super().__init__(connected)
        self._body, self._reader = body, body.reader

    def take_buffered(self, most_bytes: int) -> bytes:
        """Return what the server has read of the body."""
        held = self._reader.unreader.buf.getbuffer().nbytes
        return bytes(self._reader.read(min(held, most_bytes)))

    def note_taken(self, count: int) -> None:
        """Let gunicorn expect fewer bytes before the next request."""
        self._reader.length -= count

    def give_up(self) -> None:
        """Let gunicorn close the connection, as it does when its own read fails."""
        self._body.failed = True


def find_connection(environ: dict[str, Any], length: int) -> Connection | None:
    """Return the connection of a body of ``length`` bytes; None if the server shows none, or not exactly."""
    body = environ["wsgi.input"]
    if (connected := environ.get("werkzeug.socket")) and _is_plain(connected):
        is_its_own = isinstance(body, io.BufferedReader) and body.fileno() == connected.fileno()
        return WerkzeugConnection(connected, body) if is_its_own else None
    if (connected := environ.get("gunicorn.socket")) and _is_plain(connected):
        reader: Any = getattr(body, "reader", None)
        # It counts what is left of the body: as long as it has all, nobody holds a part of it elsewhere.
        if _reads_a_length(reader) and reader.length == length and reader.unreader.sock is connected:
            return GunicornConnection(connected, body)
    return None


def _is_plain(connected: socket.socket) -> bool:
    """Return whether the bytes on the connection are those of the body, not TLS."""
    return not hasattr(connected, "getpeercert") and connected.type == socket.SOCK_STREAM


def _reads_a_length(reader: object) -> bool:
    """Return whether it is gunicorn's reader of a body with a length; HTTP/2 has others."""
    return (type(reader).__module__, type(reader).__name__) == ("gunicorn.http.body", "LengthReader")
