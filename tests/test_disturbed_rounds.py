"""Rounds that something outside of the lab disturbed: repeated once, both kept, and what they count for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.analysis.cells import by_cell, summarize
from uploadlab.analysis.comparison import SECONDS, between_runs, found
from uploadlab.analysis.diagnosis import diagnose
from uploadlab.analysis.disturbances import Disturbance, disturbances, step_disturbances
from uploadlab.analysis.ratios import ratio_rows
from uploadlab.analysis.significance import paired_rounds
from uploadlab.declared.goals import Goals
from uploadlab.measuring.prepare import reopen
from uploadlab.measuring.uploads import has_time_to_repeat
from uploadlab.model.host_use import HostWarning
from uploadlab.model.load import LoadStep
from uploadlab.model.measurements import Measurement, Outcome, Status
from uploadlab.model.runs import Accuracy

from .helpers import RUN, measured
from .test_compare import ORDER as COMPARE
from .test_compare import compared_run
from .test_lab import PAIRS, Fake, go, prepared_run
from .test_ratios import TO_SINK


@pytest.fixture(autouse=True)
def _repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_REPEAT", "1")


OTHERS = [HostWarning.OTHER_PROCESSES]


class Noisy(Fake):
    """A host that is disturbed in those of the uploads, counted from 1, that a function names."""

    def __init__(self, disturbed: Callable[[int], bool], seconds: float = 1.0) -> None:
        super().__init__(break_after=999)
        self.disturbed, self.uploads, self.seconds = disturbed, 0, seconds

    def outcome(self, name: str) -> Outcome:
        self.uploads += 1
        warnings = OTHERS if self.disturbed(self.uploads) else []
        return Outcome(status=self.status, seconds=self.seconds, host_warnings=warnings)


def counted(rows: list[Measurement]) -> list[Measurement]:
    return [row for row in rows if not row.warmup]


def test_a_disturbed_round_is_repeated_at_the_end_and_the_quiet_one_counts(tmp_path: Path) -> None:
    noisy = Noisy(lambda number: number == PAIRS + 1)  # the first after the warm-ups
    rows = counted(go(prepared_run(tmp_path), noisy, tmp_path))
    first, *_, last = rows
    assert len(rows) == 2 * PAIRS + 1
    assert (last.cell_id, last.round, last.repeat, last.disturbed) == (first.cell_id, 1, True, False)
    assert [row.repeat for row in rows[:-1]] == [False] * 2 * PAIRS
    kept = by_cell(rows)[first.cell_id]
    assert first not in kept
    assert last in kept
    assert len(kept) == 2
    assert any(event.endswith("round 1, again") for event in noisy.events) or "again" in noisy.events


def test_where_the_host_is_never_quiet_the_first_counts_and_no_round_is_measured_a_third_time(
    tmp_path: Path,
) -> None:
    prepared = prepared_run(tmp_path)
    rows = counted(go(prepared, Noisy(lambda _: True), tmp_path))
    assert len(rows) == 2 * 2 * PAIRS
    kept = [row for cell in by_cell(rows).values() for row in cell]
    assert len(kept) == 2 * PAIRS
    assert not any(row.repeat for row in kept)
    assert all(summary.disturbed == summary.rounds == 2 for summary in summarize(prepared.run, rows))
    again = Noisy(lambda _: True)
    go(reopen(prepared.folder, tmp_path), again, tmp_path)
    assert again.uploads == 0


@pytest.mark.parametrize("uploads", [1, 5, 9, 3 * PAIRS - 1, 3 * PAIRS + 1])
def test_a_run_that_is_stopped_goes_on_with_its_repeats(tmp_path: Path, uploads: int) -> None:
    prepared, noisy = prepared_run(tmp_path), Noisy(lambda _: True)
    noisy.break_after = uploads
    with pytest.raises(KeyboardInterrupt):
        go(prepared, noisy, tmp_path)
    rows = counted(go(reopen(prepared.folder, tmp_path), Noisy(lambda _: True), tmp_path))
    done = sorted((row.cell_id, row.round, row.repeat) for row in rows)
    planned = [(one.cell.id, number) for one in prepared.run.cells for number in (1, 2)]
    assert done == sorted((*what, repeat) for what in planned for repeat in (False, True))


def test_an_upload_that_did_not_arrive_is_not_repeated_and_always_counts(tmp_path: Path) -> None:
    noisy = Noisy(lambda _: True)
    noisy.status = Status.WRONG
    rows = counted(go(prepared_run(tmp_path), noisy, tmp_path))
    assert not any(row.repeat for row in rows)
    lost = measured("flask", status=Status.WRONG, host_warnings=OTHERS)
    for repeat, status in ((measured("flask", repeat=True), Status.WRONG), (lost, Status.WRONG)):
        assert summarize(RUN, [lost, repeat])[0].status is status
    arrived = measured("flask", host_warnings=OTHERS)
    assert summarize(RUN, [arrived, msgspec.structs.replace(lost, repeat=True)])[0].status is Status.WRONG


def test_which_of_two_counts_depends_on_the_host_alone() -> None:
    for seconds in (0.1, 10.0):
        disturbed = measured("flask", host_warnings=OTHERS)
        again = measured("flask", seconds=seconds, repeat=True)
        assert by_cell([disturbed, again]) == {again.cell_id: [again]}
        still = msgspec.structs.replace(again, host_warnings=OTHERS)
        assert by_cell([disturbed, still]) == {again.cell_id: [disturbed]}


def test_repeats_take_no_longer_than_the_rounds_or_half_of_a_time_limit() -> None:
    rows = [measured("flask", seconds=10.0, round=number) for number in (1, 2)]
    again = [msgspec.structs.replace(row, repeat=True) for row in rows]
    assert has_time_to_repeat(RUN, [*rows, again[0]])
    assert not has_time_to_repeat(RUN, rows + again)
    limited = msgspec.structs.replace(RUN, accuracy=Accuracy(0.1, 22.0))
    assert has_time_to_repeat(limited, rows)
    assert not has_time_to_repeat(limited, [*rows, again[0]])


def test_a_comparison_repeats_nothing_and_needs_quiet_rounds(tmp_path: Path) -> None:
    """All rounds have the same times, so its intervals are narrow as soon as there is one."""
    rows = counted(go(prepared_run(tmp_path, COMPARE), Noisy(lambda number: number % 7 == 0), tmp_path))
    assert not any(row.repeat for row in rows)
    base, *others = (
        {row.round for row in rows if row.deployment == f"uwsgi-{name}" and not row.disturbed}
        for name in ("default", "default-again", "tuned")
    )
    assert max(row.round for row in rows) == 8, "at 6 are too few quiet ones"
    assert all(len(base & other) >= 6 for other in others)


def test_pairs_are_of_quiet_rounds_if_there_are_enough() -> None:
    times = dict.fromkeys(range(1, 11), 1.0)
    assert paired_rounds(times, times, {1, 2, 3, 4}) == [5, 6, 7, 8, 9, 10]
    assert paired_rounds(times, times, {1, 2, 3, 4, 5}) == list(range(1, 11))


def test_a_verdict_comes_from_the_quiet_rounds_and_says_how_many_were_not() -> None:
    def rows(name: str, seconds: float, busy: float, rounds: int) -> list[Measurement]:
        return [
            measured(
                name, seconds=busy if number <= 3 else seconds * (1 + number / 1e4), round=number,
                host_warnings=OTHERS if number <= 3 and name == "b" else [],
            )
            for number in range(1, rounds + 1)
        ]  # fmt: skip

    run = compared_run(b=[])
    for rounds, disturbed in ((12, 0), (8, 3)):
        everything = (
            rows("flask", 1.0, 1.0, rounds) + rows("again", 1.0, 1.0, rounds) + rows("b", 1.0, 9.0, rounds)
        )
        (result,) = found(run, everything)
        (line,) = result.lines
        assert (line.rounds, line.disturbed) == (rounds - 3 + disturbed, disturbed)
    steady = rows("flask", 1.0, 1.0, 12) + rows("again", 1.0, 1.0, 12)
    (result,) = found(run, steady + rows("b", 1.0, 9.0, 12))
    judged = result.lines[0].verdicts[SECONDS]
    assert judged and judged.ratio.low == judged.ratio.high == 1.0


def test_no_cause_in_times_is_named_where_the_host_explains_them() -> None:
    idle: dict[str, Any] = {"server_cpu_seconds": 0.1, "client_cpu_seconds": 0.1}
    sink = [measured("raw-sink", seconds=0.1, **idle)]
    quiet = [measured("flask", round=number, **idle) for number in (1, 2)]
    noisy = [measured("flask", round=number, host_warnings=OTHERS, **idle) for number in (3, 4, 5)]
    assert [cause.rule.name for cause in diagnose(RUN, sink + quiet)] == ["idle"]
    assert diagnose(RUN, sink + quiet + noisy) == []
    lost = [measured("flask", status=Status.WRONG, stored_bytes=0, host_warnings=OTHERS)]
    assert [cause.rule.name for cause in diagnose(RUN, sink + lost)] == ["lost-body"]


def test_disturbances_are_counted_over_the_rounds_that_count() -> None:
    rows = [
        measured("flask", warmup=True, round=0, host_warnings=[HostWarning.THROTTLED]),
        measured("flask", host_warnings=OTHERS, other_cpu_seconds=0.9, host_seconds=1.0),
        measured("flask", repeat=True),
        measured("flask", round=2, host_warnings=OTHERS, other_cpu_seconds=1.0, host_seconds=2.0),
        measured("raw-sink", host_warnings=[*OTHERS, HostWarning.DISK_BUSY]),
    ]
    assert disturbances(rows) == [
        Disturbance(HostWarning.OTHER_PROCESSES, 2, 3, 0.5),
        Disturbance(HostWarning.DISK_BUSY, 1, 3, None),
    ]
    assert disturbances(rows[2:3]) == []
    steps = [LoadStep(step_id="s", started_at="", status=Status.OK, host_warnings=OTHERS)]
    assert step_disturbances(steps) == [Disturbance(HostWarning.OTHER_PROCESSES, 1, 1, None)]


def test_rows_of_older_runs_have_no_warnings() -> None:
    row = measured("flask")
    fields = {name: value for name, value in msgspec.to_builtins(row).items() if not name.startswith("host_")}
    old = msgspec.convert(fields, Measurement)
    assert (old.host_warnings, old.host_seconds, old.disturbed) == ([], None, False)


def test_between_two_runs_only_quiet_rounds_count() -> None:
    def rows(noisy: int, seconds: float = 1.0) -> list[Measurement]:
        times = [9.0 if number <= noisy else seconds + number / 1000 for number in range(1, 9)]
        return [
            measured("flask", seconds=time, round=at, host_warnings=OTHERS if at <= noisy else [])
            for at, time in enumerate(times, 1)
        ]

    for noisy, word in ((0, "no difference"), (3, "no difference"), (7, None), (8, None)):
        (line,) = between_runs(RUN, rows(0), RUN, rows(noisy)).lines
        judged = line.verdicts.get(SECONDS)
        assert (judged and str(judged.word), line.disturbed) == (word, noisy)
        assert line.rounds == 8 - noisy


def test_a_goal_is_not_judged_by_rounds_that_the_host_disturbed() -> None:
    goals = Goals([TO_SINK])
    sink = [measured("raw-sink", seconds=1.0, round=number) for number in range(5)]
    for noisy, met in ((0, False), (2, False), (3, None)):
        flask = [
            measured("flask", seconds=3.0, round=number, host_warnings=OTHERS if number < noisy else [])
            for number in range(5)
        ]
        (row,) = ratio_rows(RUN, sink + flask, summarize(RUN, sink + flask), goals)
        assert (row.met, row.disturbed) == (met, met is None)
