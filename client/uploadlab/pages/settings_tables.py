"""What each setting is for, and what changing it did. Pure: configs and runs in, text out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from uploadlab.analysis.cells import by_cell, summarize
from uploadlab.analysis.load import LoadSummary
from uploadlab.analysis.ratios import RatioRow, ratio_rows
from uploadlab.analysis.round_pairs import times_as_much
from uploadlab.analysis.significance import LEAST_ROUNDS, Interval
from uploadlab.declared.config_syntax import Setting, parse_config
from uploadlab.declared.goals import Below, Goals, Ratio
from uploadlab.declared.knobs import CONFIG, Knob
from uploadlab.model.cells import Cell
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Deployment
from uploadlab.model.measurements import ACCEPTED, Measurement
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Table, TableRow
from uploadlab.presenting.figures import between, times
from uploadlab.units import parse_size

HEADER = ["ours", "default", "why", "changed to, and what that did"]


CPU_FIELDS = {"server": "server_cpu_seconds", "client": "client_cpu_seconds"}
"""What is measured of each side."""


BREAK = "<br>"
"""Between lines of one cell in Markdown."""


class Turned(NamedTuple):
    """The records of the committed run of the knobs."""

    run: Run
    rows: Sequence[Measurement]
    steps: Sequence[LoadSummary]
    checks: Sequence[Check]


def settings_table(
    deployment: Deployment, texts: Mapping[str, str], knobs: Sequence[Knob], turned: Turned
) -> Table:
    """Return a deployment's settings that have a reason, then the other options that knobs change.

    ``texts`` are its configs by path.
    """
    mine = [knob for knob in knobs if knob.deployment == deployment.name]
    settings = [setting for setting in _settings(texts) if setting.reason]
    rows = [_setting_row(setting, mine, turned) for setting in settings]
    for option in dict.fromkeys(knob.option for knob in mine):
        if option not in {setting.option for setting in settings}:
            rows.append(option_row(deployment, texts, mine, option, turned))
    return Table(deployment.name, HEADER, [TableRow(row) for row in rows])


def option_row(
    deployment: Deployment, texts: Mapping[str, str], knobs: Sequence[Knob], option: str, turned: Turned
) -> list[str]:
    """Return what is shipped for an option, the default, the reason, and what changing it did."""
    mine = [knob for knob in knobs if (knob.deployment, knob.option) == (deployment.name, option)]
    settings = [setting for setting in _settings(texts) if setting.option == option]
    if reasoned := [setting for setting in settings if setting.reason]:
        return _setting_row(reasoned[0], mine, turned)
    values = [value for part in deployment.services if (value := part.environment.get(option))]
    shipped = [setting.text for setting in settings] + [f"{option} = {value}" for value in values]
    text = "the config" if option == CONFIG else f"`{shipped[0]}`" if shipped else f"no `{option}`"
    why = BREAK.join(dict.fromkeys(knob.why for knob in mine))
    return [text, *_default_and_reason(why), _effects(mine, option, turned)]


def _settings(texts: Mapping[str, str]) -> list[Setting]:
    return [setting for path, text in texts.items() for setting in parse_config(path, text)]


def _setting_row(setting: Setting, mine: Sequence[Knob], turned: Turned) -> list[str]:
    effects = _effects(mine, setting.option, turned)
    return [f"`{setting.text}`", *_default_and_reason(setting.reason), effects]


def _default_and_reason(reason: str) -> list[str]:
    """Return the default that a reason names, and the rest: ``4 s by default: an upload ...``."""
    if first := re.match(r"([^;:,.]{1,20}) by default(?:[;:]|, and here:)?\s*(.*)", reason):
        return [first[1], first[2]]
    last = re.match(r"(.*)[,;] ([^;:,]{1,20}) by default$", reason)
    return [last[2], last[1]] if last else ["", reason]


def _effects(knobs: Sequence[Knob], option: str, turned: Turned) -> str:
    """Return a line for each value that was tried."""
    lines = []
    for knob in knobs:
        for value in knob.values if knob.option == option else []:
            name = f"`{value.removeprefix('configs/')}`" if value else "without"
            lines.append(f"{name}: {'; '.join(_seen(knob, value, turned)) or 'not measured'}")
    return BREAK.join(lines)


def _seen(knob: Knob, value: str, turned: Turned) -> Iterator[str]:
    for method in knob.methods:
        yield from _rates(knob, value, method, turned)
        yield from _cpu(knob, value, method, turned) if knob.cpu else ()
    for case in knob.cases:
        if rows := [row for row in turned.checks if (row.deployment, row.case) == (knob.name(value), case)]:
            yield f"{case}: {case_result(rows)}"
    if knob.users:
        yield from _crowds(knob, value, turned)


def knob_ratios(knob: Knob, value: str, method: str, turned: Turned) -> list[RatioRow]:
    """Return the rate as a multiple of the rate with what is shipped; empty where it was not measured."""
    against = [Below(deployment=knob.deployment)]
    asked = Ratio(
        deployments=[knob.name(value)], method=method, size=knob.size, against=against,
        goal=1.0, why="", by_cpu=False,
    )  # fmt: skip
    compared = (knob.name(value), knob.deployment)
    rows = [row for row in turned.rows if row.deployment in compared]
    return ratio_rows(turned.run, rows, summarize(turned.run, rows), Goals([asked]))


def _rates(knob: Knob, value: str, method: str, turned: Turned) -> Iterator[str]:
    for row in knob_ratios(knob, value, method, turned):
        if row.interval is None or row.rounds < LEAST_ROUNDS:
            yield f"{method}: {row.instead.rpartition(' ')[2] or 'too few rounds'}"
            continue
        middle, low, high = row.interval
        same = "no difference, " if low <= 1 <= high else ""
        yield f"{method}: {same}{times(middle)} times as fast {between(low, high)}"


def _cpu(knob: Knob, value: str, method: str, turned: Turned) -> Iterator[str]:
    """Yield the CPU seconds as a multiple of those with what is shipped."""
    size_bytes = parse_size(knob.size)
    above, below = (Cell(name, method, size_bytes) for name in (knob.name(value), knob.deployment))
    if not by_cell(turned.rows).get(above.id):
        return
    for whose, field in CPU_FIELDS.items():
        found = times_as_much(turned.rows, above, below, field)
        yield f"CPU of the {whose}: {_times(found) if found else 'too few rounds'}"


def _times(found: Interval) -> str:
    """Return ``1.20 times [1.10, 1.31]``."""
    same = "no difference, " if found.low <= 1 <= found.high else ""
    return f"{same}{times(found.value)} times {between(found.low, found.high)}"


def check_results(rows: Sequence[Check]) -> list[str]:
    """Return what went wrong in a case, each thing once; or that it passed, with the statuses of refusals."""
    bad = dict.fromkeys(f"{row.verdict}, {row.text}" for row in rows if row.verdict is not Verdict.PASS)
    passed = dict.fromkeys([Verdict.PASS, *(row.text for row in rows if row.text)])
    return list(bad) or [" ".join(passed)]


def case_result(rows: Sequence[Check]) -> str:
    """Return the first that went wrong in a case, and at how many requests; or that it passed."""
    result, *_ = check_results(rows)
    passed = [row for row in rows if row.verdict is Verdict.PASS]
    if len(passed) in (0, len(rows)):
        return result
    return f"{result}, at {len(rows) - len(passed)} of {len(rows)} requests; else {check_results(passed)[0]}"


def slowest_of_many(knob: Knob, value: str, turned: Turned) -> tuple[float, float, int] | None:
    """Return the p99 of many uploads in seconds, that with what is shipped, and how many were not ok."""
    found = {
        summary.step.cell.deployment: summary for summary in turned.steps if summary.step.users == knob.users
    }
    mine, shipped = found.get(knob.name(value)), found.get(knob.deployment)
    if not (mine and shipped):
        return None
    lost = sum(number for status, number in mine.statuses.items() if status not in ACCEPTED)
    return mine.seconds_p99 or 0.0, shipped.seconds_p99 or 0.0, lost


def _crowds(knob: Knob, value: str, turned: Turned) -> Iterator[str]:
    if slowest := slowest_of_many(knob, value, turned):
        mine, shipped, lost = slowest
        yield f"{knob.users} users at once: p99 of an upload {mine:.2f} s, not {shipped:.2f} s; {lost} not ok"
