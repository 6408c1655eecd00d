"""Comparisons: when they end, and what they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from uploadlab.analysis.comparison import CPU, MEMORY, SECONDS, ComparedCell, found
from uploadlab.analysis.slowdowns import slower
from uploadlab.measuring.prepare import reopen
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.comparison import ComparedGroup, Comparison
from uploadlab.model.measurements import Measurement, Outcome, Status
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run
from uploadlab.presenting.comparison import comparison_notes, comparison_tables
from uploadlab.presenting.comparison_answer import comparison_statements, comparison_title

from .helpers import RUN, SIZE, measured
from .test_lab import Fake, go, prepared_run

TUNED, DEFAULT = "configs/uwsgi/uwsgi-tuned.ini", "configs/uwsgi/uwsgi-default.ini"


ORDER = Order(
    kind=Kind.COMPARE, configs=[DEFAULT, TUNED], methods=["request.stream"], sizes=["1KiB"], rounds=60,
    seed=3, minutes=1.0,
)  # fmt: skip


class Timed(Fake):
    """Uploads that take what a deployment's function says."""

    def __init__(self, **seconds: Callable[[], Outcome]) -> None:
        super().__init__(break_after=999)
        self.seconds = seconds

    def outcome(self, name: str) -> Outcome:
        return self.seconds.get(name.removeprefix("uwsgi-").replace("-", "_"), ok)()


def ok(seconds: float = 1.0, noise: float = 0.01, rng: np.random.Generator | None = None) -> Outcome:
    rng = rng or np.random.default_rng(1)
    return Outcome(status=Status.OK, seconds=seconds * float(rng.lognormal(0, noise)))


def taking(seconds: float, noise: float, seed: int) -> Callable[[], Outcome]:
    rng = np.random.default_rng(seed)
    return lambda: ok(seconds, noise, rng)


def rounds_of(tmp_path: Path, fake: Fake, **changed: Any) -> tuple[Run, list[Measurement]]:
    prepared = prepared_run(tmp_path, msgspec.structs.replace(ORDER, **changed))
    rows = [row for row in go(prepared, fake, tmp_path) if not row.warmup]
    return prepared.folder.read_run(), rows


def names(rows: list[Measurement]) -> set[str]:
    return {row.deployment for row in rows}


def test_a_clear_difference_ends_the_rounds_early(tmp_path: Path) -> None:
    fake = Timed(default=taking(1, 0.02, 1), default_again=taking(1, 0.02, 2), tuned=taking(0.7, 0.02, 3))
    run, rows = rounds_of(tmp_path, fake)
    assert {row.round for row in rows} == set(range(1, 9)), "one look at 6, one at 8"
    (result,) = found(run, rows)
    (line,) = result.lines
    judged = line.verdicts[SECONDS]
    assert judged
    assert (line.rounds, judged.word) == (8, "more")
    assert judged.ratio.low < 1 / 0.7 < judged.ratio.high


def test_noise_is_measured_until_the_rounds_end(tmp_path: Path) -> None:
    fake = Timed(default=taking(1, 0.2, 1), default_again=taking(1, 0.2, 2), tuned=taking(1, 0.2, 3))
    run, rows = rounds_of(tmp_path, fake)
    assert max(row.round for row in rows) == 60
    (result,) = found(run, rows)
    judged = result.lines[0].verdicts[SECONDS]
    assert judged and judged.word == "no difference"
    assert "1 of 1 intervals of speed are wider than ±3%" in comparison_notes(result, 0.03)[0]


def test_a_budget_ends_it_after_a_whole_round(tmp_path: Path) -> None:
    _, rows = rounds_of(tmp_path, Timed(), minutes=1e-9)
    assert sorted(row.deployment for row in rows) == ["uwsgi-default", "uwsgi-default-again", "uwsgi-tuned"]


def test_where_the_base_loses_uploads_each_other_is_asked_once(tmp_path: Path) -> None:
    def lost() -> Outcome:
        return Outcome(status=Status.WRONG, seconds=0.1, error="0 of 1024 bytes")

    run, rows = rounds_of(tmp_path, Timed(default=lost, default_again=lost))
    assert {row.round for row in rows if row.deployment == "uwsgi-tuned"} == {1}
    assert len(rows) == 3
    (result,) = found(run, rows)
    (table,) = comparison_tables(result)
    assert table.rows[-1].cells == [
        "request.stream",
        "ok, the base: wrong: 0 of 1024 bytes",
        *"----",
    ]
    assert slower([result], 0.1) == []


def test_a_deployment_that_cannot_start_hinders_no_other(tmp_path: Path) -> None:
    fake = Timed(default=taking(1, 0.01, 1), default_again=taking(1, 0.01, 2))
    fake.sick = "uwsgi-tuned"
    run, rows = rounds_of(tmp_path, fake)
    (result,) = found(run, rows)
    assert result.lines[0].instead == "unavailable"
    assert result.reasons == [f"uwsgi-tuned ({TUNED}): unavailable: uwsgi-tuned has died"]
    assert slower([result], 0.1) == ["uwsgi-tuned request.stream: unavailable"]
    assert names(rows) == {"uwsgi-tuned"}, "nothing is left to compare the base with"


def test_without_a_base_nothing_is_measured_in_vain(tmp_path: Path) -> None:
    fake = Timed()
    fake.sick = "uwsgi-default"
    run, rows = rounds_of(tmp_path, fake)
    assert [row.deployment for row in rows if row.status is Status.OK] == [
        "uwsgi-default-again",
        "uwsgi-tuned",
    ]
    (result,) = found(run, rows)
    assert result.lines[0].base_instead == "unavailable"
    assert "uwsgi-default has died" in result.reasons[0]
    assert slower([result], 0.5) == ["uwsgi-tuned request.stream: cannot be judged, the base is unavailable"]


def test_a_comparison_that_was_stopped_goes_on(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path, ORDER)
    fake = Timed(default=taking(1, 0.2, 1), default_again=taking(1, 0.2, 2), tuned=taking(1, 0.2, 3))
    fake.break_after = 20
    with pytest.raises(KeyboardInterrupt):
        go(prepared, fake, tmp_path)
    fake.break_after = 999
    rows = [row for row in go(reopen(prepared.folder, tmp_path), fake, tmp_path) if not row.warmup]
    assert len({(row.cell_id, row.round) for row in rows}) == len(rows) == 3 * 60


@pytest.mark.parametrize("sick", ["uwsgi-tuned", "uwsgi-default"])
def test_what_cannot_start_has_a_row_for_each_of_its_cells(tmp_path: Path, sick: str) -> None:
    fake = Timed()
    fake.sick = sick
    run, rows = rounds_of(tmp_path, fake, methods=["request.stream", "multipart-push"])
    planned = {item.cell.id for item in run.cells if item.cell.deployment == sick}
    assert {row.cell_id for row in rows if row.status is Status.UNAVAILABLE} == planned


def test_an_ablations_configs_lie_in_the_run_and_are_what_is_started(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path, msgspec.structs.replace(ORDER, kind=Kind.ABLATE, configs=[TUNED]))
    without = "configs/uwsgi/uwsgi-tuned-without-listen.ini"
    assert "listen" not in (prepared.folder.path / without).read_text()
    assert "listen" not in prepared.run.configs[without]
    for deployments in (prepared.deployments, reopen(prepared.folder, tmp_path).deployments):
        (one,) = [one for one in deployments if one.name == "uwsgi-tuned-without-listen"]
        assert one.services[0].command[-1] == str(prepared.folder.path.resolve() / without)


def compared_run(**others: list[str]) -> Run:
    targets = ["flask", "again", *others]
    cells = [Planned(Cell(name, "request.stream", SIZE), 9, 1) for name in targets]
    comparison = Comparison([ComparedGroup("flask", "again", others)], 0.03, 60.0)
    return msgspec.structs.replace(RUN, cells=cells, comparison=comparison)


def rows_of(name: str, factor: float, rounds: int = 9, **more: Any) -> list[Measurement]:
    """A machine that slows down all the while."""
    return [
        measured(
            name,
            seconds=factor * number,
            round=number,
            server_cpu_seconds=factor * 0.1,
            server_peak_rss_bytes=round(1e8 * factor),
            **more,
        )
        for number in range(1, rounds + 1)
    ]


def test_time_cpu_and_memory_each_have_a_verdict() -> None:
    rows = rows_of("flask", 1) + rows_of("again", 1.01) + rows_of("slow", 1.5) + rows_of("fast", 0.5)
    (result,) = found(compared_run(slow=[], fast=[]), rows)
    (table,) = comparison_tables(result)
    assert table.rows[3].cells == [
        "request.stream",
        "slower 0.67x [0.67, 0.67]",
        "more 1.50x [1.50, 1.50]",
        "more 1.50x",
        "±3.0%",
        "9",
    ]
    assert table.rows[5].cells[1:3] == ["faster 2.00x [2.00, 2.00]", "less 0.50x [0.50, 0.50]"]
    assert slower([result], 0.4) == ["slow request.stream: takes 50% longer"]
    assert slower([result], 0.6) == []
    assert slower([result], 0.02) == [
        "slow request.stream: takes 50% longer",
    ]


def test_a_difference_within_the_noise_is_none() -> None:
    (result,) = found(
        compared_run(other=[]), rows_of("flask", 1) + rows_of("again", 1.1) + rows_of("other", 0.95)
    )
    (line,) = result.lines
    assert {field: judged.word for field, judged in line.verdicts.items() if judged} == {
        SECONDS: "no difference",
        CPU: "no difference",
        MEMORY: "no difference",
    }
    assert any(
        "flask differs from itself" in note or "again differs" in note
        for note in comparison_notes(result, 0.03)
    )


def test_settings_that_change_nothing_share_a_sentence() -> None:
    run = compared_run(slow=["- a = 1"], same=["- b = 2", "+ b = 3"], alike=["+ c = 4"])
    assert run.comparison
    run.comparison = msgspec.structs.replace(run.comparison, ablation=True)
    rows = rows_of("flask", 1) + rows_of("again", 1) + rows_of("slow", 1.5)
    (result,) = found(run, rows + rows_of("same", 1) + rows_of("alike", 1))
    assert run.comparison
    told = comparison_statements(result, run.comparison, run.comparison.others)
    assert [(statement.head, statement.text) for statement in told] == [
        ("Slower", "without a = 1: request.stream 0.67x [0.67, 0.67]"),
        ("No difference", "without b = 2 and with c = 4"),
    ]
    assert comparison_title(result, run.comparison) == "1 of 3 settings of flask make a difference"


def test_what_the_server_did_not_tell_has_no_verdict() -> None:
    rows = [measured(name, round=number) for name in ("flask", "again", "other") for number in range(1, 10)]
    (result,) = found(compared_run(other=[]), rows)
    line: ComparedCell = result.lines[0]
    assert (set(line.verdicts), line.rounds) == ({SECONDS}, 9)


def test_too_few_rounds_say_so() -> None:
    rows = rows_of("flask", 1, 5) + rows_of("again", 1, 5) + rows_of("other", 3, 5)
    (result,) = found(compared_run(other=[]), rows)
    (table,) = comparison_tables(result)
    assert table.rows[3].cells[1:] == ["too few rounds", "too few rounds", "too few rounds", "-", "5"]
    assert comparison_notes(result, 0.03) == [
        "A verdict needs 6 rounds, or 4 in each of two runs: more --rounds or --minutes."
    ]
    assert slower([result], 0.1) == ["other request.stream: cannot be judged by 5 rounds"]


def test_a_run_that_compares_nothing_has_no_verdicts() -> None:
    assert found(RUN, []) == []
