"""Cases of the check: several uploads over one connection, and uploads beside a crowd of other clients."""

from collections.abc import Iterator
from typing import Any

from uploadlab.catalogue.attempts import Attempt, Bystanders, Then, exactly, form, over_one_connection, raw
from uploadlab.catalogue.case_values import LENGTH_REQUIRED, NO_SUCH_CODING, SMALL, SOME, TOO_LARGE
from uploadlab.catalogue.registry import CaseKind, case


@case("kept-connection", CaseKind.GOOD)
def kept_connection() -> Iterator[Attempt]:
    """Two and five uploads over one connection, until an answer says close."""
    refused: dict[str, Any] = {"query": "limit=5000", "must_refuse": True, "refusals": (TOO_LARGE,)}
    for plain in (raw(SMALL), form(SMALL)):
        yield over_one_connection(plain._replace(label="two"), plain)
        plain = plain._replace(each_route=False)
        yield over_one_connection(plain._replace(label="five"), *[plain] * 4)
        yield over_one_connection(plain._replace(label="a refused one first", **refused), plain)
        # The answer comes in mid-body, after which some servers close without having said so.
        early = plain._replace(then=Then.TRICKLE, at=plain.body_bytes // 2 + 1, **refused)
        yield over_one_connection(early._replace(label="one that is refused early first"), plain)
    plain = raw(SMALL, each_route=False)
    yield over_one_connection(raw(SOME, label="larger ones", each_route=False), raw(SOME))
    yield over_one_connection(plain._replace(file=exactly(b""), label="an empty one first"), plain)
    chunks = plain._replace(chunked=True, refusals=(LENGTH_REQUIRED,))
    yield over_one_connection(chunks._replace(label="one with a length after"), plain)


HIDDEN = b"PUT /request-stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde"
"""A whole request. A server that loses its place in a refused body takes it for the next one."""


@case("hidden-request", CaseKind.BAD, contract=True)
def hidden_request() -> Iterator[Attempt]:
    """A refused upload whose body looks like requests, then another upload over the same connection."""
    file = exactly(HIDDEN * 100)
    once: dict[str, Any] = {"must_refuse": True, "each_route": False}
    over = {"query": "limit=100", "refusals": (TOO_LARGE,), **once}
    in_chunks = over | {"chunked": True, "refusals": (TOO_LARGE, LENGTH_REQUIRED)}
    coded = {"headers": ("Content-Encoding: gzip",), "refusals": (NO_SUCH_CODING,), "each_route": False}
    for first in (
        raw(file, label="over the limit", **over),
        raw(file, label="over the limit, early", then=Then.TRICKLE, at=len(HIDDEN) * 60, **over),
        raw(exactly(HIDDEN * 9000), label="over the limit, larger", **over),
        raw(file, label="over the limit", **in_chunks),
        form(file, label="over the limit", **over),
        raw(file, label="in a coding", **coded),
    ):
        own = form(SMALL) if first.form else raw(SMALL)
        yield over_one_connection(first, own._replace(may_hang_up=True))


CLIENTS, MANY_CLIENTS = 16, 64
"""The size of a crowd by default, and with ``--large``."""
CROWD_SECONDS = 10.0
"""The time that an upload may take beside a crowd; alone it takes well under a second."""


def amid_crowd(does: str, **crowd: Any) -> Iterator[Attempt]:
    """Yield an upload beside a crowd of the usual size, and one beside a large crowd."""
    for clients in (CLIENTS, MANY_CLIENTS):
        yield crowded(Bystanders(clients, does, **crowd), f"{clients} clients", large=clients > CLIENTS)


def crowded(crowd: Bystanders, label: str, large: bool) -> Attempt:
    """Return an upload beside this crowd."""
    return raw(SMALL, crowd=crowd, within_seconds=CROWD_SECONDS, each_route=False, label=label, large=large)


@case("crowd-idle", CaseKind.CROWD)
def crowd_idle() -> Iterator[Attempt]:
    """An upload beside 16 connected clients that send nothing (--large: also 64)."""
    yield from amid_crowd("idle")
    # uWSGI has Linux keep silent connections back for its socket-timeout, often 60 s (TCP_DEFER_ACCEPT).
    patient = Bystanders(CLIENTS, "idle", before_seconds=75.0)
    yield crowded(patient, f"{CLIENTS} clients, there for 75 s", large=True)


@case("crowd-stalled", CaseKind.CROWD)
def crowd_stalled() -> Iterator[Attempt]:
    """An upload beside 16 clients that have sent 3 of 100,000 bytes (--large: also 64)."""
    head = "PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\n"
    yield from amid_crowd("stalled", at_once=f"{head}abc")


@case("crowd-slow-header", CaseKind.CROWD)
def crowd_slow_header() -> Iterator[Attempt]:
    """An upload beside 16 clients that send a byte of their request line each second (--large: also 64)."""
    yield from amid_crowd("slow", at_once="PUT /upl", each_second=b"o")
