"""What one attempt to upload puts on the wire, as data."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from uploadlab.catalogue.payloads import blocks

BOUNDARY = "upload-lab-7MA4YWxkTrZu0gW"
PLAIN = "application/octet-stream"
NAME = "upload.bin"


Blocks = Iterator[bytes | memoryview]


class Then(StrEnum):
    """What the client does in mid-body."""

    PAUSE = "pause"
    """Send nothing for a while, then go on."""
    TRICKLE = "trickle"
    """Send a little each second."""
    CLOSE = "close"
    """Go away."""
    RESET = "reset"
    """Go away without a goodbye, as a client that crashes with data in flight."""
    END = "end"
    """Send no more, and wait for the answer."""
    BREAK = "break"
    """Send something that is no chunk's size in its place, then go on."""


PAUSES = {Then.PAUSE: 5.0, Then.TRICKLE: 1.0}
"""Seconds; the one is longer than the 4 s that uWSGI waits by default."""


class Content(NamedTuple):
    """A file's bytes, made while they are sent."""

    size_bytes: int
    blocks: Callable[[], Blocks]


class Attempt(NamedTuple):
    """One upload. Unless something else is said, it is whole, and a server should take it."""

    file: Content
    form: bool
    head: bytes = b""
    """Of the body, before the file."""
    tail: bytes = b""
    content_type: str = PLAIN
    label: str = ""
    verb: str = "POST"
    chunked: bool = False
    expect: bool = False
    """Ask by Expect: 100-continue first."""
    query: str = ""
    headers: tuple[str, ...] = ()
    """Further lines of the request's head."""
    then: Then | None = None
    at: int = 0
    """After how many bytes of the body; of one that trickles, after each so many."""
    must_refuse: bool = False
    refusals: tuple[int, ...] = ()
    """The statuses of a refusal that would be true."""

    @property
    def body_bytes(self) -> int:
        """The length of the body."""
        return len(self.head) + self.file.size_bytes + len(self.tail)

    def body(self, file: Blocks) -> Blocks:
        """The body as it goes on the wire, but for the chunks; ``file`` is the content, perhaps watched."""
        if self.head:
            yield self.head
        yield from file
        if self.tail:
            yield self.tail

    @property
    def gone(self) -> bool:
        """Whether nobody is left to read an answer."""
        return self.then in (Then.CLOSE, Then.RESET)


def noise(size_bytes: int) -> Content:
    """Bytes of all values, the same for the same size."""
    return Content(size_bytes, lambda: blocks(size_bytes))


def exactly(content: bytes) -> Content:
    """A file of these bytes."""
    return Content(len(content), lambda: iter((content,) if content else ()))


def raw(file: Content, **more: Any) -> Attempt:
    """The file as the body."""
    return Attempt(file, form=False, **{"verb": "PUT", **more})


def form(file: Content, before: bytes = b"", name: str = NAME, **more: Any) -> Attempt:
    """The file in a form, after the parts ``before``."""
    given = {
        "head": before + part(f'name="file"; filename="{name}"', f"Content-Type: {PLAIN}\r\n"),
        "tail": f"\r\n--{BOUNDARY}--\r\n".encode(),
        "content_type": f"multipart/form-data; boundary={BOUNDARY}",
        **more,
    }
    return Attempt(file, form=True, **given)


def part(disposition: str, headers: str = "") -> bytes:
    """The head of a part."""
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n{headers}\r\n".encode()


def field(name: str, value: bytes) -> bytes:
    """A whole part that is no file."""
    return part(f'name="{name}"') + value + b"\r\n"


def both(file: Content, **more: Any) -> Iterator[Attempt]:
    """The file as the body, and in a form."""
    yield raw(file, **more)
    yield form(file, **more)
