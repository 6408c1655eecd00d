"""Why a way to upload is slow or fails, in plain words, from what was recorded of it.

A rule is a decorated function: its name is a section of docs/findings.md, its docstring what it says.
It gets one cell and returns the figure that proves it, or None. Figures are medians over the rounds.
"""

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from uploadlab.analysis.cells import ceiling_name, latest_attempt
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.profiles import Calls, Profiles
from uploadlab.model.runs import Run
from uploadlab.units import MIB

SLOW = 0.5
"""Of the reference's rate: what is faster needs no explanation."""


MUCH, MOST = 0.25, 0.8
"""Shares of the time, from which on something is worth a word, or is nearly all of it."""


SMALL_BYTES, SETTLED_BYTES = MIB, 16 * MIB
"""Below the one, an upload is over before anything shows; below the other, sockets hold much of it."""


class Case(NamedTuple):
    """One cell's medians. What was not measured is None."""

    status: Status
    size_bytes: int
    stored_bytes: float | None
    seconds: float
    connected_seconds: float | None
    response_wait_seconds: float | None
    server_seconds: float | None
    server_cpu_seconds: float | None
    client_cpu_seconds: float | None
    client_peak_rss_bytes: float | None
    spooled_bytes: float | None
    reference_cpu_seconds: float | None
    """The reference's, for the same size."""
    calls: Calls | None
    """What a profile counted, if one was made."""

    def share(self, seconds: float | None) -> float:
        """Of the time; 0 if it is not known."""
        return (seconds or 0.0) / self.seconds if self.seconds else 0.0

    @property
    def spools(self) -> bool:
        """Whether most of a body that no socket buffer holds was written to disk once more."""
        return self.size_bytes >= SETTLED_BYTES and (self.spooled_bytes or 0) >= self.size_bytes / 2

    @property
    def app_came_last(self) -> bool:
        """Whether the handler began after the client's last byte."""
        return (self.server_seconds or 0.0) <= 1.1 * (self.response_wait_seconds or 0.0)


class Rule(NamedTuple):
    """One cause that a record can show."""

    name: str
    text: str
    """With ``{}`` for the figure."""
    unit: str
    figure: Callable[[Case], float | None]


RULES: list[Rule] = []


Place = tuple[tuple[str, str] | None, float]
"""Method and deployment, and the figure there."""


def rule(unit: str = ".0%") -> Callable[[Callable[[Case], float | None]], Callable[[Case], float | None]]:
    """Register a rule; ``unit`` is how its figure is written."""

    def register(figure: Callable[[Case], float | None]) -> Callable[[Case], float | None]:
        name = figure.__name__.replace("_", "-")
        RULES.append(Rule(name, " ".join((figure.__doc__ or "").split()), unit, figure))
        return figure

    return register


@rule(".0f")
def lost_body(case: Case) -> float | None:
    """{} bytes were stored and the answer was a success: the server gave the app an empty body."""
    return 0.0 if case.status is Status.WRONG and case.stored_bytes == 0 else None


@rule()
def copied_afterwards(case: Case) -> float | None:
    """{} of the time lies after the last byte: the app copies the file it had spooled.
    `request.files-direct` writes it once."""
    share = case.share(case.response_wait_seconds)
    return share if case.spools and share >= MUCH and not case.app_came_last else None


@rule()
def spooled_first(case: Case) -> float | None:
    """{} of the time lies after the last byte, and the app was called only then: what is in front of it
    had spooled the whole body to disk. Forms are spooled again by the app."""
    share = case.share(case.response_wait_seconds)
    return share if case.spools and share >= MUCH and case.app_came_last else None


@rule()
def built_first(case: Case) -> float | None:
    """{} of the time had passed before the client connected: it built the whole body first."""
    share = case.share(case.connected_seconds)
    return share if share >= MUCH else None


@rule()
def busy_client(case: Case) -> float | None:
    """{} of the time the client itself was busy: it is the limit, not the server."""
    share = case.share(case.client_cpu_seconds)
    return share if share >= MOST else None


@rule(".1f")
def body_in_memory(case: Case) -> float | None:
    """The client held the body {} times in memory: `files=` of requests builds all of it before it
    sends."""
    times = (case.client_peak_rss_bytes or 0) / case.size_bytes
    return times if times >= 1 and case.size_bytes >= 64 * MIB else None


@rule(".0f")
def busy_server(case: Case) -> float | None:
    """The server used {} times the CPU of the reference, and was busy most of the time."""
    if not case.server_cpu_seconds or not case.reference_cpu_seconds:
        return None
    times = case.server_cpu_seconds / case.reference_cpu_seconds
    return times if case.share(case.server_cpu_seconds) >= MOST and times >= 2 else None


@rule()
def idle(case: Case) -> float | None:
    """{} of the time neither client nor server was busy: they waited for each other, for the disk, or
    for a timeout."""
    if case.server_cpu_seconds is None or case.client_cpu_seconds is None:
        return None
    share = 1 - case.share(case.server_cpu_seconds + case.client_cpu_seconds)
    return share if share >= 0.5 else None


@rule(".1f")
def read_by_bytes(case: Case) -> float | None:
    """`LimitedStream.readinto` was called {} times for each byte: lines of the body are read byte by byte.
    Read blocks."""
    times = case.calls.per_byte("werkzeug/wsgi.py", "readinto") if case.calls else 0.0
    return times if times >= 0.5 else None


@rule()
def parsed_form(case: Case) -> float | None:
    """{} of the profiled time is spent in Werkzeug's multipart parser, with the file it writes to."""
    share = case.calls.share("werkzeug/formparser.py", "_parse_multipart") if case.calls else 0.0
    return share if share >= MUCH else None


def diagnose(run: Run, rows: Sequence[Measurement], profiles: Profiles | None = None) -> list[str]:
    """A line for each cause that the run shows, with where: every slow pair at its largest size."""
    order = {target.name: number for number, target in enumerate(run.targets)}
    pairs = sorted(_largest(rows).items(), key=lambda pair: order[pair[0][0]])
    found: dict[str, list[Place]] = {}
    for (deployment, method), measured in pairs:
        reference = _reference(run, rows, measured[0].size_bytes)
        case = _case(measured, reference, (profiles or {}).get((deployment, method)))
        if _is_slow(case, reference):
            for one in RULES:
                if (figure := _figure(one, case)) is not None:
                    found.setdefault(one.name, []).append(((method, deployment), figure))
    return [_line(one, found[one.name]) for one in RULES if one.name in found]


def explain(
    run: Run, rows: Sequence[Measurement], measured: Sequence[Measurement], profiles: Profiles | None = None
) -> list[str]:
    """The same for one cell, slow or not."""
    pair = measured[0].deployment, measured[0].method
    case = _case(measured, _reference(run, rows, measured[0].size_bytes), (profiles or {}).get(pair))
    figures = [(one, _figure(one, case)) for one in RULES]
    return [_line(one, [(None, figure)]) for one, figure in figures if figure is not None]


def _figure(one: Rule, case: Case) -> float | None:
    """What did not arrive has no times that mean anything."""
    return one.figure(case) if case.status is Status.OK or one.figure is lost_body else None


def _line(one: Rule, places: list[Place]) -> str:
    low, high = (format(limit(figure for _, figure in places), one.unit) for limit in (min, max))
    text = one.text.replace("{}", low if low == high else f"{low} to {high}")
    where: dict[str, list[str]] = {}
    for place, _ in places:
        if place:
            where.setdefault(place[0], []).append(place[1])
    told = "; ".join(f"{method} on {', '.join(names)}" for method, names in where.items())
    return f"{one.name}: {text}" + (f" {told}." if told else "")


def _largest(rows: Sequence[Measurement]) -> dict[tuple[str, str], list[Measurement]]:
    """The measured uploads of each pair of deployment and method, at their largest size."""
    pairs: dict[tuple[str, str], list[Measurement]] = {}
    for row in rows:
        if not row.warmup and row.size_bytes >= SMALL_BYTES:
            measured = pairs.setdefault((row.deployment, row.method), [])
            if measured and measured[0].size_bytes < row.size_bytes:
                measured.clear()
            if not measured or measured[0].size_bytes == row.size_bytes:
                measured.append(row)
    return {pair: latest_attempt(measured) for pair, measured in pairs.items()}


def _reference(run: Run, rows: Sequence[Measurement], size_bytes: int) -> list[Measurement]:
    """The uploads that shares are taken of."""
    name = ceiling_name(run)
    counted = [row for row in rows if not row.warmup and row.status is Status.OK]
    return [row for row in counted if row.deployment == name and row.size_bytes == size_bytes]


def _case(rows: Sequence[Measurement], reference: Sequence[Measurement], calls: Calls | None) -> Case:
    bad = next((row for row in rows if row.status is not Status.OK), None)

    def middle(field: str, of: Sequence[Measurement] = rows) -> float | None:
        values = [value for row in of if (value := getattr(row, field)) is not None]
        return median(values) if values else None

    return Case(
        status=bad.status if bad else Status.OK,
        size_bytes=rows[0].size_bytes,
        stored_bytes=middle("stored_bytes"),
        seconds=middle("seconds") or 0.0,
        connected_seconds=middle("connected_seconds"),
        response_wait_seconds=middle("response_wait_seconds"),
        server_seconds=middle("server_seconds"),
        server_cpu_seconds=middle("server_cpu_seconds"),
        client_cpu_seconds=middle("client_cpu_seconds"),
        client_peak_rss_bytes=middle("client_peak_rss_bytes"),
        spooled_bytes=middle("spooled_bytes"),
        reference_cpu_seconds=middle("server_cpu_seconds", reference),
        calls=calls,
    )


def _is_slow(case: Case, reference: Sequence[Measurement]) -> bool:
    if case.status is not Status.OK or not reference:
        return case.status is not Status.UNAVAILABLE
    return case.seconds * SLOW > median(row.seconds or 0.0 for row in reference)
