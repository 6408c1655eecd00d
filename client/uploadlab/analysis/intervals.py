"""Ratios with a 95% interval that holds for noise of any shape. Pure. The only module that needs numpy.

Both intervals are Hodges and Lehmann's, of the logarithms: the median of all differences, between as many of
them as the exact distribution of the matching rank test leaves inside (Hollander, Wolfe and Chicken,
Nonparametric Statistical Methods, 3rd edition, sections 3.2-3.3 and 4.2-4.3). A rank cannot be an outlier.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from uploadlab.analysis.significance import Interval

OUTSIDE = 0.025
"""The chance that the ratio lies below the interval, and the chance that it lies above."""


Floats = NDArray[np.float64]


Values = Sequence[float] | Floats


def paired(above: Values, below: Values) -> Interval | None:
    """Return the ratio of values measured pair by pair: noise of a pair cancels out. None: below 6 pairs."""
    differences = np.log(above) - np.log(below)
    first, second = _each_with_each(len(differences))
    means = (differences[first] + differences[second]) / 2  # Walsh averages
    return _between(means, _signed_rank(len(differences)))


def unpaired(above: Values, below: Values) -> Interval | None:
    """Return the ratio of values measured apart from each other; None: too few, such as 3 against 3."""
    differences = np.subtract.outer(np.log(above), np.log(below)).ravel()
    return _between(differences, _rank_sum(len(above), len(below)))


def _between(differences: Floats, left_out: int) -> Interval | None:
    """Return the median, and the interval that leaves out this many at each end; None if that is nothing."""
    if left_out < 1:
        return None
    last = len(differences) - 1
    ordered = np.partition(differences, [left_out - 1, last // 2, (last + 1) // 2, last + 1 - left_out])
    middle = (ordered[last // 2] + ordered[(last + 1) // 2]) / 2
    value, low, high = np.exp([middle, ordered[left_out - 1], ordered[last + 1 - left_out]])
    return Interval(float(value), float(low), float(high))


@cache
def _each_with_each(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(count)


@cache
def _signed_rank(count: int) -> int:
    """Return the rank of the interval's ends among the averages of ``count`` pairs; 0: too few pairs."""
    ways = np.ones(1)  # to each sum of some of the ranks 1 to count
    for rank in range(1, count + 1):
        more = np.pad(ways, (0, rank))
        more[rank:] += ways
        ways = more / 2  # as chances
    return _first_beyond(ways)


@cache
def _rank_sum(above: int, below: int) -> int:
    """Return the same rank among the differences of samples of these sizes.

    The ways to each sum are the coefficients of a Gaussian binomial: of prod (1 - q^(above+i)) / (1 - q^i).
    """
    ways = np.zeros(above * below + 1)
    ways[:1] = 1.0
    for step in range(1, below + 1):
        ways[above + step :] -= ways[: -above - step].copy()
        for rest in range(step):
            ways[rest::step] = np.cumsum(ways[rest::step])
        ways *= step / (above + step)  # as chances: the ways themselves are too many to count
    return _first_beyond(ways) if above and below else 0


def _first_beyond(chances: Floats) -> int:
    """Return how many of the least values together are still less likely than OUTSIDE."""
    return int(np.searchsorted(np.cumsum(chances), OUTSIDE, side="right"))
