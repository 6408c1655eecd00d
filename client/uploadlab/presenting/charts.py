"""The charts: which points, with which axes and caption."""

from collections.abc import Sequence
from statistics import median

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.load import LoadSummary
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import ACCEPTED, Measurement
from uploadlab.presenting.document import Axis, Chart, Point
from uploadlab.presenting.figures import grouped
from uploadlab.units import MIB, format_size

SIZE, USERS = Axis("file size", "size"), Axis("users", "users")


SECONDS, P95 = Axis("seconds", "s"), Axis("p95, seconds", "s")
MEMORY, RATE = Axis("peak RSS, MiB", "MiB"), Axis("MB/s", "MB/s")
FLAT = "Flat: streams; rising: loads the whole file into memory. Both axes logarithmic."
MOST_POINTS = 5000
"""Of a chart of single uploads: with more, the page grows and no reader can tell them apart."""
IN_TABLES = "Both axes logarithmic. The figures are in the tables below."


def time_charts(rows: Sequence[Measurement]) -> list[Chart]:
    """Return time against size, if anything arrived."""
    cells = grouped((row.cell_id, row) for row in rows if row.status in ACCEPTED and row.seconds)
    what, points = "each upload that arrived", []
    is_crowded = sum(map(len, cells.values())) > MOST_POINTS
    if is_crowded:
        what = "the uploads of each cell that arrived, their middle"
    for uploads in cells.values():
        first, seconds = uploads[0], [row.seconds or 0.0 for row in uploads]
        cell = Cell(first.deployment, first.method, first.size_bytes)
        points += [Point(cell, [took]) for took in ([median(seconds)] if is_crowded else seconds)]
    caption = (
        f"Seconds of {what}, against the size of its file; both axes logarithmic. "
        "One panel for each deployment, colour and shape by method, a line through the medians. "
        "A line that rises as fast as the size is a constant rate; where it flattens to the left, each "
        "upload has a cost that does not depend on its size."
    )
    return _drawn(Chart("time", "Time against size", caption, SIZE, SECONDS, points))


def memory_charts(summaries: Sequence[Summary]) -> list[Chart]:
    """Return peak memory of the servers against size, then of the client."""
    server = _memory_points(summaries, "server_peak_rss_bytes")
    client = _memory_points(summaries, "client_peak_rss_bytes")
    of_server = f"Peak memory of a deployment, the sum of its processes, the highest of the rounds. {FLAT}"
    of_client = f"Peak memory of the client, the highest of the rounds, all deployments in one panel. {FLAT}"
    return _drawn(
        Chart("server-memory", "The server's memory against size", of_server, SIZE, MEMORY, server),
        Chart("client-memory", "The client's memory against size", of_client, SIZE, MEMORY, client, False),
    )


def _memory_points(summaries: Sequence[Summary], field: str) -> list[Point]:
    return [
        Point(Cell(summary.deployment, summary.method, summary.size_bytes), [value / MIB])
        for summary in summaries
        if summary.status in ACCEPTED and (value := getattr(summary, field))
    ]


def load_charts(summaries: Sequence[LoadSummary]) -> list[Chart]:
    """Return throughput and slow uploads against users: two charts for each size."""
    by_size = grouped(
        (summary.step.cell.size_bytes, summary) for summary in summaries if not summary.step.slow_users
    )
    charts = []
    for size_bytes in sorted(by_size):
        rates, times = [], []
        for summary in by_size[size_bytes]:
            if summary.mb_per_second:
                rates.append(Point(summary.step.cell, [summary.mb_per_second, summary.step.users]))
            if summary.seconds_p95:
                times.append(Point(summary.step.cell, [summary.seconds_p95, summary.step.users]))
        size = format_size(size_bytes)
        charts += [
            Chart(
                f"load-rate-{size_bytes}", f"Throughput against users, {size}",
                f"MB/s of all users together. {IN_TABLES}", USERS, RATE, rates,
            ),
            Chart(
                f"load-p95-{size_bytes}", f"Slow uploads against users, {size}",
                f"Seconds that 19 of 20 uploads took at most (p95). {IN_TABLES}", USERS, P95, times,
            ),
        ]  # fmt: skip
    return _drawn(*charts)


def _drawn(*charts: Chart) -> list[Chart]:
    """Return the charts with at least two places across: fewer make no line."""
    return [chart for chart in charts if len({_across(point) for point in chart.points}) > 1]


def _across(point: Point) -> float:
    """Return a point's number of users, or else its size."""
    return point.values[1] if len(point.values) > 1 else point.cell.size_bytes
