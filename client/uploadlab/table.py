"""The table of a run, as rows of text: for the terminal, and as Markdown for documents."""

from collections.abc import Sequence
from typing import NamedTuple

from uploadlab.model import ACCEPTED, Run, Status, Target
from uploadlab.stats import Summary
from uploadlab.units import MIB, format_size


class Table(NamedTuple):
    """All cells of one size: deployments down, methods across."""

    title: str
    header: list[str]
    rows: list[list[str]]


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


def markdown(table: Table) -> str:
    """A Markdown table."""
    lines = [table.header, ["---"] + ["--:"] * (len(table.header) - 1), *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _table(run: Run, summaries: Sequence[Summary]) -> Table:
    cells = {(one.deployment, one.method): one for one in summaries}
    methods = list(dict.fromkeys(one.method for one in summaries))
    names = {one.deployment for one in summaries}
    rows = [
        [_name(target), *(_text(cells.get((target.name, method))) for method in methods)]
        for target in run.targets
        if target.name in names
    ]
    return Table(format_size(summaries[0].size_bytes), ["", *methods], rows)


def _name(target: Target) -> str:
    """With a word of warning where nobody can check what arrived."""
    return f"{target.name} ({Status.UNVERIFIED})" if target.foreign else target.name


def _text(one: Summary | None) -> str:
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
    cpu = "-" if one.cpu_seconds_per_gb is None else f"{one.cpu_seconds_per_gb:.2f}"
    return [f"  {one.method}", rate, cpu, peak, spooled, client]


def mib(value: int) -> str:
    """``42 MiB``."""
    return f"{value / MIB:.0f} MiB" if value >= MIB / 2 else "0"


def short(value: float) -> str:
    """Small values keep one decimal, so that 0.3 is not 0."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
