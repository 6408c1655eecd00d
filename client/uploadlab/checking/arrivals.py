"""What has arrived at the scripted server: the body of each request, and the file in it."""

import hashlib
import re
from collections.abc import Iterator
from email.message import Message
from typing import Any, BinaryIO
from urllib.parse import unquote

from uploadlab.catalogue.client_registry import ALL
from uploadlab.catalogue.methods import FIELD

BLOCK_BYTES = 1 << 16
MOST_HEAD_BYTES = 1 << 16
USUAL_HEADERS = ("content-disposition", "content-type", "content-length", "content-transfer-encoding")


class BrokenBody(Exception):
    """A body that breaks the rules; the text says how."""


class FileArrival:
    """A file while it arrives."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._digest = hashlib.sha256()

    def feed(self, block: bytes) -> None:
        """Count and digest the next bytes of the file."""
        self.size_bytes += len(block)
        self._digest.update(block)

    @property
    def digest(self) -> str:
        """SHA-256 of what has arrived, in hex."""
        return self._digest.hexdigest()


class FormArrival:
    """A form while it arrives, read strictly: anything but parts, with their usual headers, is an error."""

    def __init__(self, content_type: str, file: FileArrival) -> None:
        self.name: str | None = None
        """Of the file."""
        self._file = file
        self._boundary = b"--" + (_parameter(content_type, "boundary") or "").encode("latin-1")
        self._left = b"\r\n"
        self._in_head = self._in_file = self._found = self._is_over = False

    def feed(self, block: bytes) -> None:
        """Read on; raise BrokenBody."""
        self._left += block
        while self._advance():
            pass

    def end(self) -> None:
        """Check that the form is complete; raise BrokenBody."""
        if not self._is_over:
            raise BrokenBody("the form has no end")
        if not self._found:
            raise BrokenBody(f"the form has no part {FIELD!r} with a file")

    def _advance(self) -> bool:
        """Take what can be judged; return whether there may be more of that."""
        if self._is_over:
            if self._left.strip(b"\r\n"):
                raise BrokenBody("the form has bytes after its end")
            return False
        if self._in_head:
            head, end, rest = self._left.partition(b"\r\n\r\n")
            if len(head) > MOST_HEAD_BYTES:
                raise BrokenBody("a part's head does not end")
            if end:
                self._begin(head)
                self._left, self._in_head = rest, False
            return bool(end)
        content, mark, rest = self._left.partition(b"\r\n" + self._boundary)
        if not mark:
            keep = len(self._boundary) + 2
            self._take(self._left[:-keep] if len(self._left) > keep else b"")
            self._left = self._left[-keep:]
            return False
        if len(rest) < 2:
            return False
        self._take(content)
        self._in_file = False
        if rest[:2] == b"--":
            self._is_over, self._left = True, rest[2:]
        elif rest[:2] == b"\r\n":
            self._in_head, self._left = True, rest[2:]
        else:
            raise BrokenBody("a boundary's line has more than the boundary")
        return True

    def _take(self, content: bytes) -> None:
        if self._in_file:
            self._file.feed(content)

    def _begin(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        for line in lines:
            field, colon, _ = line.partition(b":")
            if not colon or field.lower().decode("latin-1") not in USUAL_HEADERS:
                raise BrokenBody(f"a part's head has the line {line[:60]!r}")
        found = next((line for line in lines if line.lower().startswith(b"content-disposition:")), b"")
        names = disposition(found.partition(b":")[2].strip())
        self._in_file = names.get("name") == FIELD
        if self._in_file:
            self._found, self.name = True, names.get("filename")


PARAMETER = re.compile(rb';\s*([\w*-]+)=("(?:[^"\\]|\\.)*"|[^;\s"]*)\s*')


def disposition(value: bytes) -> dict[str, str]:
    """Return the parameters of a form part's Content-Disposition; raise BrokenBody.

    Browsers write quotes and line breaks as %22, %0D and %0A, other clients with a backslash, and some send
    ``filename*`` (RFC 2231): all of them are understood.
    """
    kind, semicolon, rest = value.partition(b";")
    if kind.strip().lower() != b"form-data":
        raise BrokenBody(f"a part's disposition is {value[:60]!r}")
    rest, at, found = semicolon + rest, 0, dict[str, str]()
    while at < len(rest):
        if not (match := PARAMETER.match(rest, at)):
            raise BrokenBody(f"a part's disposition has {rest[at : at + 60]!r}")
        key, at = match[1].decode().lower(), match.end()
        found[key] = _decoded(key, match[2])
    if extended := found.pop("filename*", None):
        found["filename"] = extended
    return found


def _decoded(key: str, value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise BrokenBody(f"a part's {key} is not UTF-8: {value[:60]!r}") from None
    if key.endswith("*"):
        return unquote(text.rpartition("'")[2])
    if text.startswith('"'):
        text = re.sub(r'\\(["\\])', r"\1", text[1:-1])
    for escaped, letter in (("%22", '"'), ("%0D", "\r"), ("%0A", "\n")):
        text = text.replace(escaped, letter)
    return text


class Arrival:
    """One request at the scripted server."""

    def __init__(self, verb: str, path: str, headers: Message) -> None:
        self.verb, self.path = verb, path
        self.has_login = headers.get("Authorization", "").lower().startswith("digest ")
        self.expects = headers.get("Expect", "").lower() == "100-continue"
        length = headers.get("Content-Length")
        self.announced = int(length) if length is not None and length.isdigit() else None
        self.chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self.body_bytes = 0
        self.is_whole = False
        """Whether the body has come to its end."""
        self.answered: int | None = None
        self.problem = ""
        """What is wrong with the body."""
        self.file = FileArrival()
        content_type = headers.get("Content-Type", "")
        self._form = (
            FormArrival(content_type, self.file) if content_type.startswith("multipart/form-data") else None
        )

    @property
    def name(self) -> str | None:
        """The file's name, if it has come in a form."""
        return self._form.name if self._form else None

    @property
    def is_form(self) -> bool:
        """Whether the file comes in a form."""
        return self._form is not None

    def feed(self, block: bytes) -> None:
        """Take the next bytes of the body."""
        self.body_bytes += len(block)
        if not self._form:
            self.file.feed(block)
        elif not self.problem:
            self._try(lambda form: form.feed(block))

    def end(self) -> None:
        """Say that the body has come to its end."""
        self.is_whole = True
        if self._form and not self.problem:
            self._try(FormArrival.end)

    def _try(self, step: Any) -> None:
        try:
            step(self._form)
        except BrokenBody as error:
            self.problem = str(error)


class Body:
    """The body of a request as it is read from the connection."""

    def __init__(self, stream: BinaryIO, arrival: Arrival) -> None:
        self._stream, self._arrival = stream, arrival
        self._pieces = self._chunks() if arrival.chunked else self._known(arrival.announced or 0)
        self._wanted = BLOCK_BYTES

    def take(self, count: int = ALL) -> bool:
        """Read that much, or less at the end; return whether there may be more. Raise OSError, EOFError."""
        while count > 0 and not self._arrival.is_whole:
            self._wanted = min(count, BLOCK_BYTES)
            if block := next(self._pieces, b""):
                self._arrival.feed(block)
                count -= len(block)
            else:
                self._arrival.end()
        return not self._arrival.is_whole

    def _known(self, left: int) -> Iterator[bytes]:
        while left:
            block = self._some(min(left, self._wanted))
            left -= len(block)
            yield block

    def _chunks(self) -> Iterator[bytes]:
        while size := self._size():
            yield from self._known(size)
            self._line()
        while self._line():
            pass

    def _size(self) -> int:
        line = self._line()
        try:
            return int(line.partition(b";")[0], 16)
        except ValueError:
            self._arrival.problem = f"a chunk begins with {line[:40]!r}"
            raise EOFError from None

    def _line(self) -> bytes:
        line = self._stream.readline(MOST_HEAD_BYTES)
        if not line.endswith(b"\n"):
            raise EOFError
        return line.rstrip(b"\r\n")

    def _some(self, count: int) -> bytes:
        block: bytes = self._stream.read1(count)  # type: ignore[attr-defined]
        if not block:
            raise EOFError
        return block


def _parameter(value: str, name: str) -> str | None:
    message = Message()
    message["Content-Type"] = value
    found = message.get_param(name)
    return found if isinstance(found, str) else None
