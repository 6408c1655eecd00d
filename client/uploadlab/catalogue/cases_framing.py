"""Cases of the check: requests that leave open where their body ends (RFC 9112, 6)."""

from collections.abc import Iterator
from typing import Any

from uploadlab.catalogue.attempts import THE_END, Attempt, Then, both, exactly, form, raw
from uploadlab.catalogue.case_values import (
    BAD_REQUEST,
    HALF,
    LENGTH_REQUIRED,
    NOT_IMPLEMENTED,
    SMALL,
    SOME,
    SOON_SECONDS,
    TOO_LARGE,
    UNPROCESSABLE,
)
from uploadlab.catalogue.registry import CaseKind, case


@case("broken-chunk", CaseKind.BAD)
def broken_chunk() -> Iterator[Attempt]:
    """A chunk whose size is not a number."""
    broken: dict[str, Any] = {"then": Then.BREAK, "at": HALF, "must_refuse": True}
    yield from both(SOME, chunked=True, **broken, refusals=(BAD_REQUEST, LENGTH_REQUIRED))


@case("two-framings", CaseKind.BAD)
def two_framings() -> Iterator[Attempt]:
    """A chunked body that also has a length; a body with a length and a header that looks like chunked."""
    may: dict[str, Any] = {"refusals": (BAD_REQUEST, LENGTH_REQUIRED)}
    yield from both(SOME, chunked=True, headers=("Content-Length: 100",), label="both", **may)
    yield from both(SOME, headers=("Transfer_Encoding: chunked",), label="Transfer_Encoding", **may)


# Each is formatted with the length of the body.
NO_LENGTHS = {
    "plus": "+{length}",
    "minus": "-1",
    "hexadecimal": "0x{length:x}",
    "underscore": "{length:_}",
    "exponent": "1e4",
    "fraction": "{length}.0",
    "quoted": '"{length}"',
    "parameter": "{length};a=b",
    "two numbers": "{length} {length}",
    "superscript": "\xb9",  # a digit to str.isdigit
    "vertical tab": "\x0b{length}",  # white space to str.strip
    "no-break space": "{length}\xa0",
    "word": "all",
}
"""Lengths that are no plain digits (RFC 9112, 6.3). Many libraries read some of them as numbers."""
BAD_LENGTH: dict[str, Any] = {
    "must_refuse": True,
    "refusals": (BAD_REQUEST,),
    "patience_seconds": SOON_SECONDS,
}


@case("bad-lengths", CaseKind.BAD)
def bad_lengths() -> Iterator[Attempt]:
    """A Content-Length that is not a plain number: signs, hex, several numbers, too many digits."""
    for label, text in NO_LENGTHS.items():
        line = f"Content-Length: {text}"
        yield from both(SMALL, each_route=label == "plus", framing=(line,), label=label, **BAD_LENGTH)
    missing = BAD_LENGTH | {"refusals": (BAD_REQUEST, LENGTH_REQUIRED)}
    yield from both(SMALL, framing=("Content-Length:",), label="empty", **missing)
    spaced = ("Content-Length : {length}",)
    yield from both(SMALL, each_route=False, framing=spaced, label="space before the colon", **BAD_LENGTH)
    # The sender ends its side: a server that takes the number for a length would wait for the rest.
    endless = BAD_LENGTH | {"refusals": (BAD_REQUEST, TOO_LARGE)}
    for digits in (20, 40, 400):
        line = f"Content-Length: {'9' * digits}"
        yield raw(
            SMALL, framing=(line,), then=Then.END, at=THE_END, label=f"{digits} digits", each_route=False,
            **endless,
        )  # fmt: skip


@case("repeated-lengths", CaseKind.BAD)
def repeated_lengths() -> Iterator[Attempt]:
    """Two headers Content-Length, equal or different; also Content_Length beside it."""
    right, other = "Content-Length: {length}", "Content-Length: 5"
    for label, lines in {
        "two lines": (right, other),
        "two lines, the wrong first": (other, right),
        "list": ("Content-Length: {length}, 5",),
        "list, the wrong first": ("Content-Length: 5, {length}",),
        "list with nothing first": ("Content-Length: ,{length}",),
    }.items():
        yield from both(SMALL, each_route=label == "two lines", framing=lines, label=label, **BAD_LENGTH)
    same = BAD_LENGTH | {"must_refuse": False}  # RFC 9110, 8.6: refuse it, or take it for the one number
    for label, lines in {
        "two equal lines": (right, right),
        "equal list": ("Content-Length: {length}, {length}",),
        "Content_Length after": (right, "Content_Length: 5"),
        "Content_Length before": ("Content_Length: 5", right),
    }.items():
        yield from both(SMALL, each_route=label == "Content_Length after", framing=lines, label=label, **same)


@case("unusual-lengths", CaseKind.BAD)
def unusual_lengths() -> Iterator[Attempt]:
    """A right Content-Length in unusual notation: tabs, leading zeros, a folded line, no space."""
    may: dict[str, Any] = {"refusals": (BAD_REQUEST,), "patience_seconds": SOON_SECONDS}
    for label, lines in {
        "tabs": ("Content-Length:\t{length}\t",),
        "no space": ("Content-Length:{length}",),
        "spaces": ("Content-Length:    {length}   ",),
        "upper case": ("CONTENT-LENGTH: {length}",),
        "leading zeros": ("Content-Length: 000{length}",),
        "100 leading zeros": (f"Content-Length: {'0' * 100}{{length}}",),
        "folded line": ("Content-Length:\r\n {length}",),  # RFC 9112, 5.2: refuse it, or take it for a space
    }.items():
        yield from both(SMALL, each_route=False, framing=lines, label=label, **may)


NO_CODINGS: dict[str, tuple[str, ...]] = {
    "gzip": ("gzip",),
    "x": ("x",),
    "identity": ("identity",),
    "empty": ("",),
}
"""Transfer-Encodings of a body that is not in chunks."""
NOT_CHUNKED: dict[str, tuple[str, ...]] = {
    "gzip, chunked": ("gzip, chunked",),
    "gzip and chunked": ("gzip", "chunked"),
    "chunked, gzip": ("chunked, gzip",),
    "chunked and gzip": ("chunked", "gzip"),
    "chunked, identity": ("chunked, identity",),
    "chunked, chunked": ("chunked, chunked",),
    "chunked twice": ("chunked", "chunked"),
    "xchunked": ("xchunked",),
    "chunkedx": ("chunkedx",),
    "parameter": ("chunked;q=1",),
    "quoted": ('"chunked"',),
    "two words": ("x chunked",),
    "vertical tab": ("\x0bchunked",),
    "no-break space": ("chunked\xa0",),
}
"""Transfer-Encodings that are not exactly chunked, of a body in chunks; a tuple is several lines."""
CODED_REFUSALS = (BAD_REQUEST, LENGTH_REQUIRED, UNPROCESSABLE, NOT_IMPLEMENTED)


@case("transfer-codings", CaseKind.BAD)
def transfer_codings() -> Iterator[Attempt]:
    """A Transfer-Encoding other than chunked: gzip, unknown names, lists, parameters, empty."""
    bad = BAD_LENGTH | {"refusals": CODED_REFUSALS}
    for label, codings in NO_CODINGS.items():
        lines = tuple(f"Transfer-Encoding: {coding}" for coding in codings)
        yield from both(SMALL, each_route=label == "gzip", framing=lines, label=label, **bad)
        sized = (*lines, "Content-Length: {length}")
        yield from both(
            SMALL, each_route=label == "gzip", framing=sized, label=f"{label}, with a length", **bad
        )
    for label, codings in NOT_CHUNKED.items():
        lines = tuple(f"Transfer-Encoding: {coding}" for coding in codings)
        yield from both(
            SMALL, each_route=label == "gzip, chunked", chunked=True, framing=lines, label=label, **bad
        )
    spaced = ("Transfer-Encoding : chunked",)
    yield from both(
        SMALL, each_route=False, chunked=True, framing=spaced, label="space before the colon", **bad
    )


@case("unusual-codings", CaseKind.BAD)
def unusual_codings() -> Iterator[Attempt]:
    """Transfer-Encoding: chunked in unusual notation: tabs, upper case, empty items, a folded line."""
    may: dict[str, Any] = {"refusals": CODED_REFUSALS, "patience_seconds": SOON_SECONDS}
    for label, lines in {
        "tabs": ("Transfer-Encoding:\tchunked\t",),
        "no space": ("Transfer-Encoding:chunked",),
        "upper case": ("TRANSFER-ENCODING: CHUNKED",),
        "empty items": ("Transfer-Encoding: ,chunked,",),
        "folded line": ("Transfer-Encoding:\r\n chunked",),
        "Transfer_Encoding after": ("Transfer-Encoding: chunked", "Transfer_Encoding: x"),
        "Transfer_Encoding before": ("Transfer_Encoding: x", "Transfer-Encoding: chunked"),
    }.items():
        yield from both(SMALL, each_route=False, chunked=True, framing=lines, label=label, **may)


@case("no-length", CaseKind.BAD)
def no_length() -> Iterator[Attempt]:
    """No length and no chunks, by PUT and POST, with and without bytes after the head."""
    bad: dict[str, Any] = {
        "framing": (),
        "must_refuse": True,
        "refusals": (LENGTH_REQUIRED,),
        "patience_seconds": SOON_SECONDS,
    }
    for verb in ("PUT", "POST"):
        yield raw(exactly(b""), verb=verb, label=f"{verb}, nothing sent", **bad)
        yield raw(SMALL, verb=verb, label=verb, **bad)
    yield form(SMALL, label="form", **bad)


@case("http-1.0", CaseKind.BAD)
def http_1_0() -> Iterator[Attempt]:
    """HTTP/1.0 with a length, and with chunks, which this version does not have (RFC 9112, 6.1)."""
    old = "{verb} {path}{query} HTTP/1.0"
    yield from both(SMALL, request_line=old)
    bad = BAD_LENGTH | {"refusals": (BAD_REQUEST, LENGTH_REQUIRED)}
    yield from both(SMALL, request_line=old, chunked=True, **bad)
    with_length = ("Transfer-Encoding: chunked", "Content-Length: {length}")
    yield raw(SMALL, request_line=old, chunked=True, framing=with_length, label="and a length", **bad)


@case("content-range", CaseKind.BAD, contract=True)
def content_range() -> Iterator[Attempt]:
    """A PUT of a part of the file, with Content-Range, as `curl -C OFFSET` sends it."""
    last = SMALL.size_bytes - 1
    bad: dict[str, Any] = {"must_refuse": True, "refusals": (BAD_REQUEST, NOT_IMPLEMENTED)}
    for label, value in {
        "the end": f"bytes 500-{500 + last}/{501 + last}",
        "the beginning": f"bytes 0-{last}/{last + 500}",
        "of unknown length": f"bytes 500-{500 + last}/*",
        "of another unit": "lines 5-9/10",
        "malformed": "bytes 500-",
    }.items():
        yield raw(
            SMALL, headers=(f"Content-Range: {value}",), label=label, each_route=label == "the end", **bad
        )
    in_chunks = bad | {"refusals": (BAD_REQUEST, NOT_IMPLEMENTED, LENGTH_REQUIRED)}
    range_line = f"Content-Range: bytes 500-{500 + last}/*"
    yield raw(SMALL, chunked=True, headers=(range_line,), label="the end", **in_chunks)
    whole = f"Content-Range: bytes 0-{last}/{last + 1}"
    yield raw(SMALL, headers=(whole,), label="all of it", refusals=(BAD_REQUEST, NOT_IMPLEMENTED))
