"""Cases of the check: request lines and headers that are long, malformed or not supported."""

import gzip
from collections.abc import Iterator
from typing import Any

from uploadlab.catalogue.attempts import Attempt, both, exactly, form, raw
from uploadlab.catalogue.case_values import (
    BAD_REQUEST,
    HEADERS_TOO_LARGE,
    LENGTH_REQUIRED,
    NO_METHOD,
    NO_SUCH_CODING,
    NO_VERSION,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    SMALL,
    SOON_SECONDS,
    URL_TOO_LONG,
)
from uploadlab.catalogue.registry import CaseKind, case

KB = 1000
CODINGS_TAKEN = {NO_SUCH_CODING: "Accept-Encoding", NO_METHOD: "Allow"}
"""What a refusal should have in its head (RFC 9110, 15.5.16 and 15.5.6)."""


@case("long-heads", CaseKind.GOOD)
def long_heads() -> Iterator[Attempt]:
    """Heads as large as browsers send them: cookies of 5, 16 and 30 KB, 120 headers, a URL of 7 KB."""
    for size in (5, 16, 30):
        cookie = f"Cookie: session={'x' * (size * KB - 20)}"
        yield from both(SMALL, headers=(cookie,), each_route=False, label=f"{size} KB of cookie")
    many = tuple(f"X-Header-{number}: {number}" for number in range(120))
    yield from both(SMALL, headers=many, each_route=False, label="120 headers")
    yield from both(SMALL, query=f"padding={'x' * 7 * KB}", each_route=False, label="URL of 7 KB")


TOO_LONG: dict[str, Any] = {
    "refusals": (
        BAD_REQUEST,
        URL_TOO_LONG,
        HEADERS_TOO_LARGE,
    ),
    "patience_seconds": SOON_SECONDS,
    "refused_in_json": True,
}


@case("too-long-heads", CaseKind.BAD)
def too_long_heads() -> Iterator[Attempt]:
    """Heads that few servers accept: 100 KB of headers, in one line and in 1,000; a URL of 100 KB."""
    long = (f"Cookie: session={'x' * 100 * KB}",)
    many = tuple(f"X-Header-{number}: {'x' * 85}" for number in range(1000))
    yield from both(SMALL, headers=long, each_route=False, label="one header", **TOO_LONG)
    yield from both(SMALL, headers=many, each_route=False, label="1,000 headers", **TOO_LONG)
    yield from both(SMALL, query=f"padding={'x' * 100 * KB}", each_route=False, label="URL", **TOO_LONG)


@case("content-encoding", CaseKind.BAD)
def content_encoding() -> Iterator[Attempt]:
    """A Content-Encoding such as gzip: must be refused, or stored as it was sent."""
    may: dict[str, Any] = {"refusals": (BAD_REQUEST, NO_SUCH_CODING), "required_headers": CODINGS_TAKEN}
    zipped = exactly(gzip.compress(b"tea\r\n" * 2000, mtime=0))
    yield raw(zipped, headers=("Content-Encoding: gzip",), label="gzip", **may)
    one_route = may | {"each_route": False}
    for coding, file in {"x-gzip": zipped, "gzip, identity": zipped, "br": SMALL, "identity": SMALL}.items():
        yield raw(file, headers=(f"Content-Encoding: {coding}",), label=coding, **one_route)
    chunks = {**one_route, "refusals": (*may["refusals"], LENGTH_REQUIRED)}
    yield raw(zipped, headers=("Content-Encoding: gzip",), chunked=True, label="gzip", **chunks)
    # The coding is that of the whole form, so that its file is stored only where the form is decoded.
    whole = form(SMALL)
    coded = SMALL._replace(encoded=gzip.compress(b"".join(whole.body(SMALL.blocks())), mtime=0))
    yield form(coded, head=b"", tail=b"", headers=("Content-Encoding: gzip",), label="gzip", **may)


REQUEST_LINES = {
    "no path": "{verb} HTTP/1.1",
    "method only": "{verb}",
    "a word more": "{verb} {path}{query} more HTTP/1.1",
    "a word after": "{verb} {path}{query} HTTP/1.1 more",
    "HTTP/9.9": "{verb} {path}{query} HTTP/9.9",
    "HTTP/1.1 in lower case": "{verb} {path}{query} http/1.1",
    "another protocol": "{verb} {path}{query} FTP/1.1",
    "version without digits": "{verb} {path}{query} HTTP/x.y",
    "path without a slash": "{verb} upload{query} HTTP/1.1",
    "%00 in the path": "{verb} {path}%00{query} HTTP/1.1",
    "NUL in the path": "{verb} {path}\0{query} HTTP/1.1",
    "control character in the path": "{verb} {path}\x01{query} HTTP/1.1",
    "Latin-1 in the path": "{verb} {path}\xe9{query} HTTP/1.1",
    "broken escape in the path": "{verb} {path}%zz{query} HTTP/1.1",
    "method in lower case": "put {path}{query} HTTP/1.1",
    "unknown method": "UPLOAD {path}{query} HTTP/1.1",
    "method with a bracket": "PU[T {path}{query} HTTP/1.1",
}
"""Request lines that no server should accept for an upload."""
LINE_REFUSALS = (
    BAD_REQUEST,
    NOT_FOUND,
    NO_METHOD,
    URL_TOO_LONG,
    HEADERS_TOO_LARGE,
    NOT_IMPLEMENTED,
    NO_VERSION,
)


@case("request-lines", CaseKind.BAD)
def request_lines() -> Iterator[Attempt]:
    """A malformed or unsupported request line: versions, methods, paths with %00."""
    bad: dict[str, Any] = {
        "refusals": LINE_REFUSALS,
        "patience_seconds": SOON_SECONDS,
        "refused_in_json": True,
        "each_route": False,
    }
    for label, line in REQUEST_LINES.items():
        yield raw(SMALL, request_line=line, label=label, must_refuse=True, **bad)
    # A server may read these as they are meant (RFC 9112, 2.2, 3 and 3.2.2).
    for label, line in {
        "two spaces": "{verb}  {path}{query} HTTP/1.1",
        "tab": "{verb}\t{path}{query} HTTP/1.1",
        "empty line before": "\r\n{verb} {path}{query} HTTP/1.1",
        "whole address": "{verb} http://{host}{path}{query} HTTP/1.1",
    }.items():
        yield raw(SMALL, request_line=line, label=label, **bad)


@case("wrong-methods", CaseKind.BAD, contract=True)
def wrong_methods() -> Iterator[Attempt]:
    """A method that the route does not have: must be a 405 that lists its methods in Allow."""
    bad: dict[str, Any] = {"must_refuse": True, "refusals": (NO_METHOD,)}
    for verb in ("PATCH", "DELETE"):
        yield from both(SMALL, verb=verb, label=verb, **bad)
    yield form(SMALL, verb="PUT", label="PUT", **bad)
    for verb in ("GET", "TRACE"):
        nothing = exactly(b"")
        yield raw(nothing, verb=verb, framing=(), label=verb, **bad)
