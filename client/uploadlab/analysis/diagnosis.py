"""Why uploads are slow or fail, in plain words, from what was recorded of them.

A rule is a decorated function: its name is a section of docs/findings.md unless its decorator says another,
its docstring the sentence printed. It gets one cell and returns the figure that proves the cause, or None.
Figures are medians over the rounds.
"""

from collections.abc import Callable, Sequence
from math import inf
from statistics import median
from typing import NamedTuple

from uploadlab.analysis.cells import by_cell, ceiling_name, latest_attempt, reference_names
from uploadlab.analysis.disturbances import is_mostly_disturbed
from uploadlab.catalogue.methods import METHODS
from uploadlab.model.measurements import ACCEPTED, Measurement, Status
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
STREAM_THE_FORM = (
    "client: stream the form with requests-toolbelt's MultipartEncoder, as method "
    "`request.files-streamed` does"
)
READ_BLOCKS = "app: read the body in blocks, not by lines, as method `request.stream` does"
PUSH_PARSER = "app: parse forms with a push parser, as method `multipart-push` does"
IN_MEMORY = "request.files"
"""The method whose client builds the whole body first."""
LINES, FORMS = "reader=lines", "/request-files"
"""What the routes have that read lines, and those that parse forms with Werkzeug's parser."""


class CellEvidence(NamedTuple):
    """What was recorded of one cell."""

    rows: Sequence[Measurement]
    reference: Sequence[Measurement]
    """The reference's uploads of the same size."""
    calls: Calls | None
    """What a profile counted, if one was made."""
    foreign: bool = False
    """Whether the server is the user's own, and reports nothing of itself."""

    @property
    def status(self) -> Status:
        """The status of the first upload that was not accepted, or ok."""
        return next((row.status for row in self.rows if row.status not in ACCEPTED), Status.OK)

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.rows[0].size_bytes

    @property
    def route(self) -> str:
        """The app's route, as far as the method has one that is known."""
        method = self.rows[0].method
        return METHODS[method].route if method in METHODS else ""

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
    fix: str
    """What to change, as an order to the reader."""
    finding: str
    """The section of docs/findings.md that explains it."""
    figure: Figure
    better: str
    """The method to measure it against, if the lab has one with this fix."""
    of_times: bool
    """Whether it shows in times, which a busy host changes, too."""


class Cause(NamedTuple):
    """A rule that holds for some cells of a run."""

    rule: Rule
    figures: list[float]
    """One for each cell."""
    places: dict[str, list[str]]
    """The deployments by method."""
    times: float
    """How many times slower than the fastest way the worst of the cells is; infinite: a file was lost."""

    @property
    def sentence(self) -> str:
        """What holds, with the least and the greatest figure."""
        low, high = format(min(self.figures), self.rule.unit), format(max(self.figures), self.rule.unit)
        return self.rule.text.replace("{}", low if low == high else f"{low} to {high}")

    @property
    def where(self) -> str:
        """The ways that it holds for: ``request.files on flask, gunicorn``."""
        return "; ".join(f"{method} on {', '.join(names)}" for method, names in self.places.items())


RULES: list[Rule] = []
SEEN_BY_CLIENT = {"built-first", "busy-client", "body-in-memory"}
"""Rules that also hold at a server that reports nothing of itself; the fixes of others are for the lab's."""


def rule(
    fix: str, unit: str = ".0%", finding: str = "", better: str = "", of_times: bool = True
) -> Callable[[Figure], Figure]:
    """Register a rule; ``unit`` is how its figure is written, its finding has its name unless given."""

    def register(figure: Figure) -> Figure:
        name = figure.__name__.replace("_", "-")
        text = " ".join((figure.__doc__ or "").split())
        RULES.append(Rule(name, text, unit, fix, finding or name, figure, better, of_times))
        return figure

    return register


@rule(
    "client: send a Content-Length; or server: decode chunks, as config `uwsgi-chunked` does",
    unit=".0f",
    of_times=False,
)
def lost_body(cell: CellEvidence) -> float | None:
    """{} bytes were stored and the answer was a success: the server gave the app an empty body."""
    return 0.0 if cell.status is Status.WRONG and cell.median("stored_bytes") == 0 else None


@rule(
    "app: spool to the destination, as the method `request.files-direct` does", better="request.files-direct"
)
def copied_afterwards(cell: CellEvidence) -> float | None:
    """After the last byte was sent, the client waited {} of the time: the app copies the file that it had
    spooled. `request.files-direct` writes it once."""
    share = cell.share("response_wait_seconds")
    return share if cell.spools and share >= MUCH and not cell.app_came_last else None


@rule("server in front: switch request buffering off, as config `nginx-uwsgi-streaming` does")
def spooled_first(cell: CellEvidence) -> float | None:
    """After the last byte was sent, the client waited {} of the time, and the app was called only then: the
    server in front had spooled the whole body to disk. Forms are spooled again by the app."""
    share = cell.share("response_wait_seconds")
    return share if cell.spools and share >= MUCH and cell.app_came_last else None


@rule(STREAM_THE_FORM, better="request.files-streamed")
def built_first(cell: CellEvidence) -> float | None:
    """{} of the time had passed before the client connected: it built the whole body first."""
    share = cell.share("connected_seconds")
    # The way to a server of the user's own, and TLS, may take long where nothing is built.
    connects = cell.foreign and not (cell.rows[0].method == IN_MEMORY and cell.size_bytes >= SETTLED_BYTES)
    return share if share >= MUCH and not connects else None


@rule("client: send blocks of 1 MiB, or measure from a faster host")
def busy_client(cell: CellEvidence) -> float | None:
    """{} of the time the client itself was busy: it is the limit, not the server."""
    share = cell.share("client_cpu_seconds")
    return share if share >= MOST else None


@rule(STREAM_THE_FORM, unit=".1f", of_times=False, better="request.files-streamed")
def body_in_memory(cell: CellEvidence) -> float | None:
    """The client held the body {} times in memory: `files=` of requests builds all of it before it
    sends."""
    times = (cell.median("client_peak_rss_bytes") or 0) / cell.size_bytes
    return times if times >= 1 and cell.size_bytes >= 64 * MIB else None


def _busy(cell: CellEvidence) -> float | None:
    """Return how many times the CPU of the reference a server used that was busy most of the time."""
    times = (cell.median(CPU) or 0.0) / (_median(cell.reference, CPU) or inf)
    return times if cell.share(CPU) >= MOST and times >= 2 else None


@rule(READ_BLOCKS, unit=".0f", finding="read-by-bytes", better="request.stream")
def busy_with_lines(cell: CellEvidence) -> float | None:
    """The server used {} times the CPU of the reference, and was busy most of the time: the app reads
    lines."""
    return _busy(cell) if LINES in cell.route else None


@rule(PUSH_PARSER, unit=".0f", finding="parsed-form", better="multipart-push")
def busy_with_forms(cell: CellEvidence) -> float | None:
    """The server used {} times the CPU of the reference, and was busy most of the time: the app parses forms
    with Werkzeug's parser."""
    return _busy(cell) if cell.route.startswith(FORMS) else None


@rule("app: read larger blocks; or take a server that uses less CPU", unit=".0f")
def busy_server(cell: CellEvidence) -> float | None:
    """The server used {} times the CPU of the reference, and was busy most of the time."""
    return None if LINES in cell.route or cell.route.startswith(FORMS) else _busy(cell)


@rule("find what they wait for: `lab show` prints the times of one upload")
def idle(cell: CellEvidence) -> float | None:
    """{} of the time neither client nor server was busy: they waited for each other, for the disk, or
    for a timeout."""
    if cell.median(CPU) is None or cell.median("client_cpu_seconds") is None:
        return None
    share = 1 - cell.share(CPU) - cell.share("client_cpu_seconds")
    return share if share >= 0.5 else None


@rule(READ_BLOCKS, unit=".1f", of_times=False, better="request.stream")
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


@rule(PUSH_PARSER, better="multipart-push", of_times=False)
def parsed_form(cell: CellEvidence) -> float | None:
    """{} of the profiled time is spent in Werkzeug's multipart parser, with the file it writes to."""
    share = max(cell.calls.share(*parser) for parser in FORM_PARSERS) if cell.calls else 0.0
    return share if share >= MUCH else None


def diagnose(run: Run, rows: Sequence[Measurement], profiles: Profiles | None = None) -> list[Cause]:
    """Return each cause that slow pairs show at their largest size, the most expensive first."""
    order = [target.name for target in run.targets]
    fastest = _fastest(run, rows)
    causes: dict[str, Cause] = {}
    for measured in sorted(_largest(rows), key=lambda measured: order.index(measured[0].deployment)):
        first = measured[0]
        cell = _evidence(run, rows, measured, profiles)
        if _is_slow(cell):
            lost = cell.status is Status.WRONG
            times = inf if lost else (cell.median("seconds") or 0.0) / fastest.get(first.size_bytes, inf)
            for known, figure in _figures(cell).items():
                cause = causes.get(known.name, Cause(known, [], {}, 0.0))
                cause.figures.append(figure)
                cause.places.setdefault(first.method, []).append(first.deployment)
                causes[known.name] = cause._replace(times=max(cause.times, times))
    return sorted(causes.values(), key=lambda cause: -cause.times)


def explain(
    run: Run, rows: Sequence[Measurement], measured: Sequence[Measurement], profiles: Profiles | None = None
) -> list[Cause]:
    """Return each cause that one cell shows, slow or not."""
    figures = _figures(_evidence(run, rows, measured, profiles))
    return [Cause(known, [figure], {}, 1.0) for known, figure in figures.items()]


def _fastest(run: Run, rows: Sequence[Measurement]) -> dict[int, float]:
    """Return the median seconds of the fastest way of each size; a reference runs no app, and is no way."""
    best: dict[int, float] = {}
    references = reference_names(run)
    for measured in by_cell(row for row in rows if row.deployment not in references).values():
        seconds = _median(measured, "seconds")
        if seconds and all(row.status in ACCEPTED for row in measured):
            size_bytes = measured[0].size_bytes
            best[size_bytes] = min(best.get(size_bytes, seconds), seconds)
    return best


def _figures(cell: CellEvidence) -> dict[Rule, float]:
    """Return the figure of each cause that the cell shows.

    The times of a lost upload prove nothing, nor do those of uploads that the host disturbed.
    """
    disturbed = is_mostly_disturbed(cell.rows)
    rules = [known for known in RULES if cell.status is Status.OK or known.figure is lost_body]
    if cell.foreign:
        rules = [known for known in rules if known.name in SEEN_BY_CLIENT]
    rules = [known for known in rules if not (known.of_times and disturbed)]
    return {known: figure for known in rules if (figure := known.figure(cell)) is not None}


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
    calls = (profiles or {}).get((first.deployment, first.method))
    foreign = any(target.name == first.deployment and target.foreign for target in run.targets)
    return CellEvidence(cell, reference, calls, foreign)


def _is_slow(cell: CellEvidence) -> bool:
    if cell.status is not Status.OK or not cell.reference:
        return cell.status is not Status.UNAVAILABLE
    return (cell.median("seconds") or 0.0) * SLOW > (_median(cell.reference, "seconds") or 0.0)


def _median(rows: Sequence[Measurement], field: str) -> float | None:
    values = [value for row in rows if (value := getattr(row, field)) is not None]
    return median(values) if values else None
