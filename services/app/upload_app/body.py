"""A request's body while it arrives, and the end of its time budget. Neither needs Flask.

The clock is checked between reads: a read that waits for a stalled client ends with the connection, or by
the server's timeout.
"""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from werkzeug.exceptions import HTTPException

from upload_app.room import NoRoom

REST_BYTES = 1 << 16
"""What is read at a time of bytes that are dropped."""
FILL_SECONDS = 0.05
"""In which a block should arrive where a cut may lose it: 1 MiB at 20 MB/s."""
LOOK_SECONDS = 0.01
"""Between two looks at the disk: some MB arrive meanwhile, and a look takes microseconds."""


class BudgetSpent(Exception):
    """An upload that took longer than its time budget."""


class BrokenBody(Exception):
    """A body that ended before its announced end, or whose framing is malformed."""


class ShortBody(BrokenBody):
    """A body that ended early, although its server does not say so; its text is the reason."""


class Deadline:
    """The end of one upload's time budget; until then, ``look`` is called from time to time.

    It is called by the clock, and not by bytes, so that a read or a line costs no more than a comparison.
    """

    def __init__(self, budget_seconds: float, look: Callable[[], None] | None = None) -> None:
        self.budget_seconds = budget_seconds
        now = time.monotonic()
        self._end = now + budget_seconds
        self._look = look
        self._next = now if look else self._end

    def check(self) -> None:
        """Raise BudgetSpent when the time is over, and what ``look`` raises."""
        if (now := time.monotonic()) <= self._next:
            return
        if now > self._end:
            raise BudgetSpent(f"the upload took longer than its budget of {self.budget_seconds:g} s")
        if self._look:
            self._look()
        self._next = min(now + LOOK_SECONDS, self._end)

    def left_seconds(self) -> float:
        """Return the time left as a timeout for the system: a millisecond to a day. Raise BudgetSpent."""
        self.check()
        return min(max(self._end - time.monotonic(), 0.001), 86400)


class Body:
    """A request's body, with a deadline.

    Reading raises BudgetSpent after the deadline. It raises BrokenBody for any exception of a server's own
    decoder: each server has its own. Werkzeug's exceptions pass: each of them has a status.
    """

    def __init__(
        self,
        stream: IO[bytes],
        deadline: Deadline,
        announced_bytes: int | None = None,
        watch: Callable[[bytes | memoryview], None] | None = None,
    ) -> None:
        """Read from ``stream``; ``watch`` is called with each block."""
        self._stream = stream
        self._announced_bytes = announced_bytes
        self._watch = watch
        self._read_bytes = 0
        # Python's own read() of a raw stream, such as Werkzeug's LimitedStream, copies each block twice.
        is_raw = isinstance(stream, io.RawIOBase) and stream.readable()
        self._blocks = io.BufferedReader(cast(io.RawIOBase, stream)) if is_raw else stream
        self._deadline = deadline

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes; none at the end."""
        self._deadline.check()
        with broken_body():
            block = self._blocks.read(size)
        self._note(block)
        return block

    def finish(self) -> None:
        """Read and drop what is left. Raise ShortBody if fewer bytes came than were announced.

        A form ends with its last boundary, and its parser reads no further.
        """
        while self.read(REST_BYTES):
            pass
        if self._announced_bytes not in (None, self._read_bytes):
            raise ShortBody(f"the body ended after {self._read_bytes} of {self._announced_bytes} bytes")

    def blocks(self, size: int) -> Iterator[bytes | memoryview]:
        """Yield the body in blocks of at most ``size`` bytes; each is valid until the next."""
        if not isinstance(self._blocks, io.BufferedReader):  # PEP 3333 promises no more than read()
            while block := self.read(size):
                yield block
            return
        buffer = memoryview(bytearray(size))  # kept: the system hands out new memory page by page
        while count := self._readinto(buffer):
            yield buffer[:count]

    def paced_blocks(self, least: int, most: int) -> Iterator[bytes | memoryview]:
        """Yield the body in blocks of ``least`` to ``most`` bytes, small where it arrives slowly.

        Servers fill a block before they hand it on, and most drop the one that a cut ends. Large blocks cost
        less CPU time. So each is about as large as what arrives in FILL_SECONDS.
        """
        buffers = isinstance(self._blocks, io.BufferedReader)
        buffer = memoryview(bytearray(most if buffers else 0))
        size = least
        while True:
            begun = time.monotonic()
            block = buffer[: self._readinto(buffer[:size])] if buffers else self.read(size)
            if not block:
                return
            is_fast = time.monotonic() - begun < FILL_SECONDS
            yield block
            size = min(size * 2, most) if is_fast else max(size // 2, least)

    def _readinto(self, buffer: memoryview) -> int:
        self._deadline.check()
        with broken_body():
            count = cast(io.BufferedReader, self._blocks).readinto(buffer)
        self._note(buffer[:count])
        return count

    def _note(self, block: bytes | memoryview) -> None:
        self._read_bytes += len(block)
        if self._watch:
            self._watch(block)

    def lines(self, most_bytes: int) -> Iterator[bytes]:
        """Yield the body line by line, and a line of more than ``most_bytes`` in pieces.

        Otherwise a body without a line break would be in memory as a whole.
        """
        # The readline of uWSGI 2.0.31 ignores its argument ("TODO take hint into account", core/reader.c).
        is_uwsgi = type(self._stream).__module__ == "uwsgi"
        lined = io.BufferedReader(Readable(self._stream), REST_BYTES) if is_uwsgi else self._stream
        with broken_body():
            while line := lined.readline(most_bytes):
                if self._watch:
                    self._watch(line)
                yield line
                self._deadline.check()


class Readable(io.RawIOBase):
    """A server's input that Python can put a buffer in front of."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._read = stream.read

    def readable(self) -> bool:
        """Return True: a body can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one read of the input does; return its bytes, 0 at the end."""
        block = self._read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


@contextmanager
def broken_body() -> Iterator[None]:
    """Raise BrokenBody for what a server or its connection raises in the block."""
    try:
        yield
    except (HTTPException, BudgetSpent, NoRoom, MemoryError):
        raise
    except Exception as error:
        raise BrokenBody(str(error)) from error
