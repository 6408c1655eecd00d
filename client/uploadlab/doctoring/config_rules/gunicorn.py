"""What gunicorn's options limit or lose."""

from collections.abc import Iterator, Mapping, Sequence

from uploadlab.doctoring.config_rules.options import Given, Options, bases_of, python_options
from uploadlab.doctoring.config_rules.saying import ConfigFile, ReadConfig, Said, finding_of, limit_found
from uploadlab.doctoring.config_rules.values import number_of
from uploadlab.model.diagnoses import Confidence, Finding, Weight

SHORT_KEEPALIVE_SECONDS = 5
STOCK_LINE_BYTES, STOCK_HEADER_BYTES = 4094, 8190


def gunicorn_reading(
    files: Sequence[ConfigFile], overriding: Mapping[str, Given] | None = None
) -> ReadConfig:
    """Return the findings of gunicorn's Python files, each by itself, beside the options of a command line.

    Raise UsageError for a file that is no Python.
    """
    findings = []
    for file in files:
        options = python_options(file).overridden(overriding or {})
        findings += gunicorn_findings(
            options, worker_of(options, bases_of(file, options.value("worker_class")))
        )
    return ReadConfig(findings)


def worker_of(options: Options, bases: Sequence[str] = ()) -> str:
    """Return ``sync``, ``gthread``, or another kind of worker; a class of the config is what it extends."""
    name = options.value("worker_class") or "sync"
    for word in (name, *bases):
        if "thread" in word.lower():
            return "gthread"
    if name.lower().rpartition(".")[2] in ("sync", "syncworker") or "SyncWorker" in bases:
        threads = options.value("threads")
        return "gthread" if threads and number_of(threads) != 1 else "sync"
    return name.lower()


def gunicorn_findings(options: Options, worker: str) -> list[Finding]:
    """Return what the options of one gunicorn limit or lose, with this kind of worker."""
    findings = [*_heads(options), *_restarts(options)]
    if worker == "sync":
        findings += _sync(options)
    elif worker == "gthread":
        findings += _kept(options)
    return [finding for finding in findings if finding]


def _sync(options: Options) -> Iterator[Finding | None]:
    value = options.value("timeout", "t") or "30"
    said = options.said(("timeout", "t"), "30 s")
    kind = options.said(("worker_class", "k"), "sync")
    counts = Said(said.place, (*said.evidence, *kind.evidence), said.confidence)
    yield limit_found("gunicorn.timeout", number_of(value), value, counts)
    workers = number_of(options.value("workers", "w") or "1")
    if workers == 1:
        yield finding_of(
            "gunicorn.workers",
            "one slow client holds up all other uploads",
            Weight.NOTE,
            options.said(("workers", "w"), "1"),
        )
    elif workers:
        symptom = f"{workers} slow clients hold up all other uploads"
        yield finding_of("gunicorn.workers", symptom, Weight.NOTE, options.said(("workers", "w"), "1"))


def _kept(options: Options) -> Iterator[Finding | None]:
    value = number_of(options.value("keepalive") or "2")
    if value is not None and 0 < value <= SHORT_KEEPALIVE_SECONDS:
        said = options.said(("keepalive",), "2 s")
        symptom = f"an upload that a front sends on a connection idle for {value} s may be a 502"
        yield finding_of(
            "gunicorn.keepalive", symptom, Weight.NOTE, Said(said.place, said.evidence, Confidence.POSSIBLE)
        )


def _heads(options: Options) -> Iterator[Finding | None]:
    for option, stock in (
        ("limit_request_field_size", STOCK_HEADER_BYTES),
        ("limit_request_line", STOCK_LINE_BYTES),
    ):
        value = options.value(option) or str(stock)
        if (number_of(value) or 0) <= stock:
            yield limit_found(
                f"gunicorn.{option}", number_of(value), value, options.said((option,), f"{stock} bytes")
            )


def _restarts(options: Options) -> Iterator[Finding | None]:
    value = options.value("graceful_timeout")
    if (number_of(value) or 0) > 0:
        said = options.given["graceful_timeout"].said
        symptom = f"after a reload gunicorn ends uploads that take over {value} s more"
        yield finding_of("gunicorn.graceful_timeout", symptom, Weight.NOTE, said)
