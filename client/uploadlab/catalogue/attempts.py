"""What an attempt to upload puts on the wire, as data."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from uploadlab.catalogue.payloads import blocks

BOUNDARY = "upload-lab-7MA4YWxkTrZu0gW"


PLAIN = "application/octet-stream"


Blocks = Iterator[bytes | memoryview]


class Then(StrEnum):
    """What the client does in mid-body."""

    PAUSE = "pause"
    """Send nothing for a while, then continue."""
    TRICKLE = "trickle"
    """Send a little each second."""
    CLOSE = "close"
    """Close the connection."""
    RESET = "reset"
    """Reset the connection, like a client that crashes with data in flight."""
    END = "end"
    """Send no more, and wait for the answer."""
    BREAK = "break"
    """Send a chunk size that is no number, then continue."""


PAUSES = {Then.PAUSE: 5.0, Then.TRICKLE: 1.0}
"""Seconds; the pause is longer than the 4 s that uWSGI waits by default."""


class Content(NamedTuple):
    """A file's bytes, made while they are sent."""

    size_bytes: int
    blocks: Callable[[], Blocks]


class Attempt(NamedTuple):
    """One upload. By default it is whole, and a server should accept it."""

    file: Content
    form: bool
    head: bytes = b""
    """The body before the file."""
    tail: bytes = b""
    content_type: str = PLAIN
    label: str = ""
    verb: str = "POST"
    chunked: bool = False
    expect: bool = False
    """Whether to ask by Expect: 100-continue first."""
    query: str = ""
    headers: tuple[str, ...] = ()
    """Further lines of the request's head."""
    then: Then | None = None
    at: int = 0
    """After how many bytes of the body ``then`` follows; a trickle does so again after as many more."""
    must_refuse: bool = False
    refusals: tuple[int, ...] = ()
    """The statuses of a true refusal."""

    @property
    def body_bytes(self) -> int:
        """The length of the body."""
        return len(self.head) + self.file.size_bytes + len(self.tail)

    def body(self, file: Blocks) -> Blocks:
        """Yield the body as it goes on the wire, without the chunks' sizes; ``file`` is the content."""
        if self.head:
            yield self.head
        yield from file
        if self.tail:
            yield self.tail

    @property
    def gone(self) -> bool:
        """Whether the client leaves before an answer."""
        return self.then in (Then.CLOSE, Then.RESET)


def noise(size_bytes: int) -> Content:
    """Return a file of bytes of all values, the same for the same size."""
    return Content(size_bytes, lambda: blocks(size_bytes))


def exactly(content: bytes) -> Content:
    """Return a file of these bytes."""
    return Content(len(content), lambda: iter((content,) if content else ()))


def raw(file: Content, **more: Any) -> Attempt:
    """Return an attempt whose body is the file."""
    return Attempt(file, form=False, **{"verb": "PUT", **more})


def form(file: Content, before: bytes = b"", name: str = "upload.bin", **more: Any) -> Attempt:
    """Return an attempt with the file in a form, after the parts ``before``."""
    given = {
        "head": before + part_head(f'name="file"; filename="{name}"', f"Content-Type: {PLAIN}\r\n"),
        "tail": f"\r\n--{BOUNDARY}--\r\n".encode(),
        "content_type": f"multipart/form-data; boundary={BOUNDARY}",
        **more,
    }
    return Attempt(file, form=True, **given)


def part_head(disposition: str, headers: str = "") -> bytes:
    """Return the head of a part."""
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n{headers}\r\n".encode()


def field(name: str, value: bytes) -> bytes:
    """Return a whole part that is no file."""
    return part_head(f'name="{name}"') + value + b"\r\n"


def both(file: Content, **more: Any) -> Iterator[Attempt]:
    """Yield an attempt with the file as the body, and one with the file in a form."""
    yield raw(file, **more)
    yield form(file, **more)
