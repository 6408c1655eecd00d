"""The commands of configs/reports, run together, and the rows that they show.

Each check of servers, and each of clients, is united with the others: a server starts once for all reports
that need the same slow cases. Any other command is run as it stands.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple

from uploadlab.catalogue.cases import CASES
from uploadlab.declared.reports import REPRODUCED, Report, Shown, load_reports
from uploadlab.model.checks import Check
from uploadlab.model.measurements import Measurement, Status
from uploadlab.storage.run_folder import RunFolder

from .helpers import lab

REPORTS = [report for found in load_reports().values() for report in found]
SHOWN = [report for report in REPORTS if report.answer == REPRODUCED]
SLOW_CASES = {"stall", "expect-100", "reads-slowly", "stops-reading"} | {
    name
    for name, case in CASES.items()
    if case.heavy or not case.usual or name.startswith(("crowd-", "early-"))
}
"""Cases that are tried only where a report needs them; the others take less time than a server's start."""
AT_ONCE = 2
"""Commands: they wait for most of their time."""
SLOWER, SLOWER_KEPT = 2.0, 1.2
"""How many times as long an upload takes that a report calls slower: of few, or the median of a kept run."""


class Answer(NamedTuple):
    """What a command has shown."""

    output: str
    checks: list[Check]
    measurements: list[Measurement]


class Words(NamedTuple):
    """The words of a command that can be united with others of its kind."""

    kind: str
    """``check --deployments``, ``check --clients`` or ``run --deployments``."""
    others: tuple[str, ...]
    """All but the names and the cases."""
    names: list[str]
    cases: list[str]

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """What commands must have in common whose rows are taken together."""
        return self.kind, self.others


def words_of(command: Sequence[str]) -> Words | None:
    """Those of a check or a run; None for any other command."""
    if command[0] not in ("check", "run"):
        return None
    options = dict(zip(command[1::2], command[2::2], strict=True))
    by = "--clients" if "--clients" in options else "--deployments"
    names, cases = options.pop(by).split(","), options.pop("--cases", "")
    others = tuple(word for pair in sorted(options.items()) for word in pair)
    return Words(f"{command[0]} {by}", others, names, cases.split(",") if cases else [])


def united(commands: Iterable[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Fewer commands that together try all that these try."""
    needed: dict[tuple[str, tuple[str, ...], str], set[str]] = {}
    for command in commands:
        if words := words_of(command):
            for name in words.names:
                needed.setdefault((*words.key, name), set()).update(words.cases)
        else:
            yield tuple(command)
    groups: dict[tuple[str, tuple[str, ...], frozenset[str]], dict[str, set[str]]] = {}
    for (kind, others, name), cases in needed.items():
        groups.setdefault((kind, others, frozenset(cases & SLOW_CASES)), {})[name] = cases
    for (kind, others, _), found in groups.items():
        tried = ",".join(sorted(set().union(*found.values())))
        which = ("--cases", tried) if tried else ()
        yield (*kind.split(), ",".join(sorted(found)), *which, *others)


def run_all(reports: Iterable[Report], folder: Path) -> dict[int, Answer]:
    """What the command of each report has shown, by the report's number."""
    reports = list(reports)
    commands = sorted({*united(report.command for report in reports)})

    def run(command: tuple[str, ...]) -> Answer:
        return _run(command, folder / str(commands.index(command)))

    with ThreadPoolExecutor(AT_ONCE) as terminals:
        answers = dict(zip(commands, terminals.map(run, commands), strict=True))

    def of(command: Sequence[str]) -> Answer:
        words = words_of(command)
        if not words:
            return answers[tuple(command)]
        alike = [answer for other, answer in answers.items() if (w := words_of(other)) and w.key == words.key]
        checks = [row for answer in alike for row in answer.checks]
        return Answer("", checks, [row for answer in alike for row in answer.measurements])

    return {report.number: of(report.command) for report in reports}


def _run(command: tuple[str, ...], out: Path) -> Answer:
    words = list(command)
    if command[0] in ("check", "run", "compare"):
        words += ["--runtime", "local", "--out", str(out)]
    done = lab(*words)
    output = done.stdout + done.stderr
    assert done.returncode in (0, 1), f"{shlex.join(command)}\n{output}"
    folders = [RunFolder(path) for path in out.iterdir()] if out.exists() else []
    checks = [row for folder in folders for row in folder.read_checks()]
    return Answer(output, checks, [row for folder in folders for row in folder.read_measurements()])


def disagrees(shown: Shown, answer: Answer) -> str:
    """What is wrong with a row that a report says is shown; empty if it is there."""
    if shown.case:
        return _wrong_check(shown, answer.checks)
    if shown.method:
        return _wrong_run(shown, answer.measurements)
    return "" if shown.says in answer.output else f"{shown.says!r} is not in\n{answer.output}"


def _wrong_check(shown: Shown, checks: Sequence[Check]) -> str:
    rows = [
        row
        for row in checks
        if (row.deployment, row.case) == (shown.at, shown.case)
        and shown.route in ("", row.route) and shown.label in ("", row.label)
    ]  # fmt: skip
    agree = [
        row
        for row in rows
        if shown.verdict in ("", row.verdict)
        and shown.code in ("", row.code)
        and shown.says in row.text
        and not (shown.unstored and row.stored_bytes)
    ]
    return "" if agree and (shown.any_row or agree == rows) else f"{shown} is not what {rows} show"


def _wrong_run(shown: Shown, measurements: Sequence[Measurement]) -> str:
    at = f"{shown.at}@{shown.link}" if shown.link else shown.at
    rows = [row for row in measurements if row.deployment == at and not row.warmup]
    mine = [row for row in rows if row.method == shown.method]
    agree = [
        row
        for row in mine
        if shown.verdict in ("", row.status) and shown.says in (row.error or "")
        and not (shown.unstored and row.status not in (Status.REFUSED, Status.FAILED))
    ]  # fmt: skip
    if not agree or (agree != mine and not shown.any_row):
        return f"{shown} is not what {mine} show"
    if shown.slower_than:
        others = [row.seconds or 0.0 for row in rows if row.method == shown.slower_than]
        seconds = [row.seconds or 0.0 for row in agree]
        factor = SLOWER_KEPT if shown.only_kept else SLOWER
        of: Callable[[list[float]], float] = median if shown.only_kept else min
        if not others or of(seconds) < factor * of(others):
            return f"{shown} is not slower: {rows}"
    return ""
