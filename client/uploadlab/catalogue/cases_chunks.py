"""Cases of the check: bodies in chunks, well-formed and malformed (RFC 9112, 7.1)."""

from collections.abc import Iterator
from typing import Any

from uploadlab.catalogue.attempts import THE_END, Attempt, Chunks, Then, both, noise, raw
from uploadlab.catalogue.case_values import BAD_REQUEST, LENGTH_REQUIRED, SMALL, SOME, SOON_SECONDS
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


@case("chunk-forms", CaseKind.GOOD)
def chunk_forms() -> Iterator[Attempt]:
    """Well-formed chunks at three sizes: extensions, trailers, upper case, leading zeros, one byte each."""
    may: dict[str, Any] = {"chunked": True, "refusals": (LENGTH_REQUIRED,)}
    for label, chunks in WELL_FORMED.items():
        for file, size in ((SMALL, "10 KB"), (SOME, "600 KB"), (noise(3 * MIB + 1), "3 MiB")):
            yield raw(file, chunks=chunks, label=f"{label}, {size}", **may)
    for size_bytes in (1, 1000, SMALL.size_bytes):
        chunks = Chunks(most_bytes=1)
        yield from both(noise(size_bytes), chunks=chunks, label=f"chunks of one byte, {size_bytes}", **may)


BAD_SIZES = {
    "0x": b"0xa\r\n0123456789\r\n",
    "letters": b"xyz\r\n0123456789\r\n",
    "letter after the digits": b"ag\r\n0123456789\r\n",
    "minus": b"-a\r\n0123456789\r\n",
    "plus": b"+a\r\n0123456789\r\n",
    "underscore": b"0_a\r\n0123456789\r\n",
    "empty": b"\r\n0123456789\r\n",
    "space": b" \r\n0123456789\r\n",
    "space before": b" a\r\n0123456789\r\n",
    "space inside": b"0 a\r\n0123456789\r\n",
    "extension alone": b";name=value\r\n0123456789\r\n",
    "quoted": b'"a"\r\n0123456789\r\n',
    "superscript": b"\xb9\r\n0\r\n",
    "over 64 bits": b"1000000000000000a\r\n0123456789\r\n",  # wraps to ten
    "NUL": b"a\0\r\n0123456789\r\n",
}
"""Chunks whose size is no hexadecimal number, or too large for any counter."""
PLACES = {"first": 0, "in mid-body": 5000}
BAD_CHUNKS: dict[str, Any] = {
    "chunked": True,
    "must_refuse": True,
    "refusals": (BAD_REQUEST, LENGTH_REQUIRED),
    "patience_seconds": SOON_SECONDS,
}


@case("chunk-sizes", CaseKind.BAD)
def chunk_sizes() -> Iterator[Attempt]:
    """A chunk whose size is no number, alone or after good chunks: 0xa, signs, spaces, nothing, overflows."""
    for label, broken in BAD_SIZES.items():
        for place, at in PLACES.items():
            yield raw(SMALL, then=Then.BREAK, at=at, broken=broken, label=f"{label}, {place}", **BAD_CHUNKS)


BAD_ENDS = {
    "one byte short": b"b\r\n0123456789\r\n",
    "one byte long": b"9\r\n0123456789\r\n",
    "no line break after the data": b"a\r\n0123456789",
    "LF after the size": b"a\n0123456789\r\n",
    "LF after the data": b"a\r\n0123456789\n",
    "LF only": b"a\n0123456789\n",
    "CR after the size": b"a\r0123456789\r\n",
    "other bytes after the data": b"a\r\n0123456789XY",
}
"""Chunks whose data or line ends elsewhere than its size says."""


@case("chunk-ends", CaseKind.BAD)
def chunk_ends() -> Iterator[Attempt]:
    """A chunk that ends elsewhere than its size says, by a byte; bare LF; a body without its last chunk."""
    for label, broken in BAD_ENDS.items():
        for place, at in PLACES.items():
            yield raw(SMALL, then=Then.BREAK, at=at, broken=broken, label=f"{label}, {place}", **BAD_CHUNKS)
    no_last = Chunks(last=b"")
    yield raw(SMALL, chunks=no_last, then=Then.END, at=THE_END, label="no last chunk", **BAD_CHUNKS)
    # The last chunk has come, so the body is complete (RFC 9112, 8): both a success and a refusal are right.
    may = BAD_CHUNKS | {"must_refuse": False}
    cut = Chunks(last=b"0\r\n")
    yield raw(SMALL, chunks=cut, then=Then.END, at=THE_END, label="no line break at the end", **may)
