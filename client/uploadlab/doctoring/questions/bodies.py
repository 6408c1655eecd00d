"""Bodies without a length, empty ones, and those that a client asks about first."""

from uploadlab.catalogue.attempts import exactly
from uploadlab.doctoring.examination import Examiner
from uploadlab.doctoring.registry import question
from uploadlab.units import KIB

CHUNKED_BYTES = 200_001
"""Over the sizes that servers hold in a first buffer, below the limits of size."""


@question("chunked bodies: kept, refused or lost", requests=4, size_bytes=4 * CHUNKED_BYTES)
def ask_chunked(examiner: Examiner) -> None:
    """Upload without a length, at the endpoint and at the far end."""
    for place in examiner.both:
        examiner.send(place.upload(CHUNKED_BYTES), "with a length")
        examiner.send(place.upload(CHUNKED_BYTES, chunked=True), "chunked")


@question("empty bodies", requests=4, size_bytes=0)
def ask_empty(examiner: Examiner) -> None:
    """Upload an empty file: with a length of 0 and, where it is no form, without any header of a body."""
    for place in examiner.both:
        examiner.send(place.upload(exactly(b"")), "an empty file")
        if not place.as_form:
            examiner.send(place.upload(exactly(b""), framing=()), "an empty file, no header of a body")


@question("Expect: 100-continue", requests=1, size_bytes=64 * KIB)
def ask_expect(examiner: Examiner) -> None:
    """Ask first, and see whether a 100 comes."""
    examiner.send(examiner.best.upload(64 * KIB, expect=True), "asks first")


@question("bodies that end too early: refused, or kept as whole", requests=4, size_bytes=4 * CHUNKED_BYTES)
def ask_cut(examiner: Examiner) -> None:
    """Send half of a body, then close this direction of the connection."""
    for place in examiner.both:
        for words, chunks in (("chunked, cut", True), ("cut", False)):
            upload = place.upload(CHUNKED_BYTES, chunked=chunks)
            half = CHUNKED_BYTES // 2
            examiner.send(upload, words, stops_at=half, half_closes=True, patience_seconds=5.0)
