"""An answer while it is read: of a limited length, in a limited time."""

import io
import socket
import time
from typing import Any

from uploadlab.units import format_size


class AnswerFault(OSError):
    """The answer, not the connection, is why a request failed."""


class AnswerSource(io.RawIOBase):
    """A socket, as far as http.client reads an answer from it: a limited number of bytes in a limited time.

    Reading raises AnswerFault beyond the bytes, and TimeoutError beyond the time.
    """

    def __init__(self, connected: socket.socket, seconds: float | None, most_bytes: int) -> None:
        self._connected, self._seconds, self._most_bytes = connected, seconds, most_bytes
        self._raw = connected.makefile("rb", buffering=0)  # holds the socket open until it is read
        self._end = None if seconds is None else time.monotonic() + seconds
        self._left_bytes = most_bytes

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return what http.client reads from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there; raise AnswerFault, TimeoutError."""
        if self._end is not None:
            if (left := self._end - time.monotonic()) <= 0:
                raise TimeoutError(f"the answer was not complete after {self._seconds:g} s")
            self._connected.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        self._left_bytes -= count or 0
        if self._left_bytes < 0:
            raise AnswerFault(f"the answer is longer than {format_size(self._most_bytes)}")
        return count

    def close(self) -> None:
        """Give the socket back."""
        self._raw.close()
        super().close()
