"""The ways to take an upload off the wire. None of them needs Flask.

A receiver reads ``body`` and writes the file's bytes to ``file``. All raise ``BudgetSpent`` once the
deadline has passed. They look at the clock between reads: a read that waits for a stalled client
ends with the connection, or by the server's timeout.
"""

import io
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, NamedTuple, cast

from multipart import MultipartSegment, ParserLimitReached, PushMultipartParser
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_options_header

FIELD = "file"
"""The form field that holds the file."""


class BudgetSpent(Exception):
    """The upload took longer than it was given."""


class BrokenBody(Exception):
    """The body ended before its announced end, or its framing is malformed."""


class AmbiguousForm(Exception):
    """A form that Werkzeug's parser would cut."""

    def __init__(self) -> None:
        super().__init__(
            "the form's boundary stands in the file, after a bare CR or LF: choose another boundary"
        )


class NoFilePart(ValueError):
    """A well-formed multipart body without the part ``file``."""

    def __init__(self) -> None:
        super().__init__(f"no complete file part named '{FIELD}' in the form")


class FormLimits(NamedTuple):
    """What a form may have besides its files; None: as much as it likes."""

    field_bytes: int | None
    """In each field that is not a file."""
    parts: int | None


NO_LIMITS = FormLimits(None, None)


class Deadline:
    """The end of one upload's time budget."""

    def __init__(self, budget_seconds: float) -> None:
        self.budget_seconds = budget_seconds
        self._end = time.monotonic() + budget_seconds

    def check(self) -> None:
        """Raise BudgetSpent when the time is over."""
        if time.monotonic() > self._end:
            raise BudgetSpent(f"the upload took longer than its budget of {self.budget_seconds:g} s")

    def left_seconds(self) -> float:
        """What is left, as a timeout that the system takes: a millisecond to a day. Raises BudgetSpent."""
        self.check()
        return min(max(self._end - time.monotonic(), 0.001), 86400)


class Body:
    """A request's body, with an end to its time.

    Reading raises BudgetSpent after the deadline, and BrokenBody for whatever a server's own decoder says of
    a body that cannot be read: each server has exceptions of its own. Those of Werkzeug pass: it has a status
    for each.
    """

    def __init__(self, stream: IO[bytes], deadline: Deadline) -> None:
        self._stream = stream
        # Python's own read() of a raw stream, such as Werkzeug's LimitedStream, copies each block twice.
        is_raw = isinstance(stream, io.RawIOBase) and stream.readable()
        self._blocks = io.BufferedReader(cast(io.RawIOBase, stream)) if is_raw else stream
        self._deadline = deadline

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes."""
        self._deadline.check()
        with _broken():
            return self._blocks.read(size)

    def blocks(self, size: int) -> Iterator[bytes | memoryview]:
        """The body in blocks of ``size`` bytes at most; each is good until the next is asked for."""
        if not isinstance(self._blocks, io.BufferedReader):  # PEP 3333 promises no more than read()
            while block := self.read(size):
                yield block
            return
        buffer = memoryview(bytearray(size))  # one for all: the system hands out new memory page by page
        while count := self._readinto(buffer):
            yield buffer[:count]

    def _readinto(self, buffer: memoryview) -> int:
        self._deadline.check()
        with _broken():
            return cast(io.BufferedReader, self._blocks).readinto(buffer)

    def __iter__(self) -> Iterator[bytes]:
        with _broken():
            for line in self._stream:
                yield line
                self._deadline.check()


@contextmanager
def _broken() -> Iterator[None]:
    try:
        yield
    except (HTTPException, BudgetSpent, MemoryError):
        raise
    except Exception as error:
        raise BrokenBody(str(error)) from error


def blocks(body: Body, file: BinaryIO, block_size: int) -> None:
    """Raw body, in blocks of ``block_size`` bytes: the recommended way."""
    for block in body.blocks(block_size):
        file.write(block)


def lines(body: Body, file: BinaryIO, block_size: int) -> None:
    """Raw body by ``writelines``, as the original write-up proposed; ``block_size`` is unused."""
    file.writelines(body)


def multipart_push(
    body: Body,
    file: BinaryIO,
    block_size: int,
    boundary: str,
    limits: FormLimits = NO_LIMITS,
) -> None:
    """Multipart body through a push parser, straight to its destination.

    Raises ``multipart.MultipartError`` for a malformed body, NoFilePart without a file, and
    ``multipart.ParserLimitReached`` for one beyond the limits.
    """
    found = writing = False
    most, parts = (math.inf if limit is None else limit for limit in limits)
    parser = PushMultipartParser(boundary, max_header_size=most, max_segment_count=parts)
    for event in parser.parse_blocking(body.read, block_size):
        if isinstance(event, MultipartSegment):
            part = event
            # Werkzeug's reading of it, as in the other receivers: parsers differ in quotes and backslashes.
            _, options = parse_options_header(part["Content-Disposition"])
            writing = not found and options.get("name") == FIELD and "filename" in options
            found = found or writing
        elif event and writing:
            file.write(cast(bytes, event))
        elif event and "filename" not in options and part.bytes_received > most:
            raise ParserLimitReached(f"the field {part.name!r} has over {most} bytes")
    if not found:
        raise NoFilePart
