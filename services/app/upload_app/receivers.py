"""The ways to take an upload off the wire. None of them needs Flask.

A receiver reads ``body`` and writes the file's bytes to ``file``. All raise ``BudgetSpent`` once the
deadline has passed. They look at the clock between reads: a read that waits for a stalled client
ends with the connection, or by the server's timeout.
"""

import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, NamedTuple, cast

from multipart import MultipartSegment, ParserLimitReached, PushMultipartParser
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import parse_options_header

FIELD = "file"
"""The form field that holds the file."""


class BudgetSpent(Exception):
    """The upload took longer than it was given."""


class BrokenBody(Exception):
    """The body ended before its announced end, or its framing is malformed."""


class AmbiguousForm(Exception):
    """A form that two parsers may read as two different files."""

    def __init__(self) -> None:
        super().__init__("a line inside the form begins with its boundary: choose another boundary")


class NoFilePart(ValueError):
    """A well-formed multipart body without the part ``file``."""

    def __init__(self) -> None:
        super().__init__(f"no complete file part named '{FIELD}' in the form")


class FormLimits(NamedTuple):
    """What a form may have besides its files; None: as much as it likes."""

    field_bytes: int | None
    """In each field that is not a file, in each header, and around all parts."""
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


class Body:
    """A request's body, with an end to its time.

    Reading raises BudgetSpent after the deadline, and BrokenBody for whatever a server's own decoder says of
    a body that cannot be read: each server has exceptions of its own. Those of Werkzeug pass: it has a status
    for each.
    """

    def __init__(self, stream: IO[bytes], deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes."""
        self._deadline.check()
        with _broken():
            return self._stream.read(size)

    def __iter__(self) -> Iterator[bytes]:
        with _broken():
            for line in self._stream:
                yield line
                self._deadline.check()


class FormBody:
    """The part of a form's body that all parsers read alike: from its first delimiter to its last.

    Left to themselves they store different files from one body, and each calls it a success: where a read
    ends within the last delimiter, Werkzeug's adds a CR to the file (pallets/werkzeug#3285), and it ends the
    file at a bare CR or LF before a boundary, where others read on. So no block ends within what may be a
    delimiter, and reading raises AmbiguousForm for a line that begins with the boundary but is none: RFC 2046,
    5.1.1 forbids it. What stands around the parts is dropped; more than ``most_around`` bytes of it raise
    RequestEntityTooLarge.
    """

    def __init__(self, body: Body, boundary: str, most_around: int | None = None) -> None:
        self.mark = b"--" + boundary.encode()
        self._lines = re.compile(rb"(\r\n|\r|\n)%s(\r\n|--)?" % re.escape(self.mark))
        self._body = body
        self._held = b"\r\n"  # the body's first line is one, too
        self._inside = self._ended = False
        self._around, self._most_around = 0, most_around

    def read(self, size: int = -1) -> bytes:
        """At least a byte before the form's end; at most ``size`` and what was held back before."""
        while block := self._body.read(size):
            if part := self._parts(self._held + block):
                return part
        rest, self._held = self._held, b""
        return rest if self._inside else b""

    def _parts(self, data: bytes) -> bytes:
        """What of ``data`` is surely the form's; holds back what cannot be told yet."""
        begin = 0 if self._inside else len(data)
        end = told = self._told(data)
        for line in self._lines.finditer(data) if self.mark in data and not self._ended else ():
            if line.end() > told and line[2] != b"--":
                end = told = min(told, line.start())
                break
            if line[1] != b"\r\n" or line[2] is None:
                raise AmbiguousForm
            if not self._inside:
                begin, self._inside = line.start(), True
            if line[2] == b"--":
                end, self._inside, self._ended = line.end(), False, True
                break
        self._held = data[told:]
        part = data[begin:end]
        self._around += told - len(part)
        if self._most_around is not None and self._around > self._most_around:
            raise RequestEntityTooLarge
        return part

    def _told(self, data: bytes) -> int:
        """Where a line begins that may become a delimiter, with its line break; else the end."""
        window = -len(self.mark) - len(b"--")
        at = max(data.rfind(b"\r", window), data.rfind(b"\n", window))
        line = data[at + 1 :]
        may_become = at >= 0 and (self.mark.startswith(line) or line.startswith(self.mark))
        return max(at - 1, 0) if may_become else len(data)


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
    while block := body.read(block_size):
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
    ``multipart.ParserLimitReached`` for one beyond the limits; and what FormBody raises.
    """
    found = writing = False
    form = FormBody(body, boundary, limits.field_bytes)
    most = limits.field_bytes or math.inf
    parser = PushMultipartParser(
        boundary, max_header_size=most, max_segment_count=limits.parts or math.inf
    )
    for event in parser.parse_blocking(form.read, block_size):
        if isinstance(event, MultipartSegment):
            part = event
            # Werkzeug's reading of it, as in the other receivers: parsers differ in quotes and backslashes.
            _, options = parse_options_header(part["Content-Disposition"])
            writing = not found and options.get("name") == FIELD and "filename" in options
            found = found or writing
        elif event:
            data = cast(bytes, event)
            if part.bytes_received == len(data) and data.startswith(form.mark):
                raise AmbiguousForm  # for Werkzeug's parser this part is over before it begins
            if writing:
                file.write(data)
            elif "filename" not in options and part.bytes_received > most:
                raise ParserLimitReached(f"the field {part.name!r} has over {most} bytes")
    if not found:
        raise NoFilePart
