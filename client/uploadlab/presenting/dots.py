"""The first picture of a run: ways to upload as dots on one axis of MB/s, red cells where files were lost.

Two views of the same figures: a line for each method with its deployments, and the other way round.
"""

from collections.abc import Callable, Mapping, Sequence
from math import log10
from statistics import median

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.losses import Loss
from uploadlab.analysis.ranking import CLEAR, RankedWay, Ranking
from uploadlab.presenting.document import Dot, DotRow, Dots, Key
from uploadlab.presenting.figures import grouped
from uploadlab.presenting.rates import rate_in_full, rate_text
from uploadlab.presenting.run_answer import largest_losses, stored_text
from uploadlab.units import format_size

ROOM = 1.15
"""The axis goes beyond the least and the greatest figure by this factor."""
DIGITS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), tuple(digit / 20 for digit in range(20, 200)))
"""The digits of ticks: the first that give enough of them."""
LEAST_TICKS, MOST_TICKS = 3, 6


def ranking_dots(ranking: Ranking | None, losses: Sequence[Loss]) -> list[Dots]:
    """Return the views that have more than one line, or the only view."""
    if not ranking:
        return []
    axis = rate_axis([way.summary for way in ranking.ways])
    views = [
        _view("by-method", "by method", ranking, losses, axis, _method, _deployment),
        _view("by-server", "by server", ranking, losses, axis, _deployment, _method),
    ]
    return [view for view in views if len(view.rows) > 1] or views[:1]


def link_dots(rankings: Mapping[str, Ranking | None]) -> list[Dots]:
    """Return a view for each link over which some way is slower, each on an axis of its own.

    Where all fill their line, there is nothing to tell apart.
    """
    views = []
    for link, ranking in rankings.items():
        if ranking and ranking.slowest.times >= CLEAR:
            axis = rate_axis([way.summary for way in ranking.ways])
            views.append(_view(f"over-{link}", f"over {link}", ranking, [], axis, _deployment, _method))
    return views


class LogAxis:
    """Figures as percent of the width, from a bit below the least to a bit above the greatest."""

    def __init__(self, least: float, greatest: float) -> None:
        self._low, self._high = least / ROOM, greatest * ROOM

    def place(self, value: float) -> float:
        """Return where a figure stands, in percent."""
        return round(100 * log10(value / self._low) / log10(self._high / self._low), 2)

    def ticks(self) -> list[tuple[str, float]]:
        """Return the figures that are marked, and where they stand."""
        for digits in DIGITS:
            values = [digit * 10.0**power for power in range(-6, 7) for digit in digits]
            inside = [value for value in values if self._low <= value <= self._high]
            if len(inside) >= LEAST_TICKS:
                break
        every = max(1, -(-len(inside) // MOST_TICKS))
        return [(f"{value:g}", self.place(value)) for value in inside[::every]]


def rate_axis(summaries: Sequence[Summary]) -> LogAxis:
    """Return an axis on which all rounds of these cells find room."""
    return LogAxis(
        min(_figure(summary.mb_per_second_low, summary) for summary in summaries),
        max(_figure(summary.mb_per_second_high, summary) for summary in summaries),
    )


def _view(
    name: str,
    label: str,
    ranking: Ranking,
    losses: Sequence[Loss],
    axis: LogAxis,
    line: Callable[[Summary | Loss], str],
    other: Callable[[Summary | Loss], str],
) -> Dots:
    ways = grouped((line(way.summary), way) for way in ranking.ways)
    lost = grouped((line(loss), loss) for loss in largest_losses(losses))
    order = sorted({**ways, **lost}, key=lambda key: _rank(ways.get(key, []), ranking.size_bytes))
    size_bytes = ranking.size_bytes
    rows = [_row(key, ways.get(key, []), lost.get(key, []), size_bytes, axis, other) for key in order]
    caption = (
        f"MB/s at {format_size(ranking.size_bytes)}, logarithmic; lines sorted by their middle. A dot is "
        "the middle of the rounds; its line reaches from the slowest to the fastest round."
    )
    if any(dot.is_smaller for row in rows for dot in row.dots):
        caption += " Rings: a smaller size, the largest that was measured this way."
    if any(row.lost for row in rows):
        caption += " Red: the server answered with success, and the file was not proved to be stored."
    return Dots(name, label, caption, "MB/s", axis.ticks(), rows)


def _rank(ways: Sequence[RankedWay], size_bytes: int) -> tuple[bool, float]:
    """Return the place of a line; lines that have only smaller sizes come after the others."""
    largest = [way.times for way in ways if way.summary.size_bytes == size_bytes]
    times = largest or [way.times for way in ways]
    return not largest, median(times) if times else float("inf")


def _row(
    name: str,
    ways: Sequence[RankedWay],
    lost: Sequence[Loss],
    size_bytes: int,
    axis: LogAxis,
    other: Callable[[Summary | Loss], str],
) -> DotRow:
    dots = [rate_dot(other(way.summary), way.summary, axis, size_bytes) for way in ways]
    dots.sort(key=lambda dot: (dot.is_smaller, -dot.value))
    sizes = {way.summary.size_bytes for way in ways}
    label = f"{name} ({format_size(max(sizes))})" if sizes and max(sizes) < size_bytes else name
    of_size = [way.summary for way in ways if way.summary.size_bytes == max(sizes)]
    words = ""
    if of_size:
        first, last = of_size[0], of_size[-1]
        words = f"{other(first)} {rate_text(first)}"
        words += f" to {other(last)} {rate_text(last)}" if last is not first else ""
    cells = [lost_dot(other(loss), loss) for loss in lost]
    return DotRow(label, words, dots, cells, Key(name) if other is _method else Key(method=name))


def lost_dot(name: str, loss: Loss) -> Dot:
    """Return the red cell of a lost file."""
    key = Key(loss.deployment, loss.method, loss.size_bytes)
    return Dot(f"{name} {_lost_in_short(loss)}", _lost(loss), 0, 0, 0, key)


def _lost_in_short(loss: Loss) -> str:
    if loss.is_whole:
        return "lost the file"
    return "did not prove the file" if loss.stored_bytes is None else "stored other bytes"


def _lost(loss: Loss) -> str:
    answer = loss.http_status or "with success"
    return f"{loss.method} on {loss.deployment}: answered {answer} and {stored_text(loss)}"


def rate_dot(name: str, summary: Summary, axis: LogAxis, size_bytes: int) -> Dot:
    """Return the rate of a cell as a dot with its range; a ring if the picture is of larger files."""
    low, high = (
        axis.place(_figure(value, summary))
        for value in (summary.mb_per_second_low, summary.mb_per_second_high)
    )
    words = f"{summary.method} on {summary.deployment}: {rate_in_full(summary)}"
    value = axis.place(_figure(summary.mb_per_second, summary))
    key = Key(summary.deployment, summary.method, summary.size_bytes)
    return Dot(name, words, low, value, high, key, summary.size_bytes < size_bytes)


def _figure(value: float | None, summary: Summary) -> float:
    return value or summary.mb_per_second or 1.0


def _method(of: Summary | Loss) -> str:
    return of.method


def _deployment(of: Summary | Loss) -> str:
    return of.deployment
