"""Cases of the check: bodies in chunks, well-formed and malformed (RFC 9112, 7.1)."""

from collections.abc import Iterator
from typing import Any

from uploadlab.catalogue.attempts import THE_END, Attempt, Chunks, Then, both, form, noise, raw
from uploadlab.catalogue.case_values import (
    BAD_REQUEST,
    LENGTH_REQUIRED,
    SMALL,
    SOME,
    SOON_SECONDS,
    TOO_LARGE,
)
from uploadlab.catalogue.registry import CaseKind, case
from uploadlab.units import MIB

WELL_FORMED = {
    "extension": Chunks("{size:x};name=value\r\n"),
    "extension without a value": Chunks("{size:x};name\r\n"),
    "quoted extension": Chunks('{size:x};name="a;b, \\" c"\r\n'),
    "spaced extension": Chunks("{size:x} ; name = value\r\n"),
    "trailer": Chunks(last=b"0\r\nX-Checksum: 1\r\n\r\n"),
    "two trailers": Chunks(last=b"0\r\nX-First: 1\r\nX-Second: 2\r\n\r\n"),
    "upper case": Chunks("{size:X}\r\n", most_bytes=0xFACE),
    "leading zeros": Chunks("000{size:x}\r\n", last=b"0000\r\n\r\n"),
    "chunks of 1,000 bytes": Chunks(most_bytes=1000),
}


SIZES = {"10 KB": SMALL, "600 KB": SOME, "3 MiB": noise(3 * MIB + 1)}


@case("chunk-forms", CaseKind.GOOD)
def chunk_forms() -> Iterator[Attempt]:
    """Well-formed chunks at three sizes: extensions, trailers, upper case, leading zeros, one byte each."""
    may: dict[str, Any] = {"chunked": True, "refusals": (LENGTH_REQUIRED,)}
    for label, chunks in WELL_FORMED.items():
        for size, file in SIZES.items():
            yield raw(file, chunks=chunks, label=f"{label}, {size}", each_route=file is SMALL, **may)
        yield form(SMALL, chunks=chunks, label=label, each_route=False, **may)
    # A trailer must not be merged into the head; a server may also refuse one that has no place there.
    chunks = Chunks(last=b"0\r\nContent-Length: 5\r\n\r\n")
    refuses = may | {"refusals": (LENGTH_REQUIRED, BAD_REQUEST), "each_route": False}
    yield raw(SMALL, chunks=chunks, label="trailer that names a length", **refuses)
    for size_bytes in (1, 1000, SMALL.size_bytes):
        chunks = Chunks(most_bytes=1)
        yield from both(noise(size_bytes), chunks=chunks, label=f"chunks of one byte, {size_bytes}", **may)


BAD_LINES = {
    "0x": "0x{size:x}\r\n",
    "letters": "xyz\r\n",
    "letter after the digits": "{size:x}g\r\n",
    "minus": "-{size:x}\r\n",
    "plus": "+{size:x}\r\n",
    "underscore": "0_{size:x}\r\n",
    "empty": "\r\n",
    "space": " \r\n",
    "space before": " {size:x}\r\n",
    "space inside": "0 {size:x}\r\n",
    "extension alone": ";name=value\r\n",
    "quoted": '"{size:x}"\r\n',
    "superscript": "\xb9\r\n",
    "NUL": "{size:x}\0\r\n",
    "LF": "{size:x}\n",
    "CR": "{size:x}\r",
}
"""What stands before a chunk in place of its size and CR LF."""
BAD_CHUNKS: dict[str, Any] = {
    "chunked": True,
    "must_refuse": True,
    "refusals": (BAD_REQUEST, LENGTH_REQUIRED),
    "patience_seconds": SOON_SECONDS,
}
ON_ITS_OWN = {"then": Then.END, "at": THE_END}
"""The sender ends its side, because a server may rightly wait for more."""


@case("chunk-sizes", CaseKind.BAD)
def chunk_sizes() -> Iterator[Attempt]:
    """Chunks whose size is malformed, alone or after a good chunk: 0xa, signs, spaces, nothing, bare LF."""
    good = Chunks().line
    for label, line in BAD_LINES.items():
        every, others = Chunks(line), Chunks(line, first_line=good, most_bytes=5000)
        yield raw(SMALL, chunks=every, label=f"{label}, all", each_route=label == "0x", **BAD_CHUNKS)
        yield raw(SMALL, chunks=others, label=f"{label}, after a good one", each_route=False, **BAD_CHUNKS)
    # The size as a number of 68 bits, which a counter of 64 takes for the true size.
    wraps = Chunks("1{size:016x}\r\n")
    refuses = BAD_CHUNKS | {"refusals": (BAD_REQUEST, LENGTH_REQUIRED, TOO_LARGE)}
    yield raw(SMALL, chunks=wraps, label="over 64 bits", each_route=False, **refuses, **ON_ITS_OWN)


BAD_ENDS = {
    "one byte short": b"b\r\n0123456789\r\n",
    "one byte long": b"9\r\n0123456789\r\n",
    "no line break after the data": b"a\r\n0123456789",
    "other bytes after the data": b"a\r\n0123456789XY",
}
"""Chunks that end elsewhere than their size says."""


@case("chunk-ends", CaseKind.BAD)
def chunk_ends() -> Iterator[Attempt]:
    """A chunk that is one byte longer or shorter than its size; a body without its last chunk."""
    for label, broken in BAD_ENDS.items():
        for place, at in {"first": 0, "in mid-body": 5000}.items():
            every = label == "one byte short"
            yield raw(
                SMALL, then=Then.BREAK, at=at, broken=broken, label=f"{label}, {place}", each_route=every,
                **BAD_CHUNKS,
            )  # fmt: skip
    for label, end in {"LF after the data": b"\n", "CR after the data": b"\r"}.items():
        yield raw(SMALL, chunks=Chunks(end=end, most_bytes=5000), label=label, each_route=False, **BAD_CHUNKS)
    yield raw(SMALL, chunks=Chunks(last=b""), label="no last chunk", **BAD_CHUNKS, **ON_ITS_OWN)
    # The last chunk has come, so the body is complete (RFC 9112, 8): both a success and a refusal are right.
    may = BAD_CHUNKS | ON_ITS_OWN | {"must_refuse": False}
    yield raw(SMALL, chunks=Chunks(last=b"0\r\n"), label="no line break at the end", **may)
