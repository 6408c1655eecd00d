"""The whole procedure of a comparison, stopping rule included, on noise whose truth is known."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from uploadlab.analysis.intervals import paired
from uploadlab.analysis.significance import Interval, Word, judge_ratio, paired_rounds
from uploadlab.measuring.stopping import enough, is_look
from uploadlab.model.comparison import WITHIN

pytestmark = pytest.mark.slow

SIMULATIONS = 500
NOISE = 0.1
MOST_ROUNDS = 100
Times = NDArray[np.float64]
Marks = NDArray[np.bool_]
Model = Callable[[np.random.Generator, int], Times]


def lognormal(rng: np.random.Generator, rounds: int) -> Times:
    """Times of base, base again and the other, in each round."""
    return rng.lognormal(0, NOISE, (rounds, 3))


def drifting(rng: np.random.Generator, rounds: int) -> Times:
    """A machine that gets slower or faster, by a trend and by a walk from each upload to the next."""
    uploads = 3 * rounds
    trend = np.linspace(0, rng.normal(0, 0.5), uploads) + np.cumsum(rng.normal(0, 0.03, uploads))
    order = rng.permuted(np.tile(np.arange(3), (rounds, 1)), axis=1)
    slowness: Times = np.take_along_axis(np.exp(trend).reshape(rounds, 3), order, axis=1)
    return lognormal(rng, rounds) * slowness


def started(rng: np.random.Generator, rounds: int) -> Times:
    """Servers that are the same, but for what each start is by chance: 1% for as long as it runs."""
    return lognormal(rng, rounds) * rng.lognormal(0, 0.01, 3)


def with_outliers(rng: np.random.Generator, rounds: int) -> Times:
    """Of a hundred uploads, five that take two to five times as long."""
    outlier = rng.random((rounds, 3)) < 0.05
    return lognormal(rng, rounds) * np.where(outlier, rng.uniform(2, 5, (rounds, 3)), 1)


MODELS = [lognormal, drifting, with_outliers, started]


def procedure(times: Times) -> Word:
    """What ``stopping`` does round by round, and ``results`` at the end."""
    looks = [rounds for rounds in range(1, len(times)) if is_look(rounds)]
    for rounds in [*looks, len(times)]:
        base, again, other = times[:rounds].T
        itself, ratio = paired(base, again), paired(base, other)  # of speed: the base's time above
        if enough([itself, ratio], WITHIN):
            break
    judged = judge_ratio(ratio, max(1 + WITHIN, itself.reach if itself else 1.0))
    assert judged
    return judged.word


def beside_other_programs(rng: np.random.Generator, rounds: int) -> tuple[Times, Marks]:
    """Times while other programs come and go, at times for most of the run, and which rounds are marked.

    They slow down each upload by another factor, and one of ten disturbed uploads is not marked.
    """
    uploads = 3 * rounds
    share, length = rng.uniform(0, 1), rng.integers(2, 60)
    busy = np.repeat(rng.random(uploads // length + 1) < share, length)[:uploads].reshape(rounds, 3)
    order = rng.permuted(np.tile(np.arange(3), (rounds, 1)), axis=1)
    busy = np.take_along_axis(busy, order, axis=1)
    marks: Marks = busy & (rng.random(busy.shape) < 0.9)
    return lognormal(rng, rounds) * np.where(busy, rng.uniform(1, 3, busy.shape), 1), marks


def verdict_beside_others(seed: int, slowdown: float) -> Word:
    """The verdict of the whole procedure, in which disturbed rounds end nothing and count only in need."""
    times, marks = beside_other_programs(np.random.default_rng(seed), MOST_ROUNDS)
    times[:, 2] *= slowdown

    def ratio(column: int, rounds: int, quiet: bool) -> Interval | None:
        noisy = {int(number) for number in np.flatnonzero(marks[:rounds, 0] | marks[:rounds, column])}
        every = dict.fromkeys(range(rounds), 1.0)
        used = (
            [number for number in every if number not in noisy]
            if quiet
            else paired_rounds(every, every, noisy)
        )
        return paired(times[used, 0], times[used, column])

    looks = [rounds for rounds in range(1, MOST_ROUNDS) if is_look(rounds)]
    for rounds in [*looks, MOST_ROUNDS]:
        if enough([ratio(1, rounds, True), ratio(2, rounds, True)], WITHIN):
            break
    itself, judged = ratio(1, rounds, False), ratio(2, rounds, False)
    found = judge_ratio(judged, max(1 + WITHIN, itself.reach if itself else 1.0))
    assert found
    return found.word


def test_beside_other_programs_what_is_the_same_is_hardly_ever_called_different() -> None:
    words = [verdict_beside_others(seed, 1.0) for seed in range(SIMULATIONS)]
    assert words.count(Word.SAME) / SIMULATIONS >= 0.95


def test_beside_other_programs_a_clear_slowdown_is_never_called_a_gain() -> None:
    words = [verdict_beside_others(seed, 1.3) for seed in range(SIMULATIONS)]
    assert words.count(Word.MORE) / SIMULATIONS <= 0.01
    assert words.count(Word.LESS) / SIMULATIONS >= 0.8


def share(model: Model, slowdown: float, word: Word, rounds: int = MOST_ROUNDS) -> float:
    """How many of the simulations end with that verdict."""
    found = 0
    for seed in range(SIMULATIONS):
        times = model(np.random.default_rng(seed), rounds)
        times[:, 2] *= slowdown
        found += procedure(times) is word
    return found / SIMULATIONS


@pytest.mark.parametrize("model", MODELS)
def test_what_is_the_same_is_hardly_ever_called_different(model: Model) -> None:
    assert share(model, 1.0, Word.SAME) >= 0.95


@pytest.mark.parametrize("model", MODELS)
def test_a_slowdown_of_15_percent_is_nearly_always_found(model: Model) -> None:
    assert share(model, 1.15, Word.LESS) >= 0.95


def test_a_budget_that_ends_early_finds_less_but_alarms_no_more() -> None:
    assert share(lognormal, 1.0, Word.SAME, rounds=7) >= 0.95
    assert share(lognormal, 1.15, Word.LESS, rounds=7) < 0.9


def test_looks_come_further_and_further_apart() -> None:
    assert [rounds for rounds in range(60) if is_look(rounds)] == [6, 8, 10, 13, 17, 22, 28, 35, 44, 55]


@pytest.mark.parametrize(
    ("ratio", "floor", "word"),
    [
        (Interval(1.42, 1.36, 1.49), 1.03, Word.MORE),
        (Interval(0.85, 0.82, 0.88), 1.03, Word.LESS),
        (Interval(1.05, 0.99, 1.12), 1.03, Word.SAME),
        (Interval(1.05, 1.01, 1.09), 1.06, Word.SAME),  # so does the base of itself
        (Interval(0.95, 0.92, 0.99), 1.06, Word.SAME),
        (Interval(1.02, 1.01, 1.03), 1.03, Word.SAME),  # too little to matter
    ],
)
def test_a_difference_is_one_if_it_is_beyond_the_noise(ratio: Interval, floor: float, word: Word) -> None:
    judged = judge_ratio(ratio, floor)
    assert judged
    assert judged.word is word


def test_without_an_interval_there_is_no_verdict() -> None:
    assert judge_ratio(None, 1.03) is None
    assert not enough([Interval(1, 1, 1), None], WITHIN)
