"""gunicorn's input, read from the connection straight into the app's block. Needs gunicorn alone.

gunicorn 27.0.1 copies a body three more times on its way from the connection to the app (http/unreader.py,
http/body.py): in a config, ``pre_request = read_into_blocks`` replaces its input by one that does not.
It hands on the same bytes. What the app leaves unread is still dropped by gunicorn, or the connection closed.
"""

import io
from typing import Any

from gunicorn.http.body import LengthReader
from gunicorn.http.unreader import SocketUnreader

BUFFER_BYTES = 1 << 16
"""What is received at once for small reads and for lines. A larger read goes past this buffer."""


class ConnectionBody(io.RawIOBase):
    """A body with a length: first what gunicorn holds of it, then what the connection brings."""

    def __init__(self, reader: Any) -> None:
        """Take gunicorn's own reader of this body, which goes on counting what is left of it."""
        self._reader = reader
        self.failed = False

    def readable(self) -> bool:
        """Return True: a body can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one read does; return its bytes, 0 at the end of body or connection."""
        reader, unreader = self._reader, self._reader.unreader
        most = min(len(buffer), reader.length)
        if not most:  # what follows on the connection is another request
            return 0
        held = unreader.buf.getbuffer().nbytes
        if held:
            block = reader.read(min(held, most))
            buffer[: len(block)] = block
            return len(block)
        try:
            count: int = unreader.sock.recv_into(buffer, most)
        except BaseException:
            self.failed = True
            raise
        reader.length -= count
        return count


class BufferedBody(io.BufferedReader):
    """The same, with lines and small reads; ``reader`` is gunicorn's own."""

    def __init__(self, reader: Any) -> None:
        self._body = ConnectionBody(reader)
        super().__init__(self._body, BUFFER_BYTES)
        self.reader = reader

    @property
    def failed(self) -> bool:
        """Return whether a read has failed: gunicorn then closes the connection."""
        return self._body.failed

    @failed.setter
    def failed(self, failed: bool) -> None:
        self._body.failed = failed


def read_into_blocks(worker: Any, request: Any) -> None:
    """Replace a request's input, as gunicorn's hook ``pre_request``; chunked bodies stay with gunicorn."""
    reader: Any = getattr(request.body, "reader", None)
    if type(reader) is LengthReader and isinstance(reader.unreader, SocketUnreader):
        request.body = BufferedBody(reader)
