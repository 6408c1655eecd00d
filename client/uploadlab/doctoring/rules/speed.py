"""What limits the speed of uploads: a window of HTTP/2, or the line."""

from collections.abc import Iterator, Sequence

from uploadlab.doctoring.questions.speed import LARGE_BLOCKS, OVER_HTTP2, SIDE_BY_SIDE, SMALL_BLOCKS
from uploadlab.doctoring.rules.view import View, finding_rule, made
from uploadlab.model.diagnoses import Confidence, Finding, Weight
from uploadlab.model.exchanges import Exchange
from uploadlab.units import KIB, MIB, format_size

FAR_SECONDS = 0.02
"""A round trip over which distance can cost speed; on one host or in one building it is shorter."""
SMALL = 64 * KIB
"""The bytes of an upload whose answer shows the round trip."""
SLOWER = 1.5
"""How many times as fast HTTP/1.1 must be for HTTP/2 to be called slow."""
SHUT_SHARE = 0.3
"""Of an upload's time: as long as the window must be used up."""
SLOW_RATE, LOW_RATE = 1e6, 5e6
"""Bytes a second. A line of less is a problem for large uploads; up to the other, it is worth a note."""
SAME_RATE = 1.35
"""How far apart rates of the same line may be."""
TO_TIME = MIB
"""The bytes of an upload that shows a rate."""
WINDOWED = ("nginx", "haproxy", "apache", "envoy")
"""Programs whose window of HTTP/2 is a setting, the most usual first."""
ALIKE = {(1 << 16) - 1: ("haproxy",), (1 << 31) - 1: ("nginx", "apache")}
"""Programs by the bytes that all bodies together may have at first: RFC 9113, 6.9.2, says 65535."""
FAR_AWAY_SECONDS = 0.1
"""A usual round trip to another continent."""


def timed(view: View, label: str) -> Exchange | None:
    """Return an upload of the question on speed that arrived."""
    return next((found for found in view.seen.of("speed") if found.label == label and found.is_success), None)


def round_trip(view: View) -> float:
    """Return the seconds of a round trip: of a connect or, if longer, of the first answer that came.

    A proxy near the client answers connects, and hides how far away the server is.
    """
    short = [found for found in view.seen.exchanges if found.body_bytes <= SMALL and found.status is not None]
    answers = [found.seconds for found in short if found.seconds is not None]
    return max(view.seen.wire.round_trip_seconds or 0.0, min(answers, default=0.0))


def rate_of(exchanges: Sequence[Exchange]) -> float:
    """Return the bytes a second of uploads, side by side if there are several; 0: none of them arrived."""
    ends = [found.began + (found.seconds or 0.0) for found in exchanges]
    seconds = max(ends, default=0.0) - min((found.began for found in exchanges), default=0.0)
    return sum(found.body_bytes for found in exchanges) / seconds if seconds > 0 else 0.0


def side_by_side(view: View) -> list[Exchange]:
    """Return the uploads that were sent side by side, if all of them arrived."""
    found = [item for item in view.seen.of("speed") if item.label == SIDE_BY_SIDE]
    return found if all(item.is_success for item in found) else []


def shown_rate(rate: float) -> str:
    """Return bytes a second for readers."""
    return f"{rate / 1e6:.3g} MB/s"


def window_suspects(view: View) -> tuple[list[str], bool]:
    """Return the settings of a window, the likeliest first, and whether the program that has it shows itself.

    What a server offers at first shows the programs: only HAProxy leaves the window of the whole connection
    as it is, and only nginx and Apache open it as far as possible.
    """
    front = view.front or ("envoy" if "pyvoy" in view.hops else "")
    alike = ALIKE.get(view.seen.wire.connection_window_bytes or 0, ("envoy",))
    if front and (front in alike or front not in {name for names in ALIKE.values() for name in names}):
        return view.causes(front, "window"), True
    return [
        cause for name in dict.fromkeys([*alike, *WINDOWED]) for cause in view.causes(name, "window")
    ], False


@finding_rule
def window_too_small(view: View) -> Iterator[Finding]:
    """Find a window of HTTP/2 that is used up within a round trip."""
    slow, fast = timed(view, OVER_HTTP2), timed(view, LARGE_BLOCKS)
    trip = round_trip(view)
    if slow is None or fast is None or trip < FAR_SECONDS or not slow.window_bytes:
        return
    over_2, over_1 = rate_of([slow]), rate_of([fast])
    is_shut = slow.window_shut_seconds >= SHUT_SHARE * (slow.seconds or 0.0)
    if over_1 < SLOWER * over_2 or not is_shut:
        return
    suspects, is_sure = window_suspects(view)
    at_once, most = format_size(slow.window_bytes), shown_rate(slow.window_bytes / trip)
    yield from made(
        f"HTTP/2 is slow from far away: {shown_rate(over_2)}, and over HTTP/1.1 {shown_rate(over_1)}",
        Weight.PROBLEM, suspects,
        [
            f"The server lets the client send {at_once} of a body for each round trip of "
            f"{1000 * trip:.0f} ms: at most {most}",
            f"For {slow.window_shut_seconds:.1f} of {slow.seconds or 0.0:.1f} s, the client had to wait",
            f"{format_size(fast.body_bytes)} over HTTP/1.1 took {fast.seconds or 0.0:.1f} s",
        ],
        Confidence.PROVEN if is_sure else Confidence.LIKELY,
    )  # fmt: skip


@finding_rule
def slow_line(view: View) -> Iterator[Finding]:
    """Find a line that is slow however it is used: in whichever way, alone or side by side."""
    alone, together = timed(view, LARGE_BLOCKS), side_by_side(view)
    if alone is None or not together or round_trip(view) < FAR_SECONDS:
        return
    others = [found for found in view.seen.of("sent") if found.is_success and found.body_bytes >= TO_TIME]
    others += [found for found in [timed(view, SMALL_BLOCKS)] if found]
    rate = max(rate_of([found]) for found in (alone, *others))  # whatever disturbs one makes it slower
    if rate > LOW_RATE or not 1 / SAME_RATE < rate_of(together) / rate < SAME_RATE:
        return
    yield from made(
        f"Uploads are slow in every way: {shown_rate(rate)}",
        Weight.PROBLEM if rate < SLOW_RATE else Weight.NOTE,
        ["link.rate", *([] if view.has_far_end else ["app.slow-answer"]), "link.loss"],
        [
            f"One upload alone: {shown_rate(rate)}; {SIDE_BY_SIDE}: {shown_rate(rate_of(together))} in all",
            *(f"{format_size(found.body_bytes)}: {shown_rate(rate_of([found]))}" for found in others),
        ],
    )  # fmt: skip


def speed_facts(view: View) -> list[str]:
    """Return the speeds that were measured, in sentences."""
    measured = [
        (name, rate_of([found]))
        for name, label in (
            ("over HTTP/1.1", LARGE_BLOCKS), (OVER_HTTP2, OVER_HTTP2), (f"in {SMALL_BLOCKS}", SMALL_BLOCKS)
        )
        if (found := timed(view, label))
    ]  # fmt: skip
    if together := side_by_side(view):
        measured.append((f"{SIDE_BY_SIDE}, in all", rate_of(together)))
    said = []
    if measured:
        said.append("Speed: " + "; ".join(f"{shown_rate(rate)} {name}" for name, rate in measured))
    if window := view.seen.wire.window_bytes:
        far = window / FAR_AWAY_SECONDS
        said.append(
            f"HTTP/2: {format_size(window)} of a body for each round trip; over "
            f"{1000 * FAR_AWAY_SECONDS:.0f} ms at most {shown_rate(far)}"
        )
    return said
