"""The heat maps: which cell has which figure, and how good that is among those of its size."""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Heat, HeatCell, HeatRow
from uploadlab.presenting.tables import MARK, cell_text, short, tables

METRICS = {"rate": "MB/s", "share": "share of the ceiling", "cpu": "CPU s/GB"}


NOT_PLANNED, NO_FIGURE = "-", "-"


def heats(run: Run, summaries: Sequence[Summary]) -> list[Heat]:
    """One a size, the largest first."""
    by_size: dict[int, list[Summary]] = {}
    for one in summaries:
        by_size.setdefault(one.size_bytes, []).append(one)
    titles = dict(zip(sorted(by_size), (table.title for table in tables(run, summaries)), strict=True))
    return [_heat(run, titles[size], by_size[size]) for size in sorted(by_size, reverse=True)]


def _heat(run: Run, title: str, summaries: Sequence[Summary]) -> Heat:
    cells = {(one.deployment, one.method): one for one in summaries}
    methods = list(dict.fromkeys(one.method for one in summaries))
    names = {one.deployment for one in summaries}
    best = max((one.mb_per_second or 0.0 for one in summaries), default=0.0)
    least = min((one.cpu_seconds_per_gb for one in summaries if one.cpu_seconds_per_gb), default=0.0)
    rows = [
        HeatRow(
            target.name,
            f"{target.name} (unverified)" if target.foreign else target.name,
            target.tier,
            [_cell(method, cells.get((target.name, method)), best, least) for method in methods],
        )
        for target in run.targets
        if target.name in names
    ]
    return Heat(title, summaries[0].size_bytes, methods, rows)


def _cell(method: str, one: Summary | None, best: float, least: float) -> HeatCell:
    if one is None:
        return HeatCell(method, NOT_PLANNED)
    if one.mb_per_second is None:
        return HeatCell(method, cell_text(one))
    mark = MARK if one.client_limited else ""
    cpu = one.cpu_seconds_per_gb
    rate = _shade(one.mb_per_second, best)
    return HeatCell(
        method,
        "",
        [
            short(one.mb_per_second) + mark,
            NO_FIGURE if one.share is None else f"{short(100 * one.share)}%{mark}",
            NO_FIGURE if cpu is None else f"{cpu:.2f}",
        ],
        [rate, None if one.share is None else rate, _shade(least, cpu) if cpu else None],
    )


def _shade(value: float, best: float) -> float:
    """The value as a share of the best."""
    return round(value / best, 2) if best else 0.0
