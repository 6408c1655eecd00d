"""Cases of the check: good uploads, by what their bodies are like."""

from collections.abc import Iterator

from uploadlab.catalogue.attempts import BOUNDARY, Attempt, both, exactly, field, form, noise, raw
from uploadlab.catalogue.case_values import (
    BAD_REQUEST,
    EXPECTATION_FAILED,
    HALF,
    LENGTH_REQUIRED,
    LESS,
    SMALL,
    SOME,
    TOO_LARGE,
)
from uploadlab.catalogue.registry import CaseKind, case
from uploadlab.units import GIB, MIB

READ_BYTES = 1 << 16
"""What Werkzeug's form parser, like many others, reads at a time."""


@case("content-length", CaseKind.GOOD)
def content_length() -> Iterator[Attempt]:
    """A body with Content-Length."""
    yield from both(SOME)
    yield raw(LESS, label="100 kB")
    yield from both(noise(3 * MIB + 1), label="3 MiB")


@case("chunked", CaseKind.GOOD)
def chunked() -> Iterator[Attempt]:
    """A chunked body, without a length."""
    for file, label in ((SMALL, "small"), (SOME, "")):
        yield from both(file, chunked=True, label=label, refusals=(LENGTH_REQUIRED,))


@case("post", CaseKind.GOOD, contract=True)
def post() -> Iterator[Attempt]:
    """POST instead of PUT."""
    yield raw(SOME, verb="POST")


@case("empty-file", CaseKind.GOOD)
def empty_file() -> Iterator[Attempt]:
    """An empty file."""
    yield from both(exactly(b""))


@case("one-byte", CaseKind.GOOD)
def one_byte() -> Iterator[Attempt]:
    """A file of one byte."""
    yield from both(exactly(b"\n"))


@case("no-newline", CaseKind.GOOD)
def no_newline() -> Iterator[Attempt]:
    """A file that is one long line."""
    yield from both(exactly(b"x" * 150_001))


@case("all-crlf", CaseKind.GOOD)
def all_crlf() -> Iterator[Attempt]:
    """A file of CR LF only."""
    yield from both(exactly(b"\r\n" * 75_001))


@case("all-cr", CaseKind.GOOD)
def all_cr() -> Iterator[Attempt]:
    """A file of CR only: each CR may begin a boundary."""
    yield from both(exactly(b"\r" * 150_001))


@case("boundary-alike", CaseKind.GOOD)
def boundary_alike() -> Iterator[Attempt]:
    """A file with parts of the form's boundary, and with the whole boundary where no part may begin."""
    alike = f"\r\n--{BOUNDARY[:-1]}".encode()
    yield form(exactly((alike + b"ab") * 20_000))
    yield form(exactly((alike + b"\r\n") * 20_000 + b"\r"), label="with line breaks")
    for name, line_break in (("LF", b"\n"), ("CR", b"\r")):
        whole = line_break + f"--{BOUNDARY}--".encode()
        yield form(
            exactly(b"x" * HALF + whole + b"y" * HALF),
            label=f"whole, after {name}",
            refusals=(BAD_REQUEST,),
        )


@case("torn-boundary", CaseKind.GOOD)
def torn_boundary() -> Iterator[Attempt]:
    """A form whose delimiter is split between two 64 KiB reads of the parser, at each byte."""
    last = form(exactly(b""))
    for at in range(1, len(last.tail)):
        size_bytes = 2 * READ_BYTES - len(last.head) - at
        yield form(noise(size_bytes), label=f"last one, byte {at}")
    dashes = len(last.tail) - 3  # Werkzeug's own reads also end here, where `direct` hands on larger pieces
    yield form(noise(5 * READ_BYTES - len(last.head) - dashes), label="last one, after 320 KiB")
    for at in range(1, 7):
        before = READ_BYTES - (len(last.head) - at) - len(field("padding", b""))
        yield form(SOME, before=field("padding", b"x" * before), label=f"a head, {at} bytes before its end")


def just_over(size_bytes: int) -> Iterator[Attempt]:
    """Yield a file of a byte more, for one route: a limit is the server's, not the route's."""
    yield raw(noise(size_bytes + 1), each_route=False, refusals=(TOO_LARGE,))


@case("over-128-mib", CaseKind.GOOD)
def over_128_mib() -> Iterator[Attempt]:
    """A file of 128 MiB and a byte."""
    yield from just_over(128 * MIB)


@case("over-100-mib", CaseKind.GOOD, shown_by="over-128-mib")
def over_100_mib() -> Iterator[Attempt]:
    """A file of 100 MiB and a byte: sent only if 128 MiB are not stored."""
    yield from just_over(100 * MIB)


@case("over-16-mib", CaseKind.GOOD, shown_by="over-128-mib")
def over_16_mib() -> Iterator[Attempt]:
    """A file of 16 MiB and a byte: sent only if 128 MiB are not stored."""
    yield from just_over(16 * MIB)


@case("over-1-gib", CaseKind.GOOD, large=True)
def over_1_gib() -> Iterator[Attempt]:
    """A file of 1 GiB and a byte."""
    yield from just_over(GIB)


@case("over-2-gib", CaseKind.GOOD, large=True)
def over_2_gib() -> Iterator[Attempt]:
    """A file of 2 GiB and a byte: its length does not fit into 31 bits."""
    yield from both(noise(2 * GIB + 1))
    yield raw(noise(2 * GIB + 1), chunked=True, refusals=(LENGTH_REQUIRED,))


@case("expect-100", CaseKind.GOOD)
def expect_100() -> Iterator[Attempt]:
    """Expect: 100-continue: like curl, the client waits a second, then sends."""
    yield from both(SOME, expect=True, refusals=(EXPECTATION_FAILED,))
