"""What uWSGI's options limit, buffer or lose."""

from collections.abc import Iterator, Mapping, Sequence

from uploadlab.doctoring.config_rules.options import Given, Options, ini_options
from uploadlab.doctoring.config_rules.saying import (
    ConfigFile,
    ReadConfig,
    Said,
    as_note,
    finding_of,
    limit_found,
)
from uploadlab.doctoring.config_rules.values import number_of
from uploadlab.model.diagnoses import Confidence, Finding, Weight
from uploadlab.units import KIB, format_size

SOCKETS = ("http-socket", "http11-socket", "https-socket")
"""uWSGI speaks HTTP by itself."""
ROUTERS = ("http", "https")
"""A process in front of the workers speaks HTTP."""
READS_CHUNKS = ("chunked-input-limit", "chunked-input-timeout", "wsgi-manage-chunked-input")
"""Options that only an app needs which reads chunks."""
OFF = {"0", "false", "off", "no"}
STOCK_HEADER_BYTES = 4 * KIB
SMALL_PIECE_BYTES = 32 * KIB


def uwsgi_reading(files: Sequence[ConfigFile], overriding: Mapping[str, Given] | None = None) -> ReadConfig:
    """Return the findings of uWSGI's ini files, each by itself, beside the options of a command line."""
    read = [ini_options(file).overridden(overriding or {}) for file in files]
    findings = [finding for options in read for finding in uwsgi_findings(options)]
    return ReadConfig(findings, [line for options in read for line in options.unread])


def uwsgi_findings(options: Options) -> list[Finding]:
    """Return what the options of one uWSGI limit, buffer or lose."""
    return [
        *_chunked(options),
        *_pieces(options),
        *_times(options),
        *_sizes(options),
        *_places(options),
    ]


def is_behind(options: Options) -> bool:
    """Tell whether another server stands in front: uWSGI speaks its own protocol alone."""
    return not any(name in options.given for name in (*SOCKETS, *ROUTERS))


def _chunked(options: Options) -> Iterator[Finding]:
    router = next((name for name in ROUTERS if name in options.given), "")
    lost = "Flask stores an empty file for each chunked body and answers with success"
    passes = options.given.get("http-chunked-input")
    if router and (not passes or passes.value.lower() in OFF):
        said = options.said(("http-chunked-input",), "off")
        evidence = (*options.given[router].said.evidence, *said.evidence)
        yield finding_of(
            "uwsgi.http-chunked-input",
            lost,
            Weight.LOSS,
            Said(options.given[router].said.place, evidence, said.confidence),
        )
        return
    socket = router or next((name for name in SOCKETS if name in options.given), "")
    if socket and not any(name in options.given for name in READS_CHUNKS):
        given = options.given[socket].said
        doubt = "nothing shows that the app reads chunks: no chunked-input-limit, as for uwsgi.chunked_read()"
        confidence = Confidence.LIKELY if options.unread else Confidence.PROVEN
        yield finding_of(
            "uwsgi.chunked-input", lost, Weight.LOSS, Said(given.place, (*given.evidence, doubt), confidence)
        )


def _pieces(options: Options) -> Iterator[Finding]:
    if "post-buffering" not in options.given:
        return
    said, value = options.given["post-buffering"].said, options.value("post-buffering")
    size_bytes = number_of(value)
    if size_bytes is None and "$" in value:
        return
    if not size_bytes:
        symptom = f"post-buffering = {value or 'true'} is read as 0: it is a size, and does nothing"
        yield finding_of("uwsgi.post-buffering", symptom, Weight.NOTE, said)
        return
    symptom = "uWSGI takes each large body to a file before it calls the app"
    weight = Weight.NOTE
    if size_bytes < SMALL_PIECE_BYTES:
        symptom = f"uWSGI reads each body in pieces of {format_size(size_bytes)}, so uploads take very long"
        weight = Weight.PROBLEM if size_bytes < STOCK_HEADER_BYTES else Weight.NOTE
    yield finding_of("uwsgi.post-buffering", symptom, weight, said)


def _times(options: Options) -> Iterator[Finding]:
    for names, cause, default in (
        (("socket-timeout", "z"), "uwsgi.socket-timeout", "4"),
        (("harakiri", "t"), "uwsgi.harakiri", "0"),
        (("http-timeout",), "uwsgi.http-timeout", "60" if set(ROUTERS) & set(options.given) else "0"),
    ):
        value = options.value(*names) or default
        said = options.said(names, f"{default} s")
        finding = limit_found(cause, number_of(value), value, said)
        if finding and cause == "uwsgi.socket-timeout" and is_behind(options):
            finding = as_note(
                finding, "it counts only if the server in front passes bodies on while they arrive"
            )
        if finding:
            yield finding


def _sizes(options: Options) -> Iterator[Finding]:
    for names, cause, default in (
        (("limit-post",), "uwsgi.limit-post", "0"),
        (("buffer-size", "b"), "uwsgi.buffer-size", "4096"),
    ):
        value = options.value(*names) or default
        finding = limit_found(cause, number_of(value), value, options.said(names, f"{default} bytes"))
        if finding and not (cause == "uwsgi.buffer-size" and (number_of(value) or 0) > STOCK_HEADER_BYTES):
            yield finding


def _places(options: Options) -> Iterator[Finding]:
    """Find how few uploads can be under way at once, and wait."""
    processes, threads = options.value("processes", "workers", "p"), options.value("threads")
    count = (number_of(processes or "1") or 0) * (number_of(threads or "1") or 0)
    if 0 < count <= 4:
        names = ("processes", "workers", "p")
        yield finding_of(
            "uwsgi.processes",
            f"{'one slow client holds' if count == 1 else f'{count} slow clients hold'} up all other uploads",
            Weight.NOTE,
            options.said(names, "1 process"),
        )
    if "listen" not in options.given:
        yield finding_of(
            "uwsgi.listen",
            "uploads over 100 that wait at the same time find the queue full",
            Weight.NOTE,
            options.said(("listen", "l"), "100"),
        )
