"""The ways to take an upload off the wire. None of them needs Flask.

A receiver reads ``stream``, the request's body, and writes the file's bytes to ``file``.
All raise ``BudgetSpent`` once the deadline has passed. They look at the clock between reads:
a read that waits for a stalled client ends with the connection, or by the server's timeout.
"""

import time
from collections.abc import Iterable, Iterator
from typing import IO, BinaryIO, cast

from multipart import MultipartSegment, PushMultipartParser

FIELD = "file"
"""The form field that holds the file."""


class BudgetSpent(Exception):
    """The upload took longer than it was given."""


class NoFilePart(ValueError):
    """A well-formed multipart body without the part ``file``."""

    def __init__(self) -> None:
        super().__init__(f"no complete file part named '{FIELD}' in the form")


class Deadline:
    """The end of one upload's time budget."""

    def __init__(self, budget_seconds: float) -> None:
        self.budget_seconds = budget_seconds
        self._end = time.monotonic() + budget_seconds

    def check(self) -> None:
        """Raise BudgetSpent when the time is over."""
        if time.monotonic() > self._end:
            raise BudgetSpent(f"the upload took longer than its budget of {self.budget_seconds:g} s")


class TimedStream:
    """A body that checks the deadline on each read: for parsers that read by themselves."""

    def __init__(self, stream: IO[bytes], deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; raises BudgetSpent."""
        self._deadline.check()
        return self._stream.read(size)


def blocks(stream: IO[bytes], file: BinaryIO, block_size: int, deadline: Deadline) -> None:
    """Raw body, in blocks of ``block_size`` bytes: the recommended way."""
    while block := stream.read(block_size):
        file.write(block)
        deadline.check()


def lines(stream: IO[bytes], file: BinaryIO, block_size: int, deadline: Deadline) -> None:
    """Raw body by ``writelines``, as the original write-up proposed; ``block_size`` is unused."""
    file.writelines(_timed(stream, deadline))


def multipart_push(
    stream: IO[bytes], file: BinaryIO, block_size: int, deadline: Deadline, boundary: str
) -> None:
    """Multipart body through a push parser, straight to its destination.

    Raises ``multipart.MultipartError`` for a malformed body, NoFilePart without a file.
    """
    found = writing = False
    parser = PushMultipartParser(boundary)
    for event in parser.parse_blocking(TimedStream(stream, deadline).read, block_size):
        if isinstance(event, MultipartSegment):
            writing = not found and event.name == FIELD and event.filename is not None
            found = found or writing
        elif event and writing:
            file.write(cast(bytes, event))
    if not found:
        raise NoFilePart


def _timed(stream: Iterable[bytes], deadline: Deadline) -> Iterator[bytes]:
    for line in stream:
        yield line
        deadline.check()
