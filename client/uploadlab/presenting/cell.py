"""One cell in full: all that a stored run knows of it, as lines of text."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from uploadlab.analysis.cells import latest_attempt, summarize
from uploadlab.analysis.diagnosis import explain
from uploadlab.analysis.grid import latest
from uploadlab.analysis.link_facts import names_behind
from uploadlab.analysis.significance import LEAST_ROUNDS
from uploadlab.errors import LabError, UsageError
from uploadlab.model.cells import Cell
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.paths import program
from uploadlab.presenting.figures import figure, tenths_of_mib
from uploadlab.presenting.rates import rate_in_full
from uploadlab.presenting.tables import LIMITED
from uploadlab.selection import check
from uploadlab.storage.profiles import read_calls
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import MIB, parse_size


def _seconds(value: float) -> str:
    return f"{value:.4f} s"


FIELDS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "connected": ("connected_seconds", _seconds),
    "head sent": ("first_sent_seconds", _seconds),
    "body sent": ("sent_seconds", _seconds),
    "ended": ("seconds", _seconds),
    "after last byte": ("response_wait_seconds", _seconds),
    "longest stall": ("longest_stall_seconds", _seconds),
    "in the handler": ("server_seconds", _seconds),
    "server CPU": ("server_cpu_seconds", _seconds),
    "  in the kernel": ("server_system_seconds", _seconds),
    "server memory": ("server_peak_rss_bytes", tenths_of_mib),
    "spooled": ("spooled_bytes", tenths_of_mib),
    "client CPU": ("client_cpu_seconds", _seconds),
    "client memory": ("client_peak_rss_bytes", tenths_of_mib),
    "bodies sent": ("sent_bytes", tenths_of_mib),
    "begun again": ("breaks", str),
}
"""The figures of a measurement that are shown, and how each is written."""


OF_SEVERAL_REQUESTS = ("sent_bytes", "breaks")
"""What is counted only of methods that go on after a break."""


def cell_in_full(folder: RunFolder, name: str) -> list[str]:
    """Return every figure of the cell named ``deployment/method/size``; raises LabError."""
    run, rows = folder.read_run(), folder.read_measurements()
    if run.is_check or name.partition("/")[2] in run.checks:
        return _attempts_in_full(run, folder.read_checks(), name)
    cell = _find_cell(run, name)
    measured = latest_attempt([row for row in rows if row.cell_id == cell.id and not row.warmup])
    if not measured:
        raise LabError(f"{cell.id} is planned but not measured yet: type {program()} resume {run.id}")
    parts = [
        [f"{cell.id} in {run.id}, runtime {run.runtime}", _result(run, rows, measured)],
        _figures(measured),
        [
            f"{cause.rule.name}: {cause.sentence} Fix: {cause.rule.fix}."
            for cause in explain(run, rows, measured, read_calls(folder))
        ],
        dict.fromkeys(note for row in measured for note in (row.error, row.fallback, row.usage_note) if note),
    ]
    if files := [file for row in folder.read_profiled() if row.cell_id == cell.id for file in row.files]:
        parts.append(["Profiles, in the run's folder:", *(f"  {file}" for file in files)])
    for config in run.config_names.get(names_behind(run).get(cell.deployment, cell.deployment), []):
        parts.append([f"{config}:", *(f"  {line}" for line in run.configs.get(config, "").splitlines())])
    lines = [*parts[0]]
    for part in filter(None, parts[1:]):
        lines += ["", *part]
    return lines


def _attempts_in_full(run: Run, checks: Sequence[Check], name: str) -> list[str]:
    """Return a line for each attempt of a check's cell, named ``deployment/case``; raise LabError."""
    deployment, _, case = name.partition("/")
    check("deployment", deployment, [target.name for target in run.targets])
    check("case", case, run.checks)
    rows = [row for row in latest(checks) if (row.deployment, row.case) == (deployment, case)]
    if not rows:
        raise LabError(f"{name} is planned but not tried yet: type {program()} resume {run.id}")
    lines = [
        " ".join(
            filter(None, [f"{row.verdict}:", row.route, f"({row.label})" if row.label else "", row.text])
        )
        for row in rows
    ]
    if any(row.verdict in (Verdict.FAIL, Verdict.ENDLESS, Verdict.LOSS) for row in rows):
        lines += ["", f"A script that shows it: {program()} show {run.id} {name} --reproduce"]
    return [f"{name} in {run.id}, runtime {run.runtime}", "", *lines]


def _find_cell(run: Run, text: str) -> Cell:
    parts = text.rsplit("/", 2)
    if len(parts) != 3:
        raise UsageError(f"{text!r} is not a cell: write flask/request.stream/64MiB")
    deployment, method, size = parts
    planned = [cell for cell, *_ in run.cells]
    check("deployment", deployment, dict.fromkeys(cell.deployment for cell in planned))
    check("method", method, dict.fromkeys(cell.method for cell in planned))
    cell = Cell(deployment, method, parse_size(size))
    if cell not in planned:
        pair = deployment, method
        known = [other.size_bytes for other in planned if (other.deployment, other.method) == pair]
        sizes = ", ".join(f"{size_bytes / MIB:g}MiB" for size_bytes in known) or "none"
        raise UsageError(f"{run.id} has no cell {text}: sizes of {deployment}/{method} are {sizes}")
    return cell


def _result(run: Run, rows: Sequence[Measurement], measured: Sequence[Measurement]) -> str:
    """Return the rate with its spread, or what happened instead."""
    first = measured[0]
    cell = first.deployment, first.method, first.size_bytes
    summary = next(  # a run of anyone may plan a cell twice
        found for found in summarize(run, rows) if (found.deployment, found.method, found.size_bytes) == cell
    )
    if summary.mb_per_second is None:
        return f"{summary.status} (rounds: {summary.rounds})"
    share = f", {summary.share:.0%} of the reference" if summary.share else ""
    limited = f", {LIMITED}" if summary.client_limited else ""
    return f"{rate_in_full(summary)}{share}{limited}"


def _figures(measured: Sequence[Measurement]) -> list[str]:
    """Return the middle of each figure, then the figure of each round."""
    middle_name = "median" if len(measured) >= LEAST_ROUNDS else "middle"
    lines = [_line("", middle_name, [f"round {row.round}" for row in measured])]
    for label, (field, write) in FIELDS.items():
        values = [getattr(row, field) for row in measured]
        known = [value for value in values if value is not None]
        if field in OF_SEVERAL_REQUESTS and not known:
            continue
        middle = figure(median(known) if known else None, write)
        lines.append(_line(label, middle, [figure(value, write) for value in values]))
    statuses = [row.status for row in measured]
    return lines if set(statuses) == {Status.OK} else [*lines, _line("status", "", statuses)]


def _line(label: str, middle: str, values: Sequence[str]) -> str:
    return f"{label:<16}{middle:>12}" + "".join(f"{value:>12}" for value in values)
