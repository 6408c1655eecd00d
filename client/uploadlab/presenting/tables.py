"""A run's tables, with the notes and legends that belong to them."""

from collections.abc import Sequence
from math import inf

from uploadlab.analysis.cells import Summary, ceiling_name
from uploadlab.analysis.profiles import overheads
from uploadlab.analysis.ratios import GrowthRow, RatioRow
from uploadlab.analysis.unavailable import missing_parts
from uploadlab.declared.goals import Goals, Ratio
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import ACCEPTED, Measurement, Profiled, Status
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Bad, Figured, Key, Table, TableRow
from uploadlab.presenting.figures import (
    NO_FIGURE,
    between,
    figure,
    grouped,
    hundredths,
    mib,
    percent,
    place_notes,
    tenths_of_mib,
)
from uploadlab.presenting.rates import range_text, rate_text, status_text
from uploadlab.units import MIB, format_size

LIMITED, MARK = "CLIENT_LIMITED", "*"
IS_MET = {True: "yes", False: "no", None: "not judged"}
RATIO_LEGEND = (
    "Ratio: of the medians, with the 95% interval of resampled rounds. Met: the whole interval is on the "
    "goal's side. Goals without enough rounds are left out. "
    f"{LIMITED}: judged by CPU s/GB, the second's divided by the first's. "
    "Server CPU, client CPU: the first's divided by the second's. docs/method.md has the rules."
)
CELL_LEGEND = (
    "MB/s: 10^6 bytes a second, the middle of the rounds; range: the slowest and the fastest round; "
    "share: of {ceiling}, a plain server."
)
COST_LEGEND = (
    "CPU, peak RSS: of all the server's processes, their sum (shared memory counted more than once). "
    "Client CPU, client RSS: of the program that sends. Spooled: written to disk beside the stored file."
)
BY_BLOCKS = " (by blocks)"
AGAIN_HEADER = ["sent twice", "begun again"]
AGAIN_LEGEND = (
    "Sent twice: bytes of the file that the client sent more than once, even if they never left its host. "
    "Begun again: how many requests were begun again after a break."
)


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
    behind = {target.name for target in run.targets if target.behind == name}
    cells = [summary for summary in summaries if summary.deployment in behind]
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
    if summary.mb_per_second is None:
        return Bad(status_text(summary))
    share = "" if summary.share is None else f" {percent(summary.share)}"
    return rate_text(summary) + share


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
    rate = Bad(summary.status) if summary.mb_per_second is None else rate_text(summary)
    cells = [
        _method(summary),
        rate + MARK if summary.client_limited else rate,
        *_cost_cells(summary),
    ]
    return TableRow(cells, Key(summary.deployment, summary.method), is_below=True)


def _cost_cells(summary: Summary) -> list[str]:
    memory = summary.server_peak_rss_bytes, summary.spooled_bytes, summary.client_peak_rss_bytes
    cpu = figure(summary.cpu_seconds_per_gb, hundredths)
    return [cpu, *(figure(size_bytes, mib) for size_bytes in memory)]


def cell_table(summaries: Sequence[Summary]) -> Table:
    """Return all figures of every cell: the largest size first, what was lost before rates."""
    header = [
        "deployment", "method", "size", "MB/s", "range", "rounds", "share", "CPU s/GB", "peak RSS", "spooled",
        "client CPU s/GB", "client RSS",
    ]  # fmt: skip
    order = sorted(
        summaries,
        key=lambda cell: (-cell.size_bytes, cell.status is not Status.WRONG, -(cell.mb_per_second or inf)),
    )
    narrow = ["method", "size", "MB/s", "range", "rounds", "CPU s/GB", "client CPU s/GB"]
    rows = list(map(_cell_row, order))
    if any(summary.breaks is not None for summary in summaries):
        header += AGAIN_HEADER
        narrow += AGAIN_HEADER
        rows = [
            row._replace(cells=[*row.cells, *_again_cells(of)]) for row, of in zip(rows, order, strict=True)
        ]
    return Table("", header, rows, narrow=narrow, is_sortable=True)


def _cell_row(summary: Summary) -> TableRow:
    key = Key(summary.deployment, summary.method, summary.size_bytes)
    rate = Bad(summary.status) if summary.mb_per_second is None else rate_text(summary)
    cells = [
        summary.deployment,
        _method(summary),
        _sorted(format_size(summary.size_bytes), summary.size_bytes),
        _sorted(rate + MARK, summary.mb_per_second)
        if summary.client_limited
        else _sorted(rate, summary.mb_per_second),
        range_text(summary),
        str(summary.rounds),
        figure(summary.share, percent),
        _sorted(figure(summary.cpu_seconds_per_gb, hundredths), summary.cpu_seconds_per_gb),
        *map(_sorted_mib, (summary.server_peak_rss_bytes, summary.spooled_bytes)),
        _sorted(figure(summary.client_cpu_seconds_per_gb, hundredths), summary.client_cpu_seconds_per_gb),
        _sorted_mib(summary.client_peak_rss_bytes),
    ]
    return TableRow(cells, key)


def _method(summary: Summary) -> str:
    """Return the method's name, and whether it went by blocks against its name."""
    return summary.method + BY_BLOCKS * (summary.fallback is not None)


def _again_cells(summary: Summary) -> list[str]:
    """Return what was sent again after breaks."""
    twice = summary.sent_twice_bytes
    return [
        _sorted(figure(twice, tenths_of_mib), twice),
        _sorted(figure(summary.breaks, str), summary.breaks),
    ]


def _sorted_mib(size_bytes: int | None) -> str:
    return _sorted(figure(size_bytes, mib), size_bytes)


def _sorted(text: str, value: float | None) -> str:
    """Return the text with the value that its column is sorted by, if there is one."""
    if value is None:
        return text
    shown = Figured(text)
    shown.value = value
    return shown


def failure_notes(summaries: Sequence[Summary]) -> list[str]:
    """Return each reason why a cell has no figure, once, with the cells."""
    missing = missing_parts(summaries)
    places = []
    for summary in summaries:
        if summary.status not in ACCEPTED:
            place = missing.get(summary.cell, f"{summary.deployment} {summary.method}")
            places.append((f"{summary.status}: {summary.error}", place))
    return place_notes(places)


def fallback_notes(summaries: Sequence[Summary]) -> list[str]:
    """Return each reason why a file went by blocks against its method's name, once, with the cells."""
    return place_notes(
        (summary.fallback, f"{summary.deployment} {summary.method}")
        for summary in summaries
        if summary.fallback is not None
    )


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
    """Return each goal that the run can judge, or whose cells failed; then how much memory grew."""
    header = ["what", "size", "ratio [low, high]", "goal", "met", "by"]
    judged = [row for row in ratios if row.instead or row.met is not None]
    grown = [row for row in growths if row.instead or row.met is not None]
    return Table("", header, [*map(_ratio_row, judged), *map(_growth_row, grown)], narrow=header[1:5])


def _ratio_row(row: RatioRow) -> TableRow:
    what = f"{row.cell.deployment} {row.cell.method} / {row.ratio.below}"
    ratio = row.instead
    if row.interval:
        value, low, high = row.interval
        ratio = f"{_plain(value)} {between(low, high, _plain)}"
    cells = [
        f"{what}: {LIMITED}" if row.limited else what,
        format_size(row.cell.size_bytes),
        ratio,
        _goal(row.ratio),
        NO_FIGURE if row.instead else IS_MET[row.met],
        NO_FIGURE if row.instead else _divided(row),
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
            _above(ratio),
            ratio.below,
            ", ".join(ratio.deployments),
            _goal(ratio),
            ratio.why,
        ]
        for ratio in goals.ratios
    ]
    if growth := goals.growth:
        small, large = growth.sizes
        rows.append(
            [f"peak memory, {large}", small, _chosen(growth.methods), f"<= {growth.at_most} more", growth.why]
        )
    return Table("", ["of", "to", "on", "goal", "why"], [TableRow(cells) for cells in rows])


def _chosen(words: Sequence[str]) -> str:
    """Return the words of a choice as a sentence's: ``all but a, b; also c``."""
    without = [word.removeprefix("!") for word in words if word.startswith("!")]
    added = [word for word in words if word != "*" and not word.startswith("!")]
    if "*" not in words:
        return ", ".join(added)
    parts = [f"all but {', '.join(without)}" if without else "all"]
    return "; ".join([*parts, *([f"also {', '.join(added)}"] if added else [])])


def _above(ratio: Ratio) -> str:
    what = f"{ratio.method} {ratio.size}".strip() + (f" over {ratio.link}" if ratio.link else "")
    return f"{ratio.cpu} CPU of {what}" if ratio.cpu else what


def _divided(row: RatioRow) -> str:
    """Return what is divided: a rate, or whose CPU time."""
    if row.ratio.cpu:
        return f"{row.ratio.cpu} CPU s/GB"
    return "CPU s/GB" if row.by_cpu else "MB/s"


def _goal(ratio: Ratio) -> str:
    return f"{'<=' if ratio.cpu else '>='} {_plain(ratio.goal)}"


def _plain(value: float) -> str:
    """Return ratios near 1 with two decimals, large ones with none."""
    return hundredths(value) if value < 10 else f"{value:.0f}"
