"""What is drawn: which points, with which axes, told by which caption."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.load import LoadSummary
from uploadlab.model.cells import Step
from uploadlab.model.measurements import ACCEPTED, Measurement
from uploadlab.presenting.document import Axis, Chart
from uploadlab.units import MIB, format_size

SIZE, USERS = Axis("file size", "size"), Axis("users", "users")


SECONDS, P95 = Axis("seconds", "s"), Axis("p95, seconds", "s")


MEMORY, RATE = Axis("peak RSS, MiB", "MiB"), Axis("MB/s", "MB/s")


FLAT = "Flat lines hold a part of the file, rising ones all of it. Both axes logarithmic."
IN_TABLES = "Both axes logarithmic. The figures are in the tables above."
DIGITS = 4
"""More than any figure is worth, and few enough to keep the page small."""


Point = tuple[float, ...]


class Places(NamedTuple):
    """The numbers of what a point belongs to."""

    deployments: dict[str, int]
    methods: dict[str, int]
    sizes: dict[int, int]

    @classmethod
    def of(cls, deployments: Iterable[str], methods: Iterable[str], sizes: Iterable[int]) -> "Places":
        """Numbered in this order."""
        return cls(
            {name: number for number, name in enumerate(deployments)},
            {name: number for number, name in enumerate(methods)},
            {size: number for number, size in enumerate(sizes)},
        )

    def point(self, deployment: str, method: str, size_bytes: int, *values: float) -> Point:
        """A point of a chart."""
        place = self.deployments[deployment], self.methods[method], self.sizes[size_bytes]
        return (*place, *map(_rounded, values))


def time_charts(rows: Sequence[Measurement], places: Places) -> list[Chart]:
    """Time against size, if anything arrived."""
    points = [
        places.point(row.deployment, row.method, row.size_bytes, row.seconds)
        for row in rows
        if row.status in ACCEPTED and row.seconds
    ]
    caption = (
        "Seconds of each upload that arrived, against the size of its file; both axes logarithmic. "
        "One panel a deployment, colour and shape by method, a line through the medians. "
        "Lines that rise as fast as the size are a constant rate; where they flatten to the left, each "
        "upload costs something whatever its size."
    )
    return _drawn(Chart("time", "Time against size", caption, SIZE, SECONDS, points))


def memory_charts(summaries: Sequence[Summary], places: Places) -> list[Chart]:
    """Peak memory of the servers against size, then of the client."""
    server = _memory(summaries, places, "server_peak_rss_bytes")
    client = _memory(summaries, places, "client_peak_rss_bytes")
    of_server = f"Peak memory of all of a deployment's processes added, the highest of the rounds. {FLAT}"
    of_client = f"Peak memory of the client, the highest of the rounds, all deployments in one panel. {FLAT}"
    return _drawn(
        Chart("server-memory", "The server's memory against size", of_server, SIZE, MEMORY, server),
        Chart(
            "client-memory", "The client's memory against size", of_client, SIZE, MEMORY, client, panels=False
        ),
    )


def load_charts(summaries: Sequence[LoadSummary], places: Places) -> list[Chart]:
    """Throughput, and the slow end of upload times, against users at once; a pair of charts for each size."""
    alone = [one for one in summaries if not one.step.slow_users]
    sizes = sorted({one.step.cell.size_bytes for one in alone})
    return [
        chart
        for size in sizes
        for chart in _load_pair([one for one in alone if one.step.cell.size_bytes == size], size, places)
    ]


def _load_pair(summaries: Sequence[LoadSummary], size_bytes: int, places: Places) -> list[Chart]:
    rates = [_at_once(places, one.step, rate) for one in summaries if (rate := one.mb_per_second)]
    times = [_at_once(places, one.step, p95) for one in summaries if (p95 := one.seconds_p95)]
    size = format_size(size_bytes)
    of_rates = f"MB/s of all users together. {IN_TABLES}"
    of_times = f"Seconds that 19 of 20 uploads took at most (p95). {IN_TABLES}"
    return _drawn(
        Chart(f"load-rate-{size_bytes}", f"Throughput against users, {size}", of_rates, USERS, RATE, rates),
        Chart(f"load-p95-{size_bytes}", f"Slow uploads against users, {size}", of_times, USERS, P95, times),
    )


def _at_once(places: Places, step: Step, value: float) -> Point:
    cell = step.cell
    return places.point(cell.deployment, cell.method, cell.size_bytes, value, step.users)


def _memory(summaries: Sequence[Summary], places: Places, field: str) -> list[Point]:
    return [
        places.point(one.deployment, one.method, one.size_bytes, value / MIB)
        for one in summaries
        if one.status in ACCEPTED and (value := getattr(one, field))
    ]


def _drawn(*charts: Chart) -> list[Chart]:
    """Those that show anything."""
    return [chart for chart in charts if chart.points]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
