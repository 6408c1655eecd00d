"""Why uploads are slow or fail, in plain words, from what was recorded of them.

A rule is a decorated function: its name is a section of docs/findings.md, its docstring the sentence printed.
It gets one cell and returns the figure that proves the cause, or None. Figures are medians over the rounds.
"""

from collections.abc import Callable, Sequence
from math import inf
from statistics import median
from typing import NamedTuple

from uploadlab.analysis.cells import ceiling_name, latest_attempt
from uploadlab.analysis.disturbances import is_mostly_disturbed
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.profiles import Calls, Profiles
from uploadlab.model.runs import Run
from uploadlab.units import MIB

SLOW = 0.5
"""A cell with more than this share of the reference's rate needs no explanation."""
MUCH, MOST = 0.25, 0.8
"""From this share of the time on, something is a cause; and takes nearly all of the time."""
SMALL_BYTES, SETTLED_BYTES = MIB, 16 * MIB
"""A smaller upload is over before anything shows; of a body below the second, sockets hold much."""
CPU = "server_cpu_seconds"


class CellEvidence(NamedTuple):
    """What was recorded of one cell."""

    rows: Sequence[Measurement]
    reference: Sequence[Measurement]
    """The reference's uploads of the same size."""
    calls: Calls | None
    """What a profile counted, if one was made."""

    @property
    def status(self) -> Status:
        """The status of the first upload that was not ok, or ok."""
        return next((row.status for row in self.rows if row.status is not Status.OK), Status.OK)

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.rows[0].size_bytes

    def median(self, field: str) -> float | None:
        """Return a field's median over the rounds; None: not measured."""
        return _median(self.rows, field)

    def share(self, field: str) -> float:
        """Return seconds as a share of the upload's time; 0 if they are not known."""
        return (self.median(field) or 0.0) / (self.median("seconds") or inf)

    @property
    def spools(self) -> bool:
        """Whether most of a body that no socket buffer holds was written to disk once more."""
        return self.size_bytes >= SETTLED_BYTES and (self.median("spooled_bytes") or 0) >= self.size_bytes / 2

    @property
    def app_came_last(self) -> bool:
        """Whether the handler began after the client's last byte."""
        return self.share("server_seconds") <= 1.1 * self.share("response_wait_seconds")


Figure = Callable[[CellEvidence], float | None]


class Rule(NamedTuple):
    """One cause that a record can show."""

    name: str
    text: str
    """With ``{}`` for the figure."""
    unit: str
    figure: Figure
    of_times: bool
    """Whether it shows in times, which a busy host changes, too."""


RULES: list[Rule] = []


def rule(unit: str = ".0%", of_times: bool = True) -> Callable[[Figure], Figure]:
    """Register a rule; ``unit`` is how its figure is written."""

    def register(figure: Figure) -> Figure:
        name = figure.__name__.replace("_", "-")
        RULES.append(Rule(name, " ".join((figure.__doc__ or "").split()), unit, figure, of_times))
        return figure

    return register


@rule(".0f", of_times=False)
def lost_body(cell: CellEvidence) -> float | None:
    """{} bytes were stored and the answer was a success: the server gave the app an empty body."""
    return 0.0 if cell.status is Status.WRONG and cell.median("stored_bytes") == 0 else None


@rule()
def copied_afterwards(cell: CellEvidence) -> float | None:
    """After the last byte was sent, the client waited {} of the time: the app copies the file that it had
    spooled. `request.files-direct` writes it once."""
    share = cell.share("response_wait_seconds")
    return share if cell.spools and share >= MUCH and not cell.app_came_last else None


@rule()
def spooled_first(cell: CellEvidence) -> float | None:
    """After the last byte was sent, the client waited {} of the time, and the app was called only then: the
    server in front had spooled the whole body to disk. Forms are spooled again by the app."""
    share = cell.share("response_wait_seconds")
    return share if cell.spools and share >= MUCH and cell.app_came_last else None


@rule()
def built_first(cell: CellEvidence) -> float | None:
    """{} of the time had passed before the client connected: it built the whole body first."""
    share = cell.share("connected_seconds")
    return share if share >= MUCH else None


@rule()
def busy_client(cell: CellEvidence) -> float | None:
    """{} of the time the client itself was busy: it is the limit, not the server."""
    share = cell.share("client_cpu_seconds")
    return share if share >= MOST else None


@rule(".1f", of_times=False)
def body_in_memory(cell: CellEvidence) -> float | None:
    """The client held the body {} times in memory: `files=` of requests builds all of it before it
    sends."""
    times = (cell.median("client_peak_rss_bytes") or 0) / cell.size_bytes
    return times if times >= 1 and cell.size_bytes >= 64 * MIB else None


@rule(".0f")
def busy_server(cell: CellEvidence) -> float | None:
    """The server used {} times the CPU of the reference, and was busy most of the time."""
    times = (cell.median(CPU) or 0.0) / (_median(cell.reference, CPU) or inf)
    return times if cell.share(CPU) >= MOST and times >= 2 else None


@rule()
def idle(cell: CellEvidence) -> float | None:
    """{} of the time neither client nor server was busy: they waited for each other, for the disk, or
    for a timeout."""
    if cell.median(CPU) is None or cell.median("client_cpu_seconds") is None:
        return None
    share = 1 - cell.share(CPU) - cell.share("client_cpu_seconds")
    return share if share >= 0.5 else None


@rule(".1f", of_times=False)
def read_by_bytes(cell: CellEvidence) -> float | None:
    """`LimitedStream.readinto` was called {} times for each byte: lines of the body are read byte by byte.
    Read blocks."""
    times = cell.calls.per_byte("werkzeug/wsgi.py", "readinto") if cell.calls else 0.0
    return times if times >= 0.5 else None


FORM_PARSERS = (
    ("upload_app/form_parser.py", "parse"),
    ("werkzeug/formparser.py", "_parse_multipart"),  # in runs of older versions
)
"""File and function that parse a form with Werkzeug's decoder."""


@rule()
def parsed_form(cell: CellEvidence) -> float | None:
    """{} of the profiled time is spent in Werkzeug's multipart parser, with the file it writes to."""
    share = max(cell.calls.share(*parser) for parser in FORM_PARSERS) if cell.calls else 0.0
    return share if share >= MUCH else None


def diagnose(run: Run, rows: Sequence[Measurement], profiles: Profiles | None = None) -> list[str]:
    """Return a line for each cause that the run shows, with where: every slow pair at its largest size."""
    order = [target.name for target in run.targets]
    figures: dict[str, list[float]] = {}
    places: dict[str, dict[str, list[str]]] = {}
    for measured in sorted(_largest(rows), key=lambda measured: order.index(measured[0].deployment)):
        first = measured[0]
        cell = _evidence(run, rows, measured, profiles)
        if _is_slow(cell):
            for name, figure in _figures(cell).items():
                figures.setdefault(name, []).append(figure)
                places.setdefault(name, {}).setdefault(first.method, []).append(first.deployment)
    lines = []
    for cause in RULES:
        if cause.name in figures:
            where = "; ".join(f"{way} on {', '.join(names)}" for way, names in places[cause.name].items())
            lines.append(f"{_line(cause, figures[cause.name])} {where}.")
    return lines


def explain(
    run: Run, rows: Sequence[Measurement], measured: Sequence[Measurement], profiles: Profiles | None = None
) -> list[str]:
    """Return a line for each cause that one cell shows, slow or not."""
    figures = _figures(_evidence(run, rows, measured, profiles))
    return [_line(cause, [figures[cause.name]]) for cause in RULES if cause.name in figures]


def _figures(cell: CellEvidence) -> dict[str, float]:
    """Return the figure of each cause that the cell shows.

    The times of a lost upload prove nothing, nor do those of uploads that the host disturbed.
    """
    disturbed = is_mostly_disturbed(cell.rows)
    causes = [cause for cause in RULES if cell.status is Status.OK or cause.figure is lost_body]
    causes = [cause for cause in causes if not (cause.of_times and disturbed)]
    return {cause.name: figure for cause in causes if (figure := cause.figure(cell)) is not None}


def _line(cause: Rule, figures: Sequence[float]) -> str:
    low, high = format(min(figures), cause.unit), format(max(figures), cause.unit)
    return f"{cause.name}: {cause.text.replace('{}', low if low == high else f'{low} to {high}')}"


def _largest(rows: Sequence[Measurement]) -> list[list[Measurement]]:
    """Return the measured uploads of each pair of deployment and method, at their largest size."""
    pairs: dict[tuple[str, str], dict[int, list[Measurement]]] = {}
    for row in rows:
        if not row.warmup and row.size_bytes >= SMALL_BYTES:
            sizes = pairs.setdefault((row.deployment, row.method), {})
            sizes.setdefault(row.size_bytes, []).append(row)
    return [latest_attempt(sizes[max(sizes)]) for sizes in pairs.values()]


def _evidence(
    run: Run, rows: Sequence[Measurement], cell: Sequence[Measurement], profiles: Profiles | None
) -> CellEvidence:
    """Return what the rows of a run and its profiles say of these uploads of a cell."""
    first, name = cell[0], ceiling_name(run)
    counted = [row for row in rows if not row.warmup and row.status is Status.OK]
    reference = [row for row in counted if row.deployment == name and row.size_bytes == first.size_bytes]
    return CellEvidence(cell, reference, (profiles or {}).get((first.deployment, first.method)))


def _is_slow(cell: CellEvidence) -> bool:
    if cell.status is not Status.OK or not cell.reference:
        return cell.status is not Status.UNAVAILABLE
    return (cell.median("seconds") or 0.0) * SLOW > (_median(cell.reference, "seconds") or 0.0)


def _median(rows: Sequence[Measurement], field: str) -> float | None:
    values = [value for row in rows if (value := getattr(row, field)) is not None]
    return median(values) if values else None
