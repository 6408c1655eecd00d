"""What an attempt to upload puts on the wire, as data."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from uploadlab.catalogue.payloads import blocks
from uploadlab.units import MIB

BOUNDARY = "upload-lab-7MA4YWxkTrZu0gW"


PLAIN = "application/octet-stream"


Blocks = Iterator[bytes | memoryview]


THE_END = 1 << 62
"""A place in a body that lies after its end."""
PATIENCE_SECONDS = 60.0
"""How long a client waits for a silent server."""


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
    HOLD = "hold"
    """Send no more, and wait until the server ends the connection."""
    BREAK = "break"
    """Send the attempt's ``broken`` bytes, then continue."""


PAUSES = {Then.PAUSE: 5.0, Then.TRICKLE: 1.0}
"""Seconds; the pause is longer than the 4 s that uWSGI waits by default."""


class Content(NamedTuple):
    """A file's bytes, made while they are sent."""

    size_bytes: int
    blocks: Callable[[], Blocks]
    encoded: bytes | None = None
    """The bytes that are sent in place of the file's own, where the attempt announces a coding."""

    @property
    def wire_bytes(self) -> int:
        """How many bytes are sent for it."""
        return self.size_bytes if self.encoded is None else len(self.encoded)


class Chunks(NamedTuple):
    """How a chunked body is cut, and what stands around each chunk."""

    line: str = "{size:x}\r\n"
    """Before a chunk, in Latin-1."""
    first_line: str | None = None
    """Before the first chunk of a block of the body; None: as before the others."""
    end: bytes = b"\r\n"
    """After a chunk."""
    last: bytes = b"0\r\n\r\n"
    """After all chunks."""
    most_bytes: int = MIB
    """The size of the largest chunk."""

    def around(self, block: bytes | memoryview) -> bytes:
        """Return the block as chunks."""
        pieces = [bytes(block[at : at + self.most_bytes]) for at in range(0, len(block), self.most_bytes)]
        lines = [self.line if self.first_line is None else self.first_line, *[self.line] * len(pieces)]
        heads = [line.format(size=len(piece)) for line, piece in zip(lines, pieces, strict=False)]
        return b"".join(
            head.encode("latin-1") + piece + self.end for head, piece in zip(heads, pieces, strict=True)
        )


class Bystanders(NamedTuple):
    """Clients that occupy the server while the attempt is made."""

    clients: int
    does: str
    """What these clients do, for readers."""
    at_once: str = ""
    """What each of them sends when it is connected; ``{path}`` and ``{host}`` are filled in."""
    each_second: bytes = b""
    """What each of them sends from then on, every second."""
    before_seconds: float = 0.3
    """How long they are there before the attempt starts."""


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
    request_line: str = "{verb} {path}{query} HTTP/1.1"
    """``{query}`` includes its question mark; ``{host}`` is the server's name and port."""
    framing: tuple[str, ...] | None = None
    """The lines of the head that say how long the body is; ``{length}`` is its true length.

    None: Transfer-Encoding if the body is chunked, else Content-Length.
    """
    chunked: bool = False
    """Whether the body is sent in chunks, whatever ``framing`` says."""
    chunks: Chunks = Chunks()
    expect: bool = False
    """Whether to ask by Expect: 100-continue first."""
    query: str = ""
    headers: tuple[str, ...] = ()
    """Further lines of the request's head. The whole head is sent as Latin-1."""
    closes: bool = True
    """Whether the request asks by Connection: close for the end of the connection."""
    then: Then | None = None
    at: int = 0
    """After how many bytes of the body ``then`` follows; a trickle does so again after as many more."""
    in_head: bool = False
    """Whether ``then`` follows before the last line break of the head."""
    broken: bytes = b"zz\r\n"
    """What ``Then.BREAK`` sends. By default a chunk size that is no number."""
    torn: bytes = b""
    """What is sent just before ``then``: the beginning of a chunk that never ends."""
    patience_seconds: float = PATIENCE_SECONDS
    within_seconds: float | None = None
    """The time that the upload may take; None: any time."""
    crowd: Bystanders | None = None
    large: bool = False
    """Whether to make this attempt only where large ones are asked for."""
    each_route: bool = True
    """Whether to try every route that takes this kind of body. False: the first route shows as much."""
    over_tls: bool | None = None
    """Whether to make this attempt only over TLS, or only without; None: at any server."""
    must_refuse: bool = False
    may_hang_up: bool = False
    """Whether the server may close the connection in place of an answer."""
    refusals: tuple[int, ...] = ()
    """The statuses of a true refusal."""
    untrue_reasons: tuple[str, ...] = ()
    """Words in lower case that stand in no true reason for a refusal."""
    refused_in_json: bool = False
    """Whether a refusal must be JSON with an ``error``, as the lab's contract says."""
    required_headers: Mapping[int, str] = MappingProxyType({HTTPStatus.METHOD_NOT_ALLOWED: "Allow"})
    """The header that an answer of a status must have (RFC 9110, 15.5.6)."""
    after: tuple["Attempt", ...] = ()
    """Further attempts that follow over the same connection, as long as no answer ends it."""

    @property
    def body_bytes(self) -> int:
        """The length of the body, without what the chunks add."""
        return len(self.head) + self.file.wire_bytes + len(self.tail)

    @property
    def framing_lines(self) -> tuple[str, ...]:
        """The lines of the head that say how long the body is."""
        usual = ("Transfer-Encoding: chunked",) if self.chunked else ("Content-Length: {length}",)
        lines = usual if self.framing is None else self.framing
        return tuple(line.format(length=self.body_bytes) for line in lines)

    def body(self, file: Blocks) -> Blocks:
        """Yield the body as it goes on the wire, without the chunks' sizes; ``file`` is the content."""
        if self.head:
            yield self.head
        yield from file
        if self.tail:
            yield self.tail

    @property
    def is_cut(self) -> bool:
        """Whether the body is in chunks, and its client ends it before the last one."""
        return self.chunked and self.then in (Then.CLOSE, Then.RESET, Then.END) and self.at < self.body_bytes

    @property
    def shown_label(self) -> str:
        """Which of the case's attempts this is, for readers."""
        return ", ".join(filter(None, ("chunked" if self.chunked else "", self.label)))

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


def form(
    file: Content, before: bytes = b"", name: str = "upload.bin", part_headers: str = "", **more: Any
) -> Attempt:
    """Return an attempt with the file in a form, after the parts ``before``."""
    headers = f"Content-Type: {PLAIN}\r\n{part_headers}"
    given = {
        "head": before + part_head(f'name="file"; filename="{name}"', headers),
        "tail": f"\r\n--{BOUNDARY}--\r\n".encode(),
        "content_type": f"multipart/form-data; boundary={BOUNDARY}",
        **more,
    }
    return Attempt(file, form=True, **given)


def part_head(disposition: str, headers: str = "") -> bytes:
    """Return the head of a part; a byte that is no UTF-8 is given as Python decodes it by surrogateescape."""
    text = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n{headers}\r\n"
    return text.encode(errors="surrogateescape")


def field(name: str, value: bytes) -> bytes:
    """Return a whole part that is no file."""
    return part_head(f'name="{name}"') + value + b"\r\n"


def both(file: Content, **more: Any) -> Iterator[Attempt]:
    """Yield an attempt with the file as the body, and one with the file in a form."""
    yield raw(file, **more)
    yield form(file, **more)


def over_one_connection(*attempts: Attempt) -> Attempt:
    """Return the first of these attempts, which the others follow over the same connection."""
    first, *others = (attempt._replace(closes=False) for attempt in attempts)
    return first._replace(after=tuple(others))
