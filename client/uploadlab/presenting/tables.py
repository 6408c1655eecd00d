"""A run's tables."""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary, ceiling_name
from uploadlab.analysis.ratios import LEAST_ROUNDS, GrowthRow, RatioRow
from uploadlab.declared.goals import Goals
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import ACCEPTED, Status
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Table
from uploadlab.units import MIB, format_size

LIMITED, MARK = "CLIENT_LIMITED", "*"


VERDICTS = {True: "yes", False: "no", None: "not judged"}
RATIO_LEGEND = (
    "Ratio: of the medians, with its 95% interval of resampled rounds. Met: the interval begins at most 0.05 "
    f"below the goal (5% of one over 1); not judged: fewer than {LEAST_ROUNDS} rounds. {LIMITED}: judged by "
    "CPU s/GB, the second's divided by the first's. docs/method.md has all of it."
)


COST_LEGEND = (
    "CPU: of all the server's processes. Peak RSS: their peaks added, shared pages in each. "
    "Spooled: written to disk besides the stored file."
)


def rate_legend(ceiling: str | None) -> str:
    """What a figure of the tables is."""
    share = f" and the share of {ceiling} at that size" if ceiling else " (no reference, so no share)"
    return f"MB/s (10^6 bytes, median){share}, or what happened instead."


def tables(run: Run, summaries: Sequence[Summary]) -> list[Table]:
    """One table a size, smallest first."""
    sizes = sorted({one.size_bytes for one in summaries})
    return [_table(run, [one for one in summaries if one.size_bytes == size]) for size in sizes]


def costs(run: Run, summaries: Sequence[Summary]) -> Table:
    """What each way took, at the largest size: methods below their deployment."""
    largest = max(one.size_bytes for one in summaries)
    header = ["", "MB/s", "CPU s/GB", "peak RSS", "spooled", "client RSS"]
    rows: list[list[str]] = []
    for target in run.targets:
        cells = [one for one in summaries if (one.deployment, one.size_bytes) == (target.name, largest)]
        if cells:
            rows += [[_name(target)] + [""] * (len(header) - 1), *map(_cost, cells)]
    return Table(f"{format_size(largest)}: what it took", header, rows)


def limits(summaries: Sequence[Summary]) -> list[str]:
    """A line for each size at which rates say little of the servers, the smallest first."""
    places: dict[int, list[str]] = {}
    for one in summaries:
        if one.client_limited:
            places.setdefault(one.size_bytes, []).append(f"{one.deployment} {one.method}")
    return [
        f"{MARK} {LIMITED} at {format_size(size)}: {', '.join(places[size])}: compare these by CPU s/GB"
        for size in sorted(places)
    ]


def ratio_table(ratios: Sequence[RatioRow], growths: Sequence[GrowthRow]) -> Table:
    """Each ratio with its 95% interval and its goal; then how much memory grew."""
    header = ["what", "size", "ratio [low, high]", "goal", "met", "by"]
    return Table("Ratios", header, [*map(_ratio, ratios), *map(_growth, growths)])


def goal_table(goals: Goals) -> Table:
    """What is declared, for documents: all that is divided, and the growth."""
    rows = [
        [f"{one.method} {one.size}".strip(), one.below, ", ".join(one.deployments), _goal(one.goal), one.why]
        for one in goals.ratios
    ]
    if growth := goals.growth:
        small, large = growth.sizes
        methods = ", ".join(growth.methods).replace("*, !", "all but ").replace("!", "")
        rows.append([f"peak memory, {large}", small, methods, f"<= {growth.at_most} more", growth.why])
    return Table("", ["of", "to", "on", "goal", "why"], rows)


def reasons(summaries: Sequence[Summary]) -> list[str]:
    """Each reason why something is not a figure, once, with where it holds."""
    places: dict[str, list[str]] = {}
    for one in summaries:
        if one.status not in ACCEPTED:
            text = f"{one.status}: {one.error}"
            where = one.deployment if one.status is Status.UNAVAILABLE else f"{one.deployment} {one.method}"
            if where not in places.setdefault(text, []):
                places[text].append(where)
    return [f"{', '.join(where)}: {text}" for text, where in places.items()]


def _table(run: Run, summaries: Sequence[Summary]) -> Table:
    cells = {(one.deployment, one.method): one for one in summaries}
    methods = list(dict.fromkeys(one.method for one in summaries))
    names = {one.deployment for one in summaries}
    rows = [
        [_name(target), *(cell_text(cells.get((target.name, method))) for method in methods)]
        for target in run.targets
        if target.name in names
    ]
    return Table(_title(run, summaries), ["", *methods], rows)


def _title(run: Run, summaries: Sequence[Summary]) -> str:
    """The size; and why there are no shares, if so."""
    size, name = format_size(summaries[0].size_bytes), ceiling_name(run)
    if not name:
        return f"{size} (no ceiling: no reference)"
    cells = [one for one in summaries if one.deployment == name]
    if any(one.share for one in cells):
        return size
    return f"{size} (no ceiling: {name} {cells[0].status if cells else 'not measured'})"


def _name(target: Target) -> str:
    """With a word of warning where nobody can check what arrived."""
    return f"{target.name} ({Status.UNVERIFIED})" if target.foreign else target.name


def cell_text(one: Summary | None) -> str:
    """A rate with its share of the ceiling, or what happened instead."""
    if one is None:
        return "-"
    if one.mb_per_second is not None:
        rate = short(one.mb_per_second)
        return rate if one.share is None else f"{rate} {short(100 * one.share)}%"
    if one.status is Status.WRONG:
        return f"wrong: {one.error}"
    if one.status is Status.REFUSED:
        return f"refused: {one.http_status}"
    return str(one.status)


def _cost(one: Summary) -> list[str]:
    memory = [one.server_peak_rss_bytes, one.spooled_bytes, one.client_peak_rss_bytes]
    peak, spooled, client = ("-" if value is None else mib(value) for value in memory)
    rate = str(one.status) if one.mb_per_second is None else short(one.mb_per_second)
    rate += MARK if one.client_limited else ""
    cpu = "-" if one.cpu_seconds_per_gb is None else f"{one.cpu_seconds_per_gb:.2f}"
    return [f"  {one.method}", rate, cpu, peak, spooled, client]


def _ratio(row: RatioRow) -> list[str]:
    what = f"{row.cell.deployment} {row.cell.method} / {row.ratio.below}"
    by = "CPU s/GB" if row.by_cpu else "MB/s"
    return [
        f"{what}: {LIMITED}" if row.limited else what,
        format_size(row.cell.size_bytes),
        _interval(row),
        _goal(row.ratio.goal),
        "-" if row.instead else VERDICTS[row.met],
        "-" if row.instead else by,
    ]


def _interval(row: RatioRow) -> str:
    """With too few rounds, the ratio alone."""
    if not row.interval:
        return row.instead
    value, low, high = map(_plain, row.interval)
    return value if row.rounds < LEAST_ROUNDS else f"{value} [{low}, {high}]"


def _goal(least: float) -> str:
    return f">= {_plain(least)}"


def _plain(value: float) -> str:
    """Ratios near 1 with two decimals, large ones with none."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _growth(row: GrowthRow) -> list[str]:
    pair = ("client", row.client_bytes), ("server", row.server_bytes)
    told = ", ".join(f"{who} {'-' if more is None else f'{more / MIB:.1f} MiB'}" for who, more in pair)
    return [
        f"{row.cell.deployment} {row.cell.method}: growth from {format_size(row.small_bytes)}",
        format_size(row.cell.size_bytes),
        row.instead or told,
        f"<= {row.most_bytes / MIB:g} MiB",
        "-" if row.instead else VERDICTS[row.met],
        "-" if row.instead else "peak RSS",
    ]


def mib(value: int) -> str:
    """``42 MiB``."""
    return f"{value / MIB:.0f} MiB" if value >= MIB / 2 else "0"


def short(value: float) -> str:
    """Small values keep one decimal, so that 0.3 is not 0."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
