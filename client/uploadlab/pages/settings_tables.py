"""What each setting is there for, and what its turning did. Pure: configs and runs in, text out."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from uploadlab.analysis.load import LoadSummary
from uploadlab.analysis.ratios import LEAST_ROUNDS, ratio_rows
from uploadlab.declared.goals import Below, Goals, Ratio
from uploadlab.declared.knobs import CONFIG, Knob
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Deployment
from uploadlab.model.measurements import ACCEPTED, Measurement
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Table, TableRow

TINY = 0.1
"""Ratios below it are told by two digits that say something."""
HEADER = ["ours", "default", "why", "in its place, and what that does"]
BREAK = "<br>"
"""Between lines of one cell in Markdown."""


class Setting(NamedTuple):
    """A line of a config."""

    option: str
    text: str
    """As it stands there, with its value."""
    reason: str
    """The comment above it, or behind it."""


class Turned(NamedTuple):
    """What the committed runs of the knobs recorded."""

    run: Run
    rows: Sequence[Measurement]
    steps: Sequence[LoadSummary]
    checks: Sequence[Check]


def settings(text: str) -> Iterator[Setting]:
    """Those lines of a config, in whatever language, that have a reason: what is not a default."""
    above: list[str] = []
    for line in text.splitlines():
        if comment := re.match(r"\s*[;#]\s*(.*)", line):
            above.append(comment[1])
            continue
        set_to = re.match(
            r"\s*([\w.-]+)(?:\s*=\s*|\s+)((?:[^;#{}]|\$\{\w+\})*(?:[^;#{}\s]|\$\{\w+\}))\s*;?\s*(?:#\s*(.*))?$",
            line,
        )
        reason = (set_to[3] if set_to else "") or " ".join(above)
        if set_to and reason and not line.startswith(("import", "[")):
            yield Setting(set_to[1], line[: set_to.end(2)].strip(), reason)
        above = []


def settings_table(one: Deployment, texts: Sequence[str], knobs: Sequence[Knob], turned: Turned) -> Table:
    """A deployment's settings, then what else was tried."""
    mine = [knob for knob in knobs if knob.deployment == one.name]
    lines = [line for text in texts for line in settings(text)]
    rows = [_line_row(line, mine, turned) for line in lines]
    for option in dict.fromkeys(knob.option for knob in mine):
        if option not in {line.option for line in lines}:
            rows.append(setting_row(one, texts, mine, option, turned))
    return Table(one.name, HEADER, [TableRow(row) for row in rows])


def setting_row(
    one: Deployment, texts: Sequence[str], knobs: Sequence[Knob], option: str, turned: Turned
) -> list[str]:
    """What is shipped in a setting's place, its default, why, and what its turning did."""
    mine = [knob for knob in knobs if (knob.deployment, knob.option) == (one.name, option)]
    line = next((line for text in texts for line in settings(text) if line.option == option), None)
    if line:
        return _line_row(line, mine, turned)
    why = BREAK.join(dict.fromkeys(knob.why for knob in mine))
    return [*_told(_shipped(one, texts, option), why), _effects(mine, option, turned)]


def _line_row(line: Setting, mine: Sequence[Knob], turned: Turned) -> list[str]:
    return [*_told(f"`{line.text}`", line.reason), _effects(mine, line.option, turned)]


def _told(shipped: str, reason: str) -> list[str]:
    """What is shipped, and its reason with the default apart: ``4 s by default: an upload ...``."""
    first = re.match(r"([^;:,.]{1,20}) by default(?:[;:]|, and here:)?\s*(.*)", reason)
    last = re.match(r"(.*)[,;] ([^;:,]{1,20}) by default$", reason)
    if first:
        return [shipped, first[1], first[2]]
    return [shipped, last[2], last[1]] if last else [shipped, "", reason]


def _shipped(one: Deployment, texts: Sequence[str], option: str) -> str:
    """What the deployment has where no line with a reason says so."""
    if option == CONFIG:
        return "the config"
    for text in texts:
        if line := re.search(rf"^{re.escape(option)} = .*$", text, re.MULTILINE):
            return f"`{line[0]}`"
    value = next((value for part in one.services if (value := part.environment.get(option))), "")
    return f"`{option} = {value}`" if value else f"no `{option}`"


def _effects(knobs: Sequence[Knob], option: str, turned: Turned) -> str:
    """A line for each value that was tried."""
    return BREAK.join(
        f"{_said(knob, value)}: {'; '.join(_seen(knob, value, turned)) or 'not measured'}"
        for knob in knobs
        if knob.option == option
        for value in knob.values
    )


def _said(knob: Knob, value: str) -> str:
    return f"`{value.removeprefix('configs/')}`" if value else "without"


def _seen(knob: Knob, value: str, turned: Turned) -> Iterator[str]:
    for method in knob.methods:
        yield from _rates(knob, value, method, turned)
    for case in knob.cases:
        yield from _arrivals(knob.name(value), case, turned)
    if knob.users:
        yield from _crowds(knob, value, turned)


def _rates(knob: Knob, value: str, method: str, turned: Turned) -> Iterator[str]:
    """The rate as a multiple of that with what is shipped."""
    against = [Below(deployment=knob.deployment)]
    asked = Ratio(
        deployments=[knob.name(value)], method=method, size=knob.size, against=against,
        goal=1.0, why="", by_cpu=False,
    )  # fmt: skip
    for row in ratio_rows(turned.run, turned.rows, Goals([asked])):
        if row.interval is None or row.rounds < LEAST_ROUNDS:
            yield f"{method}: {row.instead.rpartition(' ')[2] or 'too few rounds'}"
            continue
        _, low, high = row.interval
        same = "no difference, " if low <= 1 <= high else ""
        ratio, *ends = (f"{value:.2f}" if value >= TINY else f"{value:.2g}" for value in row.interval)
        yield f"{method}: {same}{ratio} times as fast [{', '.join(ends)}]"


def _arrivals(name: str, case: str, turned: Turned) -> Iterator[str]:
    """What became of a case of the check."""
    if rows := [row for row in turned.checks if (row.deployment, row.case) == (name, case)]:
        yield f"{case}: {came(rows)[0]}"


def came(rows: Sequence[Check]) -> list[str]:
    """What went wrong in a case, each thing once; or that it passed, with the statuses of its refusals."""
    bad = dict.fromkeys(f"{row.verdict}, {row.text}" for row in rows if row.verdict is not Verdict.PASS)
    passed = dict.fromkeys([Verdict.PASS, *(row.text for row in rows if row.text)])
    return list(bad) or [" ".join(passed)]


def _crowds(knob: Knob, value: str, turned: Turned) -> Iterator[str]:
    """The slowest of many uploads, beside that with what is shipped."""
    found = {one.step.cell.deployment: one for one in turned.steps if one.step.users == knob.users}
    mine, shipped = found.get(knob.name(value)), found.get(knob.deployment)
    if mine and shipped:
        lost = sum(number for status, number in mine.statuses.items() if status not in ACCEPTED)
        yield (
            f"{knob.users} users at once: p99 of an upload {mine.seconds_p99 or 0:.2f} s, "
            f"not {shipped.seconds_p99 or 0:.2f} s; {lost} not ok"
        )
