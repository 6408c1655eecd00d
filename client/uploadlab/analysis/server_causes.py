"""Causes that the lab's own servers prove, from what they and the client record."""

from math import inf

from uploadlab.analysis.cause_rules import MOST, MUCH, SETTLED_BYTES, CellEvidence, known_median, rule
from uploadlab.model.measurements import Status
from uploadlab.units import MIB

CPU = "server_cpu_seconds"
STREAM_THE_FORM = "client: send the form piece by piece, as method `request.files-streamed` does"
READ_BLOCKS = "app: read the body in blocks, not by lines, as method `request.stream` does"
PUSH_PARSER = "app: parse forms with a push parser, as method `multipart-push` does"
IN_MEMORY = "request.files"
"""The method whose client builds the whole body first."""
LINES, FORMS, DIRECT = "reader=lines", "/request-files", "spool=direct"
"""What routes have that read lines, or parse forms, and of these the one that stores the file once."""


@rule(
    "client: send a Content-Length; or server: decode the chunks, as config `uwsgi-chunked` does",
    unit=".0f",
    of_times=False,
    of_losses=True,
)
def lost_body(cell: CellEvidence) -> float | None:
    """The answer was a success, but {} bytes were stored: the server gave the app an empty body."""
    return 0.0 if cell.status is Status.WRONG and cell.median("stored_bytes") == 0 else None


@rule(
    "app: write the form's file straight to its destination, as method `request.files-direct` does",
    better="request.files-direct",
)
def copied_afterwards(cell: CellEvidence) -> float | None:
    """After the last byte, the client waited for {} of the upload's time: the app copied its temporary file.
    `request.files-direct` writes the file once."""
    share = cell.share("response_wait_seconds")
    return share if cell.spools and share >= MUCH and not cell.app_came_last else None


@rule("front server: switch request buffering off, as config `nginx-uwsgi-streaming` does")
def spooled_first(cell: CellEvidence) -> float | None:
    """After the last byte, the client waited for {} of the upload's time: the front server wrote the whole
    body to disk before it called the app. The app writes the file of a form to disk once more."""
    share = cell.share("response_wait_seconds")
    return share if cell.spools and share >= MUCH and cell.app_came_last else None


@rule(STREAM_THE_FORM, better="request.files-streamed", by_client=True)
def built_first(cell: CellEvidence) -> float | None:
    """The client connected after {} of the upload's time: it built the whole body first."""
    share = cell.share("connected_seconds")
    # The way to a server of the user's own, and TLS, may take long where nothing is built.
    connects = cell.foreign and not (cell.rows[0].method == IN_MEMORY and cell.size_bytes >= SETTLED_BYTES)
    return share if share >= MUCH and not connects else None


@rule("client: send blocks of 1 MiB, or measure from a faster host", by_client=True)
def busy_client(cell: CellEvidence) -> float | None:
    """The client was busy for {} of the time: the client is the limit, not the server."""
    if cell.link:  # a client may turn in circles while it waits for the line
        return None
    share = cell.share("client_cpu_seconds")
    return min(share, 1.0) if share >= MOST else None  # of several processes the sum may be more


@rule(STREAM_THE_FORM, unit=".1f", better="request.files-streamed", of_times=False, by_client=True)
def body_in_memory(cell: CellEvidence) -> float | None:
    """The client's memory reached {} times the size of the body: `files=` of requests builds the whole body
    before it sends."""
    if cell.client not in ("", "requests"):  # others need memory for more than the body: a browser, 900 MB
        return None
    times = (cell.median("client_peak_rss_bytes") or 0) / cell.size_bytes
    return times if times >= 1 and cell.size_bytes >= 64 * MIB else None


def _busy(cell: CellEvidence) -> float | None:
    """Return how many times the CPU of the reference a server used that was busy most of the time."""
    times = (cell.median(CPU) or 0.0) / (known_median(cell.reference, CPU) or inf)
    return times if cell.share(CPU) >= MOST and times >= 2 else None


def _is_stored_twice(cell: CellEvidence) -> bool:
    return cell.route.startswith(FORMS) and DIRECT not in cell.route


@rule(READ_BLOCKS, unit=".0f", finding="read-by-bytes", better="request.stream")
def busy_with_lines(cell: CellEvidence) -> float | None:
    """The server used {} times the CPU of the reference, and was busy most of the time: the app reads
    lines."""
    return _busy(cell) if LINES in cell.route else None


@rule(PUSH_PARSER, unit=".0f", finding="parsed-form", better="multipart-push")
def busy_with_forms(cell: CellEvidence) -> float | None:
    """The server used {} times the CPU of the reference, and was busy most of the time: the app parses a
    form, and stores its file twice."""
    return _busy(cell) if _is_stored_twice(cell) else None


@rule("app: read larger blocks, or choose a server that uses less CPU", unit=".0f")
def busy_server(cell: CellEvidence) -> float | None:
    """The server used {} times the CPU of the reference, and was busy most of the time."""
    return None if LINES in cell.route or _is_stored_twice(cell) else _busy(cell)


@rule("look for what they wait for: `lab show` prints the times of an upload")
def idle(cell: CellEvidence) -> float | None:
    """For {} of the time neither client nor server was busy: they waited for each other, for the disk, or
    for a timeout."""
    if cell.link or cell.median(CPU) is None or cell.median("client_cpu_seconds") is None:
        return None  # over a link, both wait for the line
    share = 1 - cell.share(CPU) - cell.share("client_cpu_seconds")
    return share if share >= 0.5 else None


@rule(READ_BLOCKS, unit=".1f", of_times=False, better="request.stream")
def read_by_bytes(cell: CellEvidence) -> float | None:
    """`LimitedStream.readinto` was called {} times for each byte: the app reads lines, and Werkzeug reads a
    line byte by byte."""
    times = cell.calls.per_byte("werkzeug/wsgi.py", "readinto") if cell.calls else 0.0
    return times if times >= 0.5 else None


FORM_PARSERS = (
    ("upload_app/form_parser.py", "_events"),
    ("werkzeug/formparser.py", "_parse_multipart"),  # in runs of older versions
)
"""File and function that read a form, and give all of it to Werkzeug's decoder."""


@rule(PUSH_PARSER, better="multipart-push", of_times=False)
def parsed_form(cell: CellEvidence) -> float | None:
    """Werkzeug's multipart parser took {} of the profiled time, reading the body included."""
    share = max(cell.calls.share(*parser) for parser in FORM_PARSERS) if cell.calls else 0.0
    return share if share >= MUCH else None
