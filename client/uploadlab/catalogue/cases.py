"""The cases of the check, rows of its grid: one decorated function each.

Its decorator names the case and its kind, its docstring describes it, and the attempts that it yields go to
every route that takes their kind of body. Command line, grid and tests are derived from this registry.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from uploadlab.catalogue.attempts import (
    BOUNDARY,
    Attempt,
    Then,
    both,
    exactly,
    field,
    form,
    noise,
    part_head,
    raw,
)
from uploadlab.units import GIB, MIB

SOME = noise(600_001)
"""More than one block of any reader, and more than Werkzeug keeps in memory."""
SMALL = noise(10_001)
"""Small enough to be sent before the answer comes. A server that closes with data unread resets the
connection, and a client that still sends then never reads the answer."""
HALF = 300_000
READ_BYTES = 1 << 16
"""What Werkzeug's form parser, like many others, reads at a time."""
BAD_REQUEST, TIMEOUT, LENGTH_REQUIRED, TOO_LARGE, EXPECTATION_FAILED = 400, 408, 411, 413, 417


class Kind(StrEnum):
    """What a case tests."""

    GOOD = "good uploads"
    FAULT = "faults"
    BAD = "bad input"


class Case(NamedTuple):
    """A row of the grid."""

    name: str
    kind: Kind
    large: bool
    """Sends gigabytes: to one target at a time, and only on request."""
    slow: bool
    """Takes half a minute or more: only on request."""
    description: str
    attempts: Callable[[], Iterator[Attempt]]

    @property
    def usual(self) -> bool:
        """Whether a check tries it by default."""
        return not (self.large or self.slow)


CASES: dict[str, Case] = {}


Attempts = Callable[[], Iterator[Attempt]]


def case(name: str, kind: Kind, large: bool = False, slow: bool = False) -> Callable[[Attempts], Attempts]:
    """Register a case."""

    def register(attempts: Attempts) -> Attempts:
        CASES[name] = Case(name, kind, large, slow, (attempts.__doc__ or "").strip(), attempts)
        return attempts

    return register


@case("content-length", Kind.GOOD)
def content_length() -> Iterator[Attempt]:
    """A body with its length."""
    yield from both(SOME)
    yield from both(noise(3 * MIB + 1), label="3 MiB")


@case("chunked", Kind.GOOD)
def chunked() -> Iterator[Attempt]:
    """A body in chunks, its length unknown."""
    for file, label in ((SMALL, "small"), (SOME, "")):
        yield from both(file, chunked=True, label=label, refusals=(LENGTH_REQUIRED,))


@case("post", Kind.GOOD)
def post() -> Iterator[Attempt]:
    """POST in place of PUT."""
    yield raw(SOME, verb="POST")


@case("empty-file", Kind.GOOD)
def empty_file() -> Iterator[Attempt]:
    """An empty file."""
    yield from both(exactly(b""))


@case("one-byte", Kind.GOOD)
def one_byte() -> Iterator[Attempt]:
    """A file of one byte."""
    yield from both(exactly(b"\n"))


@case("no-newline", Kind.GOOD)
def no_newline() -> Iterator[Attempt]:
    """One long line."""
    yield from both(exactly(b"x" * 600_001))


@case("all-crlf", Kind.GOOD)
def all_crlf() -> Iterator[Attempt]:
    """Nothing but CR LF."""
    yield from both(exactly(b"\r\n" * 300_001))


@case("all-cr", Kind.GOOD)
def all_cr() -> Iterator[Attempt]:
    """Nothing but CR: each may begin a boundary."""
    yield from both(exactly(b"\r" * 600_001))


@case("boundary-alike", Kind.GOOD)
def boundary_alike() -> Iterator[Attempt]:
    """A boundary without its last letter, every few bytes; and a whole boundary where none may begin."""
    alike = f"\r\n--{BOUNDARY[:-1]}".encode()
    yield form(exactly((alike + b"ab") * 20_000))
    yield form(exactly((alike + b"\r\n") * 20_000 + b"\r"), label="with line breaks")
    for name, line_break in (("LF", b"\n"), ("CR", b"\r")):
        whole = line_break + f"--{BOUNDARY}--".encode()
        yield form(
            exactly(b"x" * HALF + whole + b"y" * HALF), label=f"whole, after {name}", refusals=(BAD_REQUEST,)
        )


@case("torn-boundary", Kind.GOOD)
def torn_boundary() -> Iterator[Attempt]:
    """A form whose delimiter lies across the end of a parser's 64 KiB read, at each of its bytes."""
    last = form(exactly(b""))
    for at in range(1, len(last.tail)):
        size_bytes = 2 * READ_BYTES - len(last.head) - at
        yield form(noise(size_bytes), label=f"last one, byte {at}")
    dashes = len(last.tail) - 3  # Werkzeug's own reads also end here, where `direct` hands on larger pieces
    yield form(noise(5 * READ_BYTES - len(last.head) - dashes), label="last one, after 320 KiB")
    for at in range(1, 7):
        before = READ_BYTES - (len(last.head) - at) - len(field("padding", b""))
        yield form(SOME, before=field("padding", b"x" * before), label=f"a head, {at} bytes before its end")


@case("over-2-gib", Kind.GOOD, large=True)
def over_2_gib() -> Iterator[Attempt]:
    """More bytes than fit into 31 bits."""
    yield from both(noise(2 * GIB + 1))
    yield raw(noise(2 * GIB + 1), chunked=True, refusals=(LENGTH_REQUIRED,))


@case("expect-100", Kind.GOOD)
def expect_100() -> Iterator[Attempt]:
    """Expect: 100-continue; like curl, it waits a second, then sends."""
    yield from both(SOME, expect=True, refusals=(EXPECTATION_FAILED,))


@case("stall", Kind.FAULT)
def stall() -> Iterator[Attempt]:
    """A pause of 5 s in mid-body."""
    pause: dict[str, Any] = {"then": Then.PAUSE, "at": HALF, "refusals": (TIMEOUT,)}
    yield from both(SOME, **pause)
    yield raw(SOME, chunked=True, **pause | {"refusals": (TIMEOUT, LENGTH_REQUIRED)})


@case("slow-upload", Kind.FAULT, slow=True)
def slow_upload() -> Iterator[Attempt]:
    """A body that takes 35 s to arrive, with pauses of 1 s."""
    yield raw(SOME, then=Then.TRICKLE, at=SOME.size_bytes // 35, refusals=(TIMEOUT,))


@case("early-refusal", Kind.FAULT)
def early_refusal() -> Iterator[Attempt]:
    """A body over the limit, sent to its end although the server may refuse it before."""
    over: dict[str, Any] = {"query": "limit=100000", "must_refuse": True, "refusals": (TOO_LARGE,)}
    yield from both(noise(16 * MIB), **over)
    yield raw(noise(16 * MIB), chunked=True, **over | {"refusals": (TOO_LARGE, LENGTH_REQUIRED)})


@case("client-gone", Kind.FAULT)
def client_gone() -> Iterator[Attempt]:
    """A client that closes or breaks the connection in mid-body."""
    for then in (Then.CLOSE, Then.RESET):
        cut: dict[str, Any] = {"then": then, "at": HALF, "label": then, "must_refuse": True}
        yield from both(SOME, **cut)
        yield raw(SOME, chunked=True, **cut)


@case("short-body", Kind.FAULT)
def short_body() -> Iterator[Attempt]:
    """Content-Length longer than the body, whose sender waits for an answer."""
    yield from both(SOME, then=Then.END, at=HALF, must_refuse=True, refusals=(BAD_REQUEST, TIMEOUT))


@case("broken-chunk", Kind.BAD)
def broken_chunk() -> Iterator[Attempt]:
    """A chunk whose size is no number."""
    broken: dict[str, Any] = {"then": Then.BREAK, "at": HALF, "must_refuse": True}
    yield from both(SOME, chunked=True, **broken, refusals=(BAD_REQUEST, LENGTH_REQUIRED))


@case("two-framings", Kind.BAD)
def two_framings() -> Iterator[Attempt]:
    """A body in chunks that also has a length, and one with a length whose header looks like chunks."""
    may: dict[str, Any] = {"refusals": (BAD_REQUEST, LENGTH_REQUIRED)}
    yield from both(SOME, chunked=True, headers=("Content-Length: 100",), label="both", **may)
    yield from both(SOME, headers=("Transfer_Encoding: chunked",), label="Transfer_Encoding", **may)


@case("large-field", Kind.BAD)
def large_field() -> Iterator[Attempt]:
    """A form field of 600 KB before the file."""
    yield form(SOME, before=field("note", b"x" * 600_000), refusals=(TOO_LARGE,))


@case("many-parts", Kind.BAD)
def many_parts() -> Iterator[Attempt]:
    """2,000 parts before the file."""
    yield form(SOME, before=field("note", b"x") * 2000, refusals=(TOO_LARGE,))


FILE_NAMES = {
    "../": "../../../../tmp/evil",
    "absolute": "/etc/evil",
    "backslash": "..\\..\\evil",
    "NUL": "evil\0.bin",
    "4,000 characters": "x" * 4000,
    "right to left": "\u202egnp.live\u202c",
    "empty": "",
}


@case("file-names", Kind.BAD)
def file_names() -> Iterator[Attempt]:
    """File names made to end up in another folder."""
    for label, name in FILE_NAMES.items():
        yield form(SOME, name=name, label=label, refusals=(BAD_REQUEST,))


@case("no-file", Kind.BAD)
def no_file() -> Iterator[Attempt]:
    """A form without the file part."""
    bad: dict[str, Any] = {"must_refuse": True, "refusals": (BAD_REQUEST,)}
    yield form(SOME, head=part_head('name="other"; filename="a"'), label="another file", **bad)
    yield form(exactly(b"text"), head=part_head('name="file"'), label="a field of that name", **bad)
    yield form(exactly(b""), head=b"", tail=f"--{BOUNDARY}--\r\n".encode(), label="no part", **bad)


@case("broken-form", Kind.BAD)
def broken_form() -> Iterator[Attempt]:
    """A boundary that is missing, or differs from the announced one."""
    bad: dict[str, Any] = {"must_refuse": True, "refusals": (BAD_REQUEST,)}
    # Werkzeug keeps what is no part yet in memory, up to the limit of a field.
    endless = bad | {"refusals": (BAD_REQUEST, TOO_LARGE)}
    kind = "multipart/form-data"
    yield form(SOME, content_type=kind, label="none announced", **bad)
    yield form(SOME, content_type=f"{kind}; boundary=another", label="another", **endless)
    yield form(SOME, tail=b"", label="none at the end", **bad)
    yield form(SOME, tail=b"\r\n", label="torn at the end", **bad)
    yield form(SOME, head=b"\r\n", label="no part's head", **endless)
