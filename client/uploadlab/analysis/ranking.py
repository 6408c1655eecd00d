"""Which way to upload is the fastest of a run, which the slowest, and by how much. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import NamedTuple

from uploadlab.analysis.cells import Summary, reference_names
from uploadlab.analysis.significance import LEAST_ROUNDS
from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.model.runs import Run

CLOSE = 1.1
"""Up to this ratio, two groups of ways are as good as each other."""
TYPICAL = 0.75
"""What holds for this share of pairs holds typically."""
CLEAR, CLEAR_OF_FEW = 1.2, 1.5
"""From this ratio on, two ways are called different; the second where one has fewer than five rounds."""


class RankedWay(NamedTuple):
    """A deployment and a method, at the largest size at which files arrived."""

    summary: Summary
    times: float
    """How many times slower than the fastest way of that size."""
    is_clear: bool
    """Whether its rounds and those of the fastest have no rate in common, and are far enough apart."""


class Contrast(NamedTuple):
    """Two methods at the same deployments, or two deployments with the same methods."""

    fast: str
    slow: str
    times: float
    """Median of the ratios of their rates."""
    pairs: int
    """How many such ratios there are."""


class Ranking(NamedTuple):
    """The ways of a run by speed, and what decides over it."""

    ways: list[RankedWay]
    """The fastest first."""
    size_bytes: int
    """The largest size: that of the fastest way."""
    methods: Contrast | None
    """The fastest and the slowest method; None: they do not differ clearly."""
    deployments: Contrast | None

    @property
    def fastest(self) -> Summary:
        """The fastest way at the largest size."""
        return self.ways[0].summary

    @property
    def slowest(self) -> RankedWay:
        """The way that is the most times slower than the fastest of its size."""
        return self.ways[-1]

    @property
    def as_fast(self) -> list[Summary]:
        """The ways of the largest size that are not clearly slower than the fastest."""
        return [
            way.summary
            for way in self.ways[1:]
            if not way.is_clear and way.summary.size_bytes == self.size_bytes
        ]


def rank(run: Run, summaries: Sequence[Summary], link: str = "") -> Ranking | None:
    """Return the ranking of all ways with a rate over a link, or over none; None if there is none.

    Different links have no common rank. References and relays do less or more than an upload to one app, so
    that they have no rank.
    """
    measured = {target.name for target in run.targets if target.link == link} - {*reference_names(run)}
    ranked = [
        summary
        for summary in summaries
        if summary.mb_per_second and summary.deployment in measured and not _relays(summary.method)
    ]
    if not ranked:
        return None
    best: dict[int, Summary] = {}
    largest: dict[tuple[str, str], Summary] = {}
    for summary in ranked:
        size_bytes, pair = summary.size_bytes, (summary.deployment, summary.method)
        best[size_bytes] = max(best.get(size_bytes, summary), summary, key=_rate)
        largest[pair] = max(largest.get(pair, summary), summary, key=lambda known: known.size_bytes)
    ways = [ranked_way(summary, best[summary.size_bytes]) for summary in largest.values()]
    ways.sort(key=lambda way: (way.times, -way.summary.size_bytes))
    compared = [ranked_way(summary, best[summary.size_bytes]) for summary in _most_compared(ranked)]
    return Ranking(
        ways, max(best), _contrast(compared, _method, _deployment), _contrast(compared, _deployment, _method)
    )


def _most_compared(ranked: Sequence[Summary]) -> list[Summary]:
    """Return the cells of the size at which the most ways have a rate, the larger of equal ones."""
    sizes = Counter(summary.size_bytes for summary in ranked)
    size_bytes = max(sizes, key=lambda size: (sizes[size], size))
    return [summary for summary in ranked if summary.size_bytes == size_bytes]


def _relays(method: str) -> bool:
    return method in ALL_METHODS and ALL_METHODS[method].hops


def ranked_way(summary: Summary, best: Summary) -> RankedWay:
    """Return a way as it compares with a faster way of the same size."""
    return RankedWay(summary, _rate(best) / _rate(summary), _is_clearly_slower(summary, best))


def _is_clearly_slower(slow: Summary, fast: Summary) -> bool:
    """Return whether each round was slower than each of the other's, and the rates are far enough apart."""
    least = CLEAR if min(slow.rounds, fast.rounds) >= LEAST_ROUNDS else CLEAR_OF_FEW
    overlap = (slow.mb_per_second_high or 0.0) >= (fast.mb_per_second_low or 0.0)
    return _rate(fast) / _rate(slow) >= least and not overlap


def _contrast(
    ways: Sequence[RankedWay], group: Callable[[Summary], str], other: Callable[[Summary], str]
) -> Contrast | None:
    """Return how the slowest group differs from the fastest, by the ways that both have."""
    groups: dict[str, dict[str, RankedWay]] = {}
    for way in ways:
        groups.setdefault(group(way.summary), {})[other(way.summary)] = way
    middle = {name: median(way.times for way in mine.values()) for name, mine in groups.items()}
    best, worst = min(middle.values()), max(middle, key=lambda name: middle[name])
    # Of those that are as good as the best, the one that is declared first is the simplest.
    first = next(name for name in _in_order(middle) if middle[name] <= best * CLOSE)
    fast, slow = groups[first], groups[worst]
    common = [(slow[name], fast[name]) for name in slow if name in fast]
    clear = sum(_is_clearly_slower(way.summary, quick.summary) for way, quick in common)
    if not common or clear < TYPICAL * len(common):
        return None
    times = median(way.times / quick.times for way, quick in common)
    return Contrast(first, worst, times, len(common))


def _in_order(names: Iterable[str]) -> list[str]:
    """Return methods as they are declared, other names as they come."""
    order = list(ALL_METHODS)
    return sorted(names, key=lambda name: order.index(name) if name in order else 0)


def _rate(summary: Summary) -> float:
    return summary.mb_per_second or 0.0


def _method(summary: Summary) -> str:
    return summary.method


def _deployment(summary: Summary) -> str:
    return summary.deployment
