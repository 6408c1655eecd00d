"""A run's tables, with the notes and legends that belong to them."""

from collections.abc import Sequence
from statistics import median

from uploadlab.analysis.cells import Summary, by_cell, ceiling_name
from uploadlab.analysis.profiles import overheads
from uploadlab.analysis.ratios import LEAST_ROUNDS, GrowthRow, RatioRow
from uploadlab.declared.goals import Goals
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import ACCEPTED, Measurement, Profiled, Status
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Bad, Key, Table, TableRow
from uploadlab.presenting.figures import (
    NO_FIGURE,
    figure,
    grouped,
    hundredths,
    mib,
    percent,
    place_notes,
    short,
    tenths_of_mib,
)
from uploadlab.units import MIB, format_size

LIMITED, MARK = "CLIENT_LIMITED", "*"
IS_MET = {True: "yes", False: "no", None: "not judged"}
RATIO_LEGEND = (
    "Ratio: of the medians, with the 95% interval of resampled rounds. Met: the low end of the interval is "
    "within 5% of the goal (0.05 of a goal below 1); not judged: fewer than "
    f"{LEAST_ROUNDS} rounds. {LIMITED}: judged by CPU s/GB, the second's divided by the first's. "
    "docs/method.md has the rules."
)
COST_LEGEND = (
    "CPU: of all the server's processes. Peak RSS: sum over processes (shared memory counted more than "
    "once). Spooled: written to disk in addition to the stored file."
)


def rate_legend(ceiling: str | None) -> str:
    """Return what a figure of the rate tables is."""
    share = f" and the share of {ceiling} at that size" if ceiling else " (no reference, so no share)"
    return f"MB/s (10^6 bytes, median){share}; failed cells show the reason."


def rate_tables(run: Run, summaries: Sequence[Summary]) -> list[Table]:
    """Return a table for each size, the smallest first: deployments down, methods across."""
    tables = []
    by_size = grouped((summary.size_bytes, summary) for summary in summaries)
    for size_bytes, here in sorted(by_size.items()):
        cells = {(summary.deployment, summary.method): summary for summary in here}
        methods = list(dict.fromkeys(summary.method for summary in here))
        measured = {summary.deployment for summary in here}
        rows = []
        for target in run.targets:
            if target.name in measured:
                rates = [cell_text(cells.get((target.name, method))) for method in methods]
                rows.append(TableRow([_name(target), *rates], Key(target.name)))
        title = format_size(size_bytes) + _missing_ceiling(run, here)
        columns = [Key(method=method) for method in methods]
        tables.append(Table(title, ["", *methods], rows, Key(size_bytes=size_bytes), columns))
    return tables


def _missing_ceiling(run: Run, summaries: Sequence[Summary]) -> str:
    """Return why these cells have no shares; nothing where they have."""
    if not (name := ceiling_name(run)):
        return " (no ceiling: no reference)"
    cells = [summary for summary in summaries if summary.deployment == name]
    if any(summary.share for summary in cells):
        return ""
    return f" (no ceiling: {name} {cells[0].status if cells else 'not measured'})"


def _name(target: Target) -> str:
    """Return the target's name, with a warning where the stored bytes cannot be checked."""
    unverified = target.foreign and not target.foreign.reads_back
    return f"{target.name} ({Status.UNVERIFIED})" if unverified else target.name


def cell_text(summary: Summary | None) -> str:
    """Return a rate with its share of the ceiling, or what happened instead."""
    if summary is None:
        return NO_FIGURE
    if summary.mb_per_second is not None:
        share = "" if summary.share is None else f" {percent(summary.share)}"
        return short(summary.mb_per_second) + share
    more = {Status.WRONG: summary.error, Status.REFUSED: summary.http_status}
    return Bad(f"{summary.status}: {more[summary.status]}" if summary.status in more else summary.status)


def cost_table(run: Run, summaries: Sequence[Summary]) -> Table:
    """Return what each way to upload took at the largest size: methods below their deployment."""
    largest = max(summary.size_bytes for summary in summaries)
    cells = grouped((summary.deployment, summary) for summary in summaries if summary.size_bytes == largest)
    rows: list[TableRow] = []
    for target in run.targets:
        if target.name in cells:
            rows.append(TableRow([_name(target)], Key(target.name)))
            rows += map(_cost_row, cells[target.name])
    header = ["", "MB/s", "CPU s/GB", "peak RSS", "spooled", "client RSS"]
    return Table(f"{format_size(largest)}: what it took", header, rows, Key(size_bytes=largest))


def _cost_row(summary: Summary) -> TableRow:
    rate = Bad(summary.status) if summary.mb_per_second is None else short(summary.mb_per_second)
    cells = [
        summary.method,
        rate + MARK if summary.client_limited else rate,
        *_cost_cells(summary),
    ]
    return TableRow(cells, Key(summary.deployment, summary.method), is_below=True)


def _cost_cells(summary: Summary) -> list[str]:
    memory = summary.server_peak_rss_bytes, summary.spooled_bytes, summary.client_peak_rss_bytes
    cpu = figure(summary.cpu_seconds_per_gb, hundredths)
    return [cpu, *(figure(size_bytes, mib) for size_bytes in memory)]


def cell_table(rows: Sequence[Measurement], summaries: Sequence[Summary]) -> Table:
    """Return a table with a row for each cell, with all its figures."""
    seconds = {
        cell_id: [row.seconds for row in measured if row.seconds is not None]
        for cell_id, measured in by_cell(rows).items()
    }
    header = [
        "", "method", "size", "MB/s", "share", "seconds, median", "least", "most", "rounds", "CPU s/GB",
        "peak RSS", "spooled", "client RSS",
    ]  # fmt: skip
    return Table("Every cell in figures", header, [_cell_row(summary, seconds) for summary in summaries])


def _cell_row(summary: Summary, seconds: dict[str, list[float]]) -> TableRow:
    key = Key(summary.deployment, summary.method, summary.size_bytes)
    times = seconds[f"{summary.deployment}/{summary.method}/{summary.size_bytes}"]
    arrived = times and summary.mb_per_second is not None
    cells = [
        summary.deployment,
        summary.method,
        format_size(summary.size_bytes),
        cell_text(summary) if summary.mb_per_second is None else short(summary.mb_per_second),
        figure(summary.share, percent),
        *(f"{pick(times):.4g}" if arrived else NO_FIGURE for pick in (median, min, max)),
        str(summary.rounds),
        *_cost_cells(summary),
    ]
    return TableRow(cells, key)


def limit_notes(summaries: Sequence[Summary]) -> list[str]:
    """Return a line for each size at which rates say little of the servers, the smallest first."""
    places = grouped(
        (summary.size_bytes, f"{summary.deployment} {summary.method}")
        for summary in summaries
        if summary.client_limited
    )
    return [
        f"{MARK} {LIMITED} at {format_size(size)}: {', '.join(places[size])}: compare these by CPU s/GB"
        for size in sorted(places)
    ]


def failure_notes(summaries: Sequence[Summary]) -> list[str]:
    """Return each reason why a cell has no figure, once, with the cells."""
    places = []
    for summary in summaries:
        if summary.status not in ACCEPTED:
            cell = f"{summary.deployment} {summary.method}"
            place = summary.deployment if summary.status is Status.UNAVAILABLE else cell
            places.append((f"{summary.status}: {summary.error}", place))
    return place_notes(places)


def profile_notes(rows: Sequence[Measurement], profiled: Sequence[Profiled]) -> list[str]:
    """Return how much slower uploads were under a profiler, and which could not be profiled."""
    lines = []
    for kind, times in overheads(rows, profiled).items():
        low, high = f"{min(times):.1f}", f"{max(times):.1f}"
        factor = low if low == high else f"{low} to {high}"
        lines.append(f"Under the profiler of {kind}, uploads took {factor} times as long.")
    failed = [f"{upload.cell_id}: not profiled: {upload.note}" for upload in profiled if upload.note]
    return [*lines, *dict.fromkeys(failed)]


def ratio_table(ratios: Sequence[RatioRow], growths: Sequence[GrowthRow]) -> Table:
    """Return each ratio with its 95% interval and its goal; then how much memory grew."""
    header = ["what", "size", "ratio [low, high]", "goal", "met", "by"]
    return Table("Ratios", header, [*map(_ratio_row, ratios), *map(_growth_row, growths)])


def _ratio_row(row: RatioRow) -> TableRow:
    what = f"{row.cell.deployment} {row.cell.method} / {row.ratio.below}"
    ratio = row.instead
    if row.interval:
        value, low, high = map(_plain, row.interval)
        ratio = value if row.rounds < LEAST_ROUNDS else f"{value} [{low}, {high}]"
    cells = [
        f"{what}: {LIMITED}" if row.limited else what,
        format_size(row.cell.size_bytes),
        ratio,
        _goal(row.ratio.goal),
        NO_FIGURE if row.instead else IS_MET[row.met],
        NO_FIGURE if row.instead else "CPU s/GB" if row.by_cpu else "MB/s",
    ]
    return TableRow(cells, Key(row.cell.deployment, row.cell.method, row.cell.size_bytes))


def _growth_row(row: GrowthRow) -> TableRow:
    sides = (("client", row.client_bytes), ("server", row.server_bytes))
    cells = [
        f"{row.cell.deployment} {row.cell.method}: growth from {format_size(row.small_bytes)}",
        format_size(row.cell.size_bytes),
        row.instead or ", ".join(f"{side} {figure(more, tenths_of_mib)}" for side, more in sides),
        f"<= {row.most_bytes / MIB:g} MiB",
        NO_FIGURE if row.instead else IS_MET[row.met],
        NO_FIGURE if row.instead else "peak RSS",
    ]
    return TableRow(cells, Key(row.cell.deployment, row.cell.method, row.cell.size_bytes))


def goal_table(goals: Goals) -> Table:
    """Return all declared goals, for documents: the ratios, then the growth."""
    rows = [
        [
            f"{ratio.method} {ratio.size}".strip(),
            ratio.below,
            ", ".join(ratio.deployments),
            _goal(ratio.goal),
            ratio.why,
        ]
        for ratio in goals.ratios
    ]
    if growth := goals.growth:
        small, large = growth.sizes
        methods = ", ".join(growth.methods).replace("*, !", "all but ").replace("!", "")
        rows.append([f"peak memory, {large}", small, methods, f"<= {growth.at_most} more", growth.why])
    return Table("", ["of", "to", "on", "goal", "why"], [TableRow(cells) for cells in rows])


def _goal(least: float) -> str:
    return f">= {_plain(least)}"


def _plain(value: float) -> str:
    """Return ratios near 1 with two decimals, large ones with none."""
    return hundredths(value) if value < 10 else f"{value:.0f}"
