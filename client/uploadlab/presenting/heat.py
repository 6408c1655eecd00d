"""The heat maps: which cell has which figure, and how good that is among the cells of its size."""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Key, Shaded, Table, TableRow
from uploadlab.presenting.figures import NO_FIGURE, figure, hundredths, percent, short
from uploadlab.presenting.tables import MARK, cell_text

METRICS = {"rate": "MB/s", "share": "share of the ceiling", "cpu": "CPU s/GB"}


def heat_map(table: Table, run: Run, summaries: Sequence[Summary]) -> Table:
    """Return a table of rates as a heat map."""
    here = [summary for summary in summaries if summary.size_bytes == table.key.size_bytes]
    cells = {(summary.deployment, summary.method): summary for summary in here}
    tiers = {target.name: target.tier for target in run.targets}
    best = max(summary.mb_per_second or 0.0 for summary in here)
    least = min((summary.cpu_seconds_per_gb for summary in here if summary.cpu_seconds_per_gb), default=0.0)
    rows = []
    for row in table.rows:
        name = row.key.deployment
        shaded = [_heat_cell(cells.get((name, column.method)), best, least) for column in table.columns]
        rows.append(TableRow([row.cells[0], tiers[name], *shaded], row.key))
    header = ["deployment", "tier", *table.header[1:]]
    return table._replace(header=header, rows=rows, columns=[Key(), *table.columns])


def _heat_cell(summary: Summary | None, best: float, least: float) -> str:
    if summary is None or summary.mb_per_second is None:
        return cell_text(summary)
    mark = MARK if summary.client_limited else ""
    share, cpu = summary.share, summary.cpu_seconds_per_gb
    rate_shade = _shade(summary.mb_per_second, best)
    cell = Shaded(short(summary.mb_per_second) + mark)
    cell.texts = [
        str(cell),
        NO_FIGURE if share is None else percent(share) + mark,
        figure(cpu, hundredths),
    ]
    cell.shades = [rate_shade, 0.0 if share is None else rate_shade, _shade(least, cpu) if cpu else 0.0]
    return cell


def _shade(value: float, best: float) -> float:
    """Return the value as a share of the best."""
    return round(value / best, 2) if best else 0.0
