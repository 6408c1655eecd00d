"""Limits of time: silence, duration, a late answer; what streams, and what is collected first."""

from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from statistics import median_low

from uploadlab.doctoring.platforms import platform_matches
from uploadlab.doctoring.rules.view import (
    BROKEN,
    FRONTS,
    SERVERS,
    View,
    at_default_first,
    ended,
    fact,
    finding_rule,
    made,
)
from uploadlab.model.diagnoses import Confidence, Finding, Weight
from uploadlab.model.exchanges import Exchange

LEAST_SECONDS = 0.5
"""What ends an upload sooner is no limit of time."""
OTHER_REASONS = (401, 403, 404, 405, 411, 413, 415, 422, 429, 507)
"""Answers that have nothing to do with time."""
SAME_SECONDS, SAME_SHARE = 1.0, 0.2
"""How far apart two limits may strike and be one: servers look at their timers once a second or less."""
GATEWAY = (502, 503, 504)
"""What a front answers for a server behind it."""
HOLDERS = ("workers", "processes", "threads")
"""What an upload holds while it is sent, in the names of settings."""
SLOW_SECONDS = 1.5
"""An answer to a small upload that takes longer, over any line."""
STREAMED_SHARE = 0.5
"""Of a pause: what the app sees of it where the body streams."""


def _cut_at(exchanges: Sequence[Exchange], planned: bool = True) -> tuple[Exchange, float] | None:
    """Return a request that the server ended before its time, and after how many seconds of it."""
    for found in exchanges:
        if found.is_success or found.seconds is None or found.seconds < LEAST_SECONDS:
            continue
        if found.status in OTHER_REASONS:
            continue
        begun = found.paused[0][0] if found.paused and planned else 0.0
        if found.sent_seconds is None or found.status is None or found.status >= HTTPStatus.BAD_REQUEST:
            return found, found.seconds - begun
    return None


def _behind(view: View, found: Exchange, effect: str, seconds: float) -> list[str]:
    """Return the causes of an end: those of its page's writer, else the server's, then the fronts'."""
    written = view.by(found)
    server = view.causes(view.likely_server, effect)
    if written in FRONTS and found.status == HTTPStatus.GATEWAY_TIMEOUT:  # the server did not answer in time
        return list(dict.fromkeys([*view.causes(written, "answer"), *view.causes(written, effect), *server]))
    if written in FRONTS and found.status not in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE):
        return list(dict.fromkeys([*view.causes(written, effect), *server, *view.suspects(effect)]))
    suspects = [*server, *view.suspects(effect, "" if written in FRONTS else written)]
    return at_default_first(view, suspects, seconds)


@finding_rule
def silence_ends(view: View) -> Iterator[Finding]:
    """Find the silence after which an upload is ended, unless its whole time is what counts."""
    cut = _cut_at(view.seen.of("silence"))
    if cut is None:
        return
    found, seconds = cut
    total = _cut_at(view.seen.of("duration"), planned=False)
    if total and _is_same(found.seconds or 0.0, total[0].seconds or 0.0):
        return  # `duration_ends` says it
    suspects = [name for name in _behind(view, found, "silence", seconds) if _is_of_bodies(name)]
    suspects += [name for name in view.causes(view.by(found), "rate") if name.startswith("apache.Request")]
    yield from made(
        f"An upload that pauses is ended after {seconds:.1f} s of silence: {ended(found)}", Weight.PROBLEM,
        suspects, [fact(found), _steady(view)],
        Confidence.PROVEN if view.by(found) in FRONTS and found.status not in GATEWAY else Confidence.LIKELY,
        matches=platform_matches("silence", seconds),
    )  # fmt: skip


def _is_same(seconds: float, other: float) -> bool:
    return abs(seconds - other) < max(SAME_SECONDS, SAME_SHARE * other)


def _is_of_bodies(cause: str) -> bool:
    return not any(word in cause for word in ("header", "keepalive", "keep_alive"))


def _steady(view: View) -> str:
    """Return what an upload without a pause came to, as evidence."""
    lasted = next((found for found in view.seen.of("duration") if found.is_success), None)
    return (
        f"Without a pause, {lasted.label} arrives"
        if lasted and lasted.sent_seconds
        else "No slower upload was tried"
    )


@finding_rule
def duration_ends(view: View) -> Iterator[Finding]:
    """Find the time after which an upload is ended although its bytes keep coming."""
    cut = _cut_at(view.seen.of("duration"), planned=False)
    if cut is None:
        return
    found, seconds = cut
    suspects = _behind(view, found, "duration", seconds)
    written = view.by(found)
    if written == "haproxy":
        suspects = ["haproxy.timeout http-request", *suspects]
    elif written == "apache":
        suspects = ["apache.RequestReadTimeout", *suspects]
    yield from made(
        f"An upload is ended after {seconds:.1f} s, although its bytes keep coming: {ended(found)}",
        Weight.PROBLEM, list(dict.fromkeys(suspects)), [fact(found), *map(fact, view.seen.of("silence"))],
        Confidence.PROVEN if written in FRONTS and found.status not in GATEWAY else Confidence.LIKELY,
        matches=platform_matches("duration", seconds),
    )  # fmt: skip


@finding_rule
def answer_too_late(view: View) -> Iterator[Finding]:
    """Find the time after which a hop gives up on an app that works: by the far end, or by a 504."""
    cut = _cut_at(view.seen.of("waiting"))
    timed_out = [found for found in [*view.own("first"), *view.own("sent")] if _waited_in_vain(found)]
    found = cut[0] if cut else next(iter(timed_out), None)
    if found is None:
        return
    seconds = (found.seconds or 0.0) - (found.sent_seconds or 0.0)
    written = view.by(found) or view.front
    suspects = view.causes(written, "answer") or view.suspects("answer")
    if view.likely_server == "uwsgi" and "nginx.uwsgi_read_timeout" in suspects and _by_uwsgi(view):
        suspects = ["nginx.uwsgi_read_timeout", *suspects]
    total = _cut_at(view.seen.of("duration"), planned=False)
    steady = any(item.is_success and (item.seconds or 0.0) > seconds for item in view.seen.of("duration"))
    killed = total is not None and _is_same(total[1], seconds)
    no_answer = found.ending in BROKEN or written in SERVERS or found.status == HTTPStatus.BAD_GATEWAY
    if (no_answer and not (steady and written in FRONTS)) or (killed and written not in FRONTS):
        suspects = [*view.causes(view.likely_server, "duration"), *suspects]
    own = [] if cut else ["app.slow-answer"]
    yield from made(
        f"A hop gives up on the answer after {seconds:.1f} s: {ended(found)}", Weight.PROBLEM,
        list(dict.fromkeys([*suspects, *own])), [fact(found)],
        Confidence.PROVEN if cut and view.by(found) else Confidence.LIKELY,
        matches=platform_matches("answer", seconds),
    )  # fmt: skip


def _waited_in_vain(found: Exchange) -> bool:
    """Return whether a front gave up on an upload that was sent, after a while."""
    waited = (found.seconds or 0.0) - (found.sent_seconds or 0.0)
    late = found.sent_seconds is not None and waited > LEAST_SECONDS
    return found.status == HTTPStatus.GATEWAY_TIMEOUT or (found.status == HTTPStatus.BAD_GATEWAY and late)


def _by_uwsgi(view: View) -> bool:
    """Return whether nginx speaks to uWSGI by its own protocol, as far as the far end shows it."""
    arrived = next((found.arrived for found in view.seen.exchanges if found.arrived), None)
    return arrived is None or arrived.protocol == "HTTP/1.1"


@finding_rule
def slow_answer(view: View) -> Iterator[Finding]:
    """Find an answer that takes long although the body is small: a busy server, or an app that works."""
    small = [*view.own("first"), *view.own("chunked"), *view.own("empty"), *view.own("expect")]
    waits = _waits(small)
    took = median_low(waits) if waits else 0.0
    if took < SLOW_SECONDS:
        return
    quick = _waits([*view.far("first"), *view.far("chunked"), *view.far("empty")])
    is_app = bool(quick) and median_low(quick) < took / 3
    steady = not quick and len(waits) > 1 and max(waits) - min(waits) < max(0.5, took / 4)
    server = view.suspects("waiting", view.server)
    server.sort(
        key=lambda name: not name.endswith(HOLDERS)
    )  # a full queue refuses, and delays nobody as evenly
    suspects = ["app.slow-answer"] if is_app else ["app.slow-answer", *server] if steady else server
    evidence = [f"Waits for the answer to small uploads: {', '.join(f'{wait:.1f} s' for wait in waits)}"]
    if quick:
        evidence.append(
            f"At the far end, behind the same hops: {', '.join(f'{wait:.1f} s' for wait in quick)}"
        )
    yield from made(
        f"The answer to a small upload takes {took:.1f} s", Weight.PROBLEM, suspects, evidence,
        Confidence.PROVEN if is_app else Confidence.POSSIBLE,
    )  # fmt: skip


def _waits(exchanges: Iterable[Exchange]) -> list[float]:
    """Return how long each success took after the last byte was sent, in seconds."""
    return [(found.seconds or 0.0) - (found.sent_seconds or 0.0) for found in exchanges if found.is_success]


@finding_rule
def collected(view: View) -> Iterator[Finding]:
    """Find that the whole body is collected before the app gets it."""
    seen = view.seen.of("buffering")
    far = next((found for found in seen if found.arrived and found.paused), None)
    if far and far.arrived and far.arrived.last_seconds is not None:
        begun, end = far.paused[0]
        apart = far.arrived.last_seconds - (far.arrived.first_seconds or 0.0)
        if apart > STREAMED_SHARE * (end - begun):
            return
        yield from _buffered(
            view, [f"The client was silent for {end - begun:.1f} s in mid-body; at the app, the first "
                   f"and the last byte were {apart:.2f} s apart", *_lag(view, far)], Confidence.PROVEN,
        )  # fmt: skip
        return
    asked = next((found for found in seen if not found.arrived and found.paused), None)
    if view.front == "apache":  # it looks for an answer only when it has passed the body on
        return
    if asked and asked.status is not None and not asked.is_early:
        yield from _buffered(
            view, ["A request to a path that does not exist was refused only when its body was complete, "
                   f"{asked.seconds or 0:.1f} s after it began"], Confidence.POSSIBLE,
        )  # fmt: skip


def _lag(view: View, found: Exchange) -> Iterator[str]:
    """Yield how late the app got its first byte, on the client's clock, where the two can be compared.

    A small request tells how far the app's clock is ahead of the client's, within the time that it took.
    """
    small = next((item for item in view.far("first") if item.arrived and item.seconds is not None), None)
    if small is None or small.arrived is None or found.arrived is None or not found.sent_seconds:
        return
    ahead = small.arrived.began - small.began
    first = found.arrived.began + (found.arrived.first_seconds or 0.0) - ahead - found.began
    if first > found.sent_seconds - (small.seconds or 0.0):
        yield (
            f"The app's first byte arrived {first:.1f} s after the request began, "
            f"when your client had sent its last after {found.sent_seconds:.1f} s"
        )


def _buffered(view: View, evidence: list[str], confidence: Confidence) -> Iterator[Finding]:
    suspects = view.suspects("buffering", view.front)
    if view.front == "nginx" and view.server == "uwsgi" and _by_uwsgi(view):
        suspects = ["nginx.uwsgi_request_buffering", *suspects]
    if view.front == "envoy" or not suspects:
        suspects = [*(["envoy.buffer max_request_bytes"] if view.front == "envoy" else []), *suspects]
    yield from made(
        "A hop collects the whole body before the app gets its first byte", Weight.NOTE,
        list(dict.fromkeys(suspects)), evidence, confidence,
    )  # fmt: skip


@finding_rule
def refusal_hidden(view: View) -> Iterator[Finding]:
    """Find an answer that a client who still sends may never see: the connection breaks under it."""
    hidden = [found for found in view.seen.of("early") if _breaks(view, found)]
    if hidden:
        found = hidden[0]
        refuses = any(item.status in OTHER_REASONS for item in view.own("first"))
        suspects = [*view.causes(view.likely_server, "early"), "app.early-answer", *view.suspects("early")]
        yield from made(
            "A refusal before the end of the body breaks the connection: most clients see a reset",
            Weight.PROBLEM if refuses else Weight.NOTE, list(dict.fromkeys(suspects)), [fact(found)],
        )  # fmt: skip


def _breaks(view: View, found: Exchange) -> bool:
    """Return whether the connection broke, or a front had no answer to pass on, before all was sent.

    What a front refuses itself shows nothing of the server behind it.
    """
    if found.status == HTTPStatus.BAD_GATEWAY:
        return True
    if found.status is not None and view.by(found) in FRONTS:
        return False
    return found.sent_seconds is None and (found.status is None or bool(found.error))
