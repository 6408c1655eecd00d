"""Intervals of ratios: against printed tables, and against samples whose truth is known."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from uploadlab.analysis import intervals
from uploadlab.analysis.intervals import paired, unpaired
from uploadlab.analysis.significance import Interval

from .helpers import environment


def ordinal(values: int) -> list[float]:
    """So that no two differences or means are the same, and each is known by its size."""
    return [float(np.exp(2.0**number / 1e4)) for number in range(values)]


@pytest.mark.parametrize(
    ("rounds", "critical"), [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (15, 25), (20, 52)]
)
def test_a_paired_interval_ends_where_the_signed_rank_table_says(rounds: int, critical: int) -> None:
    """Critical values of Wilcoxon's T, two-sided 5%: as many of the least averages lie outside."""
    values = ordinal(rounds)
    interval = paired(values, [1.0] * rounds)
    assert interval
    logs = np.log(values)
    averages = sorted((logs[i] + logs[j]) / 2 for i in range(rounds) for j in range(i, rounds))
    assert np.log(interval.low) == pytest.approx(averages[critical])
    assert np.log(interval.high) == pytest.approx(averages[-1 - critical])


@pytest.mark.parametrize(
    ("above", "below", "critical"), [(4, 4, 0), (5, 5, 2), (3, 5, 0), (9, 9, 17), (8, 10, 17), (20, 20, 127)]
)
def test_an_unpaired_interval_ends_where_the_rank_sum_table_says(
    above: int, below: int, critical: int
) -> None:
    """Critical values of Mann and Whitney's U, two-sided 5%."""
    rng = np.random.default_rng(1)
    first, second = rng.lognormal(size=above), rng.lognormal(size=below)
    interval = unpaired(list(first), list(second))
    assert interval
    differences = sorted(np.subtract.outer(np.log(first), np.log(second)).ravel())
    assert np.log(interval.low) == pytest.approx(differences[critical])
    assert np.log(interval.high) == pytest.approx(differences[-1 - critical])


def test_too_few_values_have_no_interval() -> None:
    assert paired([1.0] * 5, [1.0] * 5) is None
    assert paired([], []) is None
    assert unpaired([1.0] * 3, [1.0] * 3) is None
    assert unpaired([], [1.0]) is None


def test_what_pairs_share_cancels_out_and_an_outlier_hardly_counts() -> None:
    rng = np.random.default_rng(2)
    shared = rng.lognormal(0, 1, 40)
    above, below = 1.2 * shared * rng.lognormal(0, 0.02, 40), shared * rng.lognormal(0, 0.02, 40)
    above[3] *= 50
    interval = paired(list(above), list(below))
    assert interval
    assert 1.18 < interval.low < 1.2 < interval.high < 1.22


@pytest.mark.parametrize("count", [6, 25])
def test_95_of_100_intervals_hold_the_truth(count: int) -> None:
    rng = np.random.default_rng(3)
    for ratio_of in (paired, unpaired):
        held = 0
        for _ in range(2000):
            interval = ratio_of(list(1.3 * rng.lognormal(0, 0.1, count)), list(rng.lognormal(0, 0.1, count)))
            assert interval
            held += interval.low <= 1.3 <= interval.high
        assert held / 2000 > 0.94


def test_only_a_comparison_needs_numpy() -> None:
    """A check, and a run without a comparison, work where numpy is not installed."""
    modules = ["analysis." + path.stem for path in Path(intervals.__file__).parent.glob("[a-z]*.py")]
    modules = [name for name in modules if name != "analysis.intervals"]
    modules += ["checking.stage", "measuring.carry_out", "presenting.terminal", "presenting.report"]
    lines = ["import importlib, sys", "sys.modules['numpy'] = None"]
    lines += [f"importlib.import_module('uploadlab.{name}')" for name in modules]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], env=environment(), check=True)


def test_an_interval_tells_how_wide_it_is_and_how_far_from_1_it_reaches() -> None:
    assert Interval(1, 1 / 1.03, 1.03).half_width == pytest.approx(0.03)
    assert Interval(1.1, 0.8, 1.2).reach == pytest.approx(1.25)
