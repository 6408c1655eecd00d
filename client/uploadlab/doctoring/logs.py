"""Lines of logs that show why uploads fail: of servers, fronts, apps and clients. It needs no network."""

import gzip
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache, cached_property
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec
from msgspec import Struct

from uploadlab.errors import LabError, problem_of
from uploadlab.model.diagnoses import Alternative, Confidence, Diagnosis, Finding, Weight
from uploadlab.plain_text import plain
from uploadlab.private_urls import HIDDEN, masked
from uploadlab.units import format_size

STDIN = "-"
BATCH_LINES = 500
"""Lines that are searched at once for the needles: together they are found in a tenth of the time."""
LONGEST_LINE = 16 << 10
"""Bytes of a line that are read: what a line says stands at its beginning, and a log may be one line."""
SHOWN_BEFORE, SHOWN = 60, 240
"""Letters of an example: before what matched, and in all."""
QUERY = re.compile(r"\?[^\s\"']+")
SECRET = re.compile(
    r"(?i)(\b(?:authorization|cookie|set-cookie|token|api-key|password)[\"']?\s*[:=]\s*\[?[\"']?)[^\"'\],;]+"
)
"""Values of headers that may be a login; Caddy's lines have headers."""
COLOURS = re.compile(r"\x1b\[[\d;]*m")
"""What Flask's development server puts around its lines."""
WEIGHTS, CONFIDENCES = list(Weight), list(Confidence)


class LogLine(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A kind of line, and what it shows; log_lines.toml explains the fields."""

    of: str
    needle: str
    pattern: str
    cause: str
    weight: Weight
    confidence: Confidence
    says: str
    source: str
    seen: str = "observed"
    others: list[tuple[str, str]] = []

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The pattern, compiled."""
        return re.compile(self.pattern)


class _LogLines(Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    checked: date
    line: list[LogLine]


class Matched(NamedTuple):
    """Lines of one kind: how many, from where to where, and the first of them."""

    many: int
    first: int
    last: int
    example: str
    largest_bytes: int = 0
    """The largest body that the lines name; 0: they name none."""

    @property
    def evidence(self) -> list[str]:
        """The lines in words."""
        where = (
            f"Line {self.first}"
            if self.many == 1
            else f"{self.many} lines, from line {self.first} to line {self.last}"
        )
        largest = [f"The largest body: {format_size(self.largest_bytes)}"] if self.largest_bytes else []
        return [f"{where}: {self.example}", *largest]


@cache
def load_log_lines() -> list[LogLine]:
    """Return all kinds of lines that are known."""
    text = (files("uploadlab.doctoring") / "log_lines.toml").read_bytes()
    return msgspec.toml.decode(text, type=_LogLines).line


def read_log(path: str) -> Diagnosis:
    """Return what a log shows, ``-`` being the standard input and ``.gz`` a packed log; raise LabError."""
    name = "standard input" if path == STDIN else path
    try:
        with _opened(path) as log:
            findings = log_findings(name, _lines(log))
    except (OSError, EOFError) as error:
        problem = problem_of(error) if isinstance(error, OSError) else "the packed file ends too early"
        raise LabError(
            f"{path} was not read: {problem}; name a log that you may read, or - for the standard input"
        ) from None
    nothing = [] if findings else [f"{name}: no line of a kind that the doctor knows"]
    return Diagnosis(subject=name, findings=findings, facts=nothing)


def log_findings(name: str, lines: Iterable[str]) -> list[Finding]:
    """Return a finding for each kind of line that a log has, the worst first; hold only few of the lines."""
    found: dict[int, Matched] = {}
    first = 1
    rest = iter(lines)
    while batch := list(islice(rest, BATCH_LINES)):
        _search(batch, first, found)
        first += len(batch)
    kinds = load_log_lines()
    findings = [(_finding(name, kinds[number], matched), matched.many) for number, matched in found.items()]
    findings.sort(key=lambda item: _order(*item))
    return [finding for finding, _ in findings]


def _search(batch: list[str], first: int, found: dict[int, Matched]) -> None:
    """Add the lines of a batch, whose first one has the number ``first``, to those that were found."""
    text = "\n".join(batch)
    if "\x1b" in text:
        text = COLOURS.sub("", text)
        batch = text.split("\n")
    for kind, line_kind in enumerate(load_log_lines()):
        needle = line_kind.needle
        if needle not in text:
            continue
        for number, line in enumerate(batch, first):
            if needle in line and (match := line_kind.expression.search(line)):
                found[kind] = _added(found.get(kind), number, line, match)


def _added(before: Matched | None, number: int, line: str, match: re.Match[str]) -> Matched:
    """Return what was found before, and one line more."""
    size = int(match.groupdict().get("bytes") or 0)
    if before is None:
        return Matched(1, number, number, _example(line, match.start()), size)
    return before._replace(many=before.many + 1, last=number, largest_bytes=max(size, before.largest_bytes))


def _example(line: str, start: int) -> str:
    """Return a line as anyone may see it, cut to what matched and its surroundings."""
    begin = max(0, start - SHOWN_BEFORE)
    begin = 0 if begin < SHOWN_BEFORE else begin
    shown = masked(QUERY.sub(f"?{HIDDEN}", SECRET.sub(rf"\1{HIDDEN}", line.rstrip())))
    # What is masked before the match moves it; a login in front of it must not come back.
    begin = min(begin, max(0, len(shown) - SHOWN))
    return plain(f"{'...' if begin else ''}{shown[begin:]}".strip(), SHOWN)


def _finding(name: str, kind: LogLine, matched: Matched) -> Finding:
    return Finding(
        symptom=kind.says, weight=kind.weight, cause=kind.cause, confidence=kind.confidence,
        evidence=matched.evidence, place=f"{name}:{matched.first}", is_logged=True,
        others=[Alternative(cause=cause, test=test) for cause, test in kind.others],
    )  # fmt: skip


def _order(finding: Finding, count: int) -> tuple[int, int, int]:
    """Return what the worst and surest findings come first by, and of those the most frequent."""
    return WEIGHTS.index(finding.weight), CONFIDENCES.index(finding.confidence), -count


def _opened(path: str) -> BinaryIO:
    if path == STDIN:
        return sys.stdin.buffer
    return cast(BinaryIO, gzip.open(path)) if path.endswith(".gz") else Path(path).open("rb")


def _lines(log: BinaryIO) -> Iterator[str]:
    """Yield the lines of a log, each only as far as it is looked at."""
    while line := log.readline(LONGEST_LINE):
        yield line.decode(errors="replace").rstrip("\r\n")
        while line and not line.endswith(b"\n"):
            line = log.readline(LONGEST_LINE)
