"""Cases of the check: clients and connections that fail in mid-upload."""

from collections.abc import Callable, Iterator
from typing import Any

from uploadlab.catalogue.attempts import THE_END, Attempt, Then, both, form, noise, raw
from uploadlab.catalogue.case_values import (
    BAD_REQUEST,
    HALF,
    HALF_OF_LESS,
    LENGTH_REQUIRED,
    LESS,
    SMALL,
    SOME,
    TIMEOUT,
    TOO_LARGE,
    TORN,
)
from uploadlab.catalogue.registry import CaseKind, case
from uploadlab.units import MIB


@case("stall", CaseKind.FAULT)
def stall() -> Iterator[Attempt]:
    """A pause of 5 s in the middle of the body."""
    pause: dict[str, Any] = {"then": Then.PAUSE, "at": HALF, "refusals": (TIMEOUT,)}
    yield from both(SOME, **pause)
    yield raw(SOME, chunked=True, **pause | {"refusals": (TIMEOUT, LENGTH_REQUIRED)})


@case("slow-upload", CaseKind.FAULT, slow=True)
def slow_upload() -> Iterator[Attempt]:
    """A body that takes 35 s to arrive, with pauses of 1 s."""
    yield raw(SOME, then=Then.TRICKLE, at=SOME.size_bytes // 35, refusals=(TIMEOUT,), each_route=False)


@case("slower-upload", CaseKind.FAULT, slow=True)
def slower_upload() -> Iterator[Attempt]:
    """A body that takes 70 s to arrive, with pauses of 1 s: longer than the 60 s of many limits."""
    yield raw(SOME, then=Then.TRICKLE, at=SOME.size_bytes // 70, refusals=(TIMEOUT,), each_route=False)


OVER_LIMIT: dict[str, Any] = {"query": "limit=100000", "must_refuse": True, "refusals": (TOO_LARGE,)}


def refused_early(over_tls: bool) -> Iterator[Attempt]:
    """Yield bodies over the limit, with a length and in chunks."""
    over = OVER_LIMIT | {"over_tls": over_tls}
    yield from both(noise(16 * MIB), **over)
    yield raw(noise(16 * MIB), chunked=True, **over | {"refusals": (TOO_LARGE, LENGTH_REQUIRED)})


@case("early-refusal", CaseKind.FAULT)
def early_refusal() -> Iterator[Attempt]:
    """A body over the limit; the client sends all of it, even if the server refuses early."""
    yield from refused_early(over_tls=False)


@case("early-refusal-tls", CaseKind.FAULT)
def early_refusal_tls() -> Iterator[Attempt]:
    """The same over TLS, where an early close ends the connection differently."""
    yield from refused_early(over_tls=True)


@case("client-gone", CaseKind.FAULT)
def client_gone() -> Iterator[Attempt]:
    """A client that closes or resets the connection in the middle of the body."""
    for then in (Then.CLOSE, Then.RESET):
        yield from both(SOME, then=then, at=HALF, label=then, must_refuse=True)
        yield raw(LESS, then=then, at=HALF_OF_LESS, label=f"{then}, 100 kB", must_refuse=True)


def cut_in_chunks(make: Callable[..., Attempt] = raw) -> Iterator[Attempt]:
    """Yield chunked bodies that end early: closed, reset or half-closed, after a chunk and inside one."""
    bad: dict[str, Any] = {"chunked": True, "at": HALF, "must_refuse": True, "each_route": False}
    for torn, where in {b"": "after a chunk", TORN: "inside a chunk"}.items():
        for then in (Then.CLOSE, Then.RESET):
            yield make(SOME, then=then, torn=torn, label=f"{then} {where}", **bad)
        refusals = (BAD_REQUEST, TIMEOUT, LENGTH_REQUIRED)
        yield make(SOME, then=Then.END, torn=torn, label=f"half-closed {where}", refusals=refusals, **bad)


@case("cut-chunks", CaseKind.FAULT)
def cut_chunks() -> Iterator[Attempt]:
    """A chunked body that its client cuts: closed, reset or half-closed, after a chunk and inside one."""
    for attempt in cut_in_chunks():
        yield attempt
        if attempt.label == "close inside a chunk":
            less = attempt._replace(file=LESS, at=HALF_OF_LESS, each_route=True)
            yield less._replace(label=f"{attempt.label}, 100 kB")
    yield from cut_in_chunks(form)


@case("short-body", CaseKind.FAULT)
def short_body() -> Iterator[Attempt]:
    """A Content-Length longer than the body; the client then waits for an answer."""
    bad: dict[str, Any] = {"then": Then.END, "must_refuse": True, "refusals": (BAD_REQUEST, TIMEOUT)}
    yield from both(SOME, at=HALF, **bad)
    yield raw(LESS, at=HALF_OF_LESS, label="100 kB", **bad)


@case("short-form", CaseKind.FAULT)
def short_form() -> Iterator[Attempt]:
    """A whole form, or file, with a Content-Length 9 bytes too long; then the client ends its side."""
    bad: dict[str, Any] = {
        "then": Then.END,
        "at": THE_END,
        "must_refuse": True,
        "refusals": (BAD_REQUEST, TIMEOUT),
    }
    for file, size in ((SMALL, "10 KB"), (SOME, "600 KB")):
        for attempt in both(file, label=size, **bad):
            yield attempt._replace(framing=(f"Content-Length: {attempt.body_bytes + 9}",))
