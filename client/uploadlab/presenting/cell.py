"""One cell in full: all that a stored run knows of it, as lines of text."""

from collections.abc import Sequence
from statistics import median

from uploadlab.analysis.cells import MB, latest_attempt, summarize
from uploadlab.analysis.diagnosis import explain
from uploadlab.errors import LabError, UsageError
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.presenting.tables import LIMITED
from uploadlab.selection import check
from uploadlab.storage.profiles import read_calls
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import MIB, parse_size

LABEL_WIDTH = 16
FIELDS = {
    "connected": ("connected_seconds", "s"),
    "head sent": ("first_sent_seconds", "s"),
    "body sent": ("sent_seconds", "s"),
    "answered": ("seconds", "s"),
    "after last byte": ("response_wait_seconds", "s"),
    "in the handler": ("server_seconds", "s"),
    "server CPU": ("server_cpu_seconds", "s"),
    "  in the kernel": ("server_system_seconds", "s"),
    "server memory": ("server_peak_rss_bytes", "MiB"),
    "spooled": ("spooled_bytes", "MiB"),
    "client CPU": ("client_cpu_seconds", "s"),
    "client memory": ("client_peak_rss_bytes", "MiB"),
}
"""What is shown of each measurement, and its unit."""


def cell_in_full(folder: RunFolder, cell: str) -> list[str]:
    """Every figure of a cell named ``deployment/method/size``; raises LabError."""
    run, rows = folder.read_run(), folder.read_measurements()
    cell_id = _cell_id(run, cell)
    measured = latest_attempt([row for row in rows if row.cell_id == cell_id and not row.warmup])
    if not measured:
        raise LabError(f"{cell_id} is planned but not measured yet: go on with --resume {run.id}")
    profiles = [name for one in folder.read_profiled() if one.cell_id == cell_id for name in one.files]
    lines = [f"{cell_id} in {run.id}, runtime {run.runtime}", _result(run, rows, measured)]
    lines += ["", *_figures(measured)]
    if causes := explain(run, rows, measured, read_calls(folder)):
        lines += ["", *causes]
    if notes := dict.fromkeys(note for row in measured for note in (row.error, row.usage_note) if note):
        lines += ["", *notes]
    if profiles:
        lines += ["", "Profiles, in the run's folder:", *(f"  {name}" for name in profiles)]
    for name in run.config_names.get(measured[0].deployment, []):
        lines += ["", f"{name}:", *(f"  {line}" for line in run.configs[name].splitlines())]
    return lines


def _cell_id(run: Run, text: str) -> str:
    parts = text.rsplit("/", 2)
    if len(parts) != 3:
        raise UsageError(f"{text!r} is not a cell: write flask/request.stream/64MiB")
    deployment, method, size = parts
    planned = {one.cell.id: one.cell for one in run.cells}
    check("deployment", deployment, dict.fromkeys(cell.deployment for cell in planned.values()))
    check("method", method, dict.fromkeys(cell.method for cell in planned.values()))
    cell_id = f"{deployment}/{method}/{parse_size(size)}"
    if cell_id not in planned:
        pair = f"{deployment}/{method}/"
        sizes = [cell.size_bytes for cell in planned.values() if cell.id.startswith(pair)]
        told = ", ".join(f"{one / MIB:g}MiB" for one in sizes) or "no size"
        raise UsageError(f"{run.id} has no cell {text}: of that pair it has {told}")
    return cell_id


def _result(run: Run, rows: Sequence[Measurement], measured: Sequence[Measurement]) -> str:
    """The rate with its spread, or what happened instead."""
    first = measured[0]
    cell = first.deployment, first.method, first.size_bytes
    (one,) = [one for one in summarize(run, rows) if (one.deployment, one.method, one.size_bytes) == cell]
    if one.mb_per_second is None:
        return f"{one.status} (rounds: {one.rounds})"
    times = [row.seconds for row in measured if row.seconds]
    low, high = one.size_bytes / max(times) / MB, one.size_bytes / min(times) / MB
    share = f", {one.share:.0%} of the reference" if one.share else ""
    limited = f", {LIMITED}" if one.client_limited else ""
    return (
        f"{one.mb_per_second:.0f} MB/s, from {low:.0f} to {high:.0f} (rounds: {one.rounds}){share}{limited}"
    )


def _figures(measured: Sequence[Measurement]) -> list[str]:
    """Each figure's median, then that of each round."""
    lines = [_line("", "median", [f"round {row.round}" for row in measured])]
    for label, (field, unit) in FIELDS.items():
        values = [getattr(row, field) for row in measured]
        known = [value for value in values if value is not None]
        middle = _text(median(known) if known else None, unit)
        lines.append(_line(label, middle, [_text(value, unit) for value in values]))
    statuses = [row.status for row in measured]
    return lines if set(statuses) == {Status.OK} else [*lines, _line("status", "", statuses)]


def _line(label: str, middle: str, values: Sequence[str]) -> str:
    return f"{label:<{LABEL_WIDTH}}{middle:>12}" + "".join(f"{value:>12}" for value in values)


def _text(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value / MIB:.1f} MiB" if unit == "MiB" else f"{value:.4f} s"
