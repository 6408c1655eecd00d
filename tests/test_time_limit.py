"""Runs with a time limit: rounds until each rate is sure, or the time is over."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from uploadlab.analysis.significance import median_interval
from uploadlab.declared.plans import load_plan
from uploadlab.errors import UsageError
from uploadlab.measuring.prepare import reopen
from uploadlab.model.measurements import Measurement, Outcome, Status
from uploadlab.model.order import Order
from uploadlab.model.runs import Accuracy
from uploadlab.paths import PLANS
from uploadlab.planning.cells import planned_accuracy
from uploadlab.planning.draft import draft
from uploadlab.presenting.repeat import repeating_commands
from uploadlab.storage.reader import read_run_folder

from .test_lab import PAIRS, Fake, go, prepared_run

QUICK = Order(methods=["request.stream"], sizes=["1KiB"], deployments=["flask"], seed=3)
MOST_ROUNDS = 30


class Clock:
    """Time that passes while something is uploaded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("uploadlab.measuring.stopping.time.monotonic", lambda: self.now)


class Timed(Fake):
    """Uploads that take what a function says of their deployment, on a clock."""

    def __init__(self, seconds: Callable[[str], float], clock: Clock | None = None) -> None:
        super().__init__(break_after=9999)
        self.seconds, self.clock = seconds, clock

    def outcome(self, name: str) -> Outcome:
        seconds = self.seconds(name)
        if self.clock:
            self.clock.now += seconds
        return Outcome(status=self.status, seconds=seconds)


def noisy(noise: float) -> Callable[[str], float]:
    rng = np.random.default_rng(1)
    return lambda _: float(rng.lognormal(0, noise)) / 100


def rounds_of(rows: list[Measurement]) -> dict[str, int]:
    """The last round of each deployment."""
    return {row.deployment: row.round for row in rows if not row.warmup}


def test_five_rounds_are_enough_for_a_steady_rate(tmp_path: Path) -> None:
    rows = go(prepared_run(tmp_path, QUICK), Timed(noisy(0.01)), tmp_path)
    assert set(rounds_of(rows).values()) == {5}


def test_only_cells_that_are_not_sure_get_more_rounds(tmp_path: Path) -> None:
    wild = noisy(0.5)
    fake = Timed(lambda name: wild(name) if name == "flask" else 0.01)
    rounds = rounds_of(go(prepared_run(tmp_path, QUICK), fake, tmp_path))
    assert rounds.pop("flask") == MOST_ROUNDS
    assert set(rounds.values()) == {5}


def test_the_time_ends_a_run_after_a_whole_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    wild = noisy(0.5)
    fake = Timed(lambda name: 1000 * wild(name), clock)
    rows = go(prepared_run(tmp_path, QUICK), fake, tmp_path)
    rounds = rounds_of(rows)
    assert len(rounds) == PAIRS
    assert len(set(rounds.values())) == 1
    assert clock.now == pytest.approx(180, abs=2 * PAIRS * max(row.seconds or 0 for row in rows))


def test_each_cell_has_one_round_however_short_the_time(tmp_path: Path) -> None:
    order = msgspec.structs.replace(QUICK, minutes=1e-9)
    fake = Timed(noisy(0.5))
    fake.sick = "flask"
    prepared = prepared_run(tmp_path, order)
    assert set(rounds_of(go(prepared, fake, tmp_path)).values()) == {1}
    rows = go(reopen(prepared.folder, tmp_path), Timed(noisy(0.5)), tmp_path)
    assert [row.status for row in rows if row.deployment == "flask" and not row.warmup] == [
        Status.UNAVAILABLE,
        Status.OK,
    ]


def test_what_does_not_arrive_has_its_answer_after_one_round(tmp_path: Path) -> None:
    fake = Timed(noisy(0.5))
    fake.status = Status.WRONG
    assert set(rounds_of(go(prepared_run(tmp_path, QUICK), fake, tmp_path)).values()) == {1}


@pytest.mark.parametrize("uploads", [1, PAIRS, 3 * PAIRS + 1, 5 * PAIRS])
def test_a_run_that_is_stopped_goes_on_until_it_is_sure(tmp_path: Path, uploads: int) -> None:
    prepared, fake = prepared_run(tmp_path, QUICK), Timed(noisy(0.01))
    fake.break_after = uploads
    with pytest.raises(KeyboardInterrupt):
        go(prepared, fake, tmp_path)
    rows = [
        row for row in go(reopen(prepared.folder, tmp_path), Timed(noisy(0.01)), tmp_path) if not row.warmup
    ]
    assert len({(row.cell_id, row.round) for row in rows}) == len(rows)
    assert set(rounds_of(rows).values()) <= {5, 7}, "at a look"
    again = Timed(noisy(0.01))
    go(reopen(prepared.folder, tmp_path), again, tmp_path)
    assert not any(event.startswith("measure") for event in again.events), "a run that is done stays done"


def test_the_time_is_that_of_the_run_as_a_whole(tmp_path: Path) -> None:
    wild = noisy(0.5)
    prepared, fake = prepared_run(tmp_path, QUICK), Timed(lambda name: 4000 * wild(name))
    fake.break_after = 4 * PAIRS  # of 40 s each
    with pytest.raises(KeyboardInterrupt):
        go(prepared, fake, tmp_path)
    again = Timed(noisy(0.5))
    go(reopen(prepared.folder, tmp_path), again, tmp_path)
    assert not any(event.startswith("measure") for event in again.events)


def test_a_run_that_ended_in_time_lacks_nothing(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path, QUICK)
    go(prepared, Timed(noisy(0.01)), tmp_path)
    commands = repeating_commands(read_run_folder(prepared.folder))
    assert [what for what in commands if "missing" in what] == []


def test_rounds_and_minutes_of_an_order_replace_those_of_the_plan() -> None:
    quick, full = load_plan("quick", PLANS), load_plan("full", PLANS)
    assert planned_accuracy(quick, Order()) == Accuracy(0.1, 180)
    assert planned_accuracy(quick, Order(minutes=1.5)) == Accuracy(0.1, 90)
    assert planned_accuracy(quick, Order(rounds=9)) is None
    assert planned_accuracy(full, Order()) is None
    assert planned_accuracy(full, Order(minutes=30)) == Accuracy(0.0, 1800)
    fixed = draft(msgspec.structs.replace(QUICK, rounds=9))
    assert (fixed.accuracy, {planned.rounds for planned in fixed.cells}) == (None, {9})


@pytest.mark.parametrize(
    "line", ["within = '10'", "within = 'few%'", "within = '-1%'", "minutes = 0", "minutes = -1"]
)
def test_a_plan_says_what_is_wrong_with_its_limit(tmp_path: Path, line: str) -> None:
    (tmp_path / "mine.toml").write_text(f"title = 't'\n{line}\n[[cells]]\nsizes = ['1MiB']\n")
    with pytest.raises(UsageError, match=f"mine.toml.*{line.split()[0]}"):
        load_plan("mine", tmp_path)


@pytest.mark.parametrize(("count", "outside"), [(5, 0), (8, 0), (9, 1), (12, 2), (15, 3), (20, 5), (25, 7)])
def test_the_interval_of_a_median_ends_where_the_sign_tests_table_says(count: int, outside: int) -> None:
    values = [float(number) for number in range(1, count + 1)]
    interval = median_interval(values)
    assert interval
    assert (interval.low, interval.high) == (1 + outside, count - outside)
    assert median_interval(values[:4]) is None


@pytest.mark.parametrize("count", [5, 9, 25])
def test_about_95_of_100_intervals_hold_the_median(count: int) -> None:
    rng = np.random.default_rng(5)
    found = [median_interval(list(rng.lognormal(0, 0.3, count))) for _ in range(2000)]
    held = sum(interval is not None and interval.low <= 1 <= interval.high for interval in found)
    assert held / 2000 > 0.925
