"""Concurrent uploads as files and figures: which steps, which window, which rows. Nothing is started."""

from pathlib import Path
from typing import Any

import pytest
from uploadlab.analysis.load import summarize_load, window
from uploadlab.declared.plans import Load, check_load
from uploadlab.errors import UsageError
from uploadlab.load.chart import Curve, draw
from uploadlab.load.workers import container_workers
from uploadlab.model.cells import Cell, Step
from uploadlab.model.deployments import Target
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Status
from uploadlab.model.order import Order
from uploadlab.model.runs import Run
from uploadlab.planning.load_steps import in_order, plan_steps
from uploadlab.presenting.load import load_notes, load_tables
from uploadlab.storage.run_folder import RunFolder
from uploadlab.storage.stored_runs import last_run
from uploadlab.units import MIB

from .helpers import RUN

TARGETS = [Target("flask", "", "stock"), Target("raw-sink", "", "reference", ["request.stream"])]
LOAD = Load(methods=["request.stream", "request.files"], sizes=["1MiB"], users=[1, 8])
STEP = Step(Cell("flask", "request.stream", MIB), 2, 1.0)


def upload(user: str, started_at: float, seconds: float, step: Step = STEP, **more: Any) -> LoadUpload:
    fields = {"slow": False, "status": Status.OK, "sent_bytes": MIB, **more}
    return LoadUpload(
        step_id=step.id, user=user, method="request.stream", size_bytes=MIB, started_at=started_at,
        seconds=seconds, **fields,
    )  # fmt: skip


def steady(step: Step = STEP, first: float = 100.0, **more: Any) -> list[LoadUpload]:
    """Two users, four uploads of 1 s each; the second half a second behind the first."""
    return [
        upload(f"0/{user}", first + user / 2 + number, 1.0, step, **more)
        for user in (0, 1)
        for number in range(4)
    ]


def result(step: Step = STEP, status: Status = Status.OK, **more: Any) -> LoadStep:
    return LoadStep(step_id=step.id, started_at="", status=status, workers=1, **more)


def run_with(*steps: Step) -> Run:
    return Run(**{name: getattr(RUN, name) for name in RUN.__struct_fields__} | {"load": list(steps)})


def test_steps_are_methods_by_users_of_what_each_target_accepts() -> None:
    steps = plan_steps(LOAD, Order(), TARGETS)
    assert [step.id.removesuffix(f"/{step.users}") for step in steps if step.users == 8] == [
        f"flask/request.stream/{MIB}",
        f"flask/request.files/{MIB}",
        f"raw-sink/request.stream/{MIB}",
    ]
    assert len({step.id for step in steps}) == 6


def test_what_the_user_chooses_takes_the_place_of_the_plans() -> None:
    (one, reference) = plan_steps(LOAD, Order(methods=["request.stream"], sizes=["2MiB"], users=[3]), TARGETS)
    assert (one.cell, one.users) == (Cell("flask", "request.stream", 2 * MIB), 3)
    assert reference.cell.deployment == "raw-sink"
    with pytest.raises(UsageError, match="no step left"):
        plan_steps(LOAD, Order(methods=["multipart-push"]), [TARGETS[1]])


def test_what_is_written_twice_is_one_step() -> None:
    steps = plan_steps(
        LOAD, Order(methods=["request.stream"], sizes=["1MiB", "1024KiB"], users=[2, 2]), TARGETS
    )
    assert [step.cell.deployment for step in steps] == ["flask", "raw-sink"]


def test_slow_users_are_part_of_a_steps_name() -> None:
    load = Load(["request.stream"], ["1MiB"], [1], slow_users=[0, 8], pace="2MB/s")
    alone, beside = plan_steps(load, Order(), TARGETS[:1])
    assert (alone.id, beside.id) == (f"flask/request.stream/{MIB}/1", f"flask/request.stream/{MIB}/1+8")
    assert beside.pace == 2_000_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"methods": ["request.strem"]}, "did you mean 'request.stream'"),
        ({"sizes": ["big"]}, "size 'big'"),
        ({"users": [0]}, "users must be above 0"),
        ({"users": []}, "needs methods, sizes, users"),
        ({"slow_users": [-1]}, "slow_users must be above 0"),
        ({"pace": "fast"}, "rate 'fast'"),
        ({"pace": "9GB/s"}, "more than 1e\\+03 MB/s"),
        ({"seconds": 0}, "seconds must be above 0"),
    ],
)
def test_a_wrong_load_table_is_told(changes: dict[str, Any], reason: str) -> None:
    fields: dict[str, Any] = {"methods": ["request.stream"], "sizes": ["1MiB"], "users": [1]} | changes
    with pytest.raises(UsageError, match=reason):
        check_load(Load(**fields))


def test_the_seed_makes_the_order() -> None:
    steps = plan_steps(LOAD, Order(users=[1, 2, 4, 8]), TARGETS)
    assert in_order(steps, 1) == in_order(list(reversed(steps)), 1)
    assert in_order(steps, 1) != in_order(steps, 2)


def test_the_window_opens_when_all_have_one_and_closes_when_one_starts_its_last() -> None:
    around = window(STEP, steady())
    assert around
    assert (around.opens, around.closes) == (101.5, 103.0)


def test_there_is_no_window_where_a_user_has_finished_nothing() -> None:
    assert window(STEP, steady()[:4]) is None
    assert window(STEP, [upload("0/0", 100, 1), upload("0/1", 100, 1)]) is None


def test_throughput_counts_the_parts_of_uploads_in_the_window() -> None:
    (one,) = summarize_load(run_with(STEP), [result()], steady())
    # Each of the two sends 1 MiB a second all through the window.
    assert one.mb_per_second == pytest.approx(2 * MIB / 1e6)
    assert one.seconds_p50 == 1.0
    assert one.statuses == {Status.OK: 8}


def test_slow_users_are_not_counted_with_the_others() -> None:
    step = Step(STEP.cell, 2, 1.0, 1, 1000)
    rows = [*steady(step), upload("0/9", 90, 60, step, slow=True)]
    (one,) = summarize_load(run_with(step), [result(step)], rows)
    assert (one.seconds_p50, one.seconds_p95, one.seconds_p99) == (1.0, None, None)
    assert one.mb_per_second == pytest.approx(2 * MIB / 1e6)
    assert (one.statuses, one.slow_statuses) == ({Status.OK: 8}, {Status.OK: 1})


def test_lost_uploads_are_counted_and_add_no_throughput() -> None:
    rows = [*steady()[:4], *steady(status=Status.WRONG)[4:]]
    (one,) = summarize_load(run_with(STEP), [result()], rows)
    assert one.mb_per_second == pytest.approx(MIB / 1e6)
    assert one.statuses == {Status.OK: 4, Status.WRONG: 4}
    (table,) = load_tables([one])
    assert table.rows[0].cells[-1] == "4 wrong"


def test_shares_are_of_the_reference_with_as_many_users() -> None:
    reference = Step(Cell("raw-sink", "request.stream", MIB), 2, 1.0)
    rows = steady() + steady(reference) + steady(reference)
    one, ceiling = summarize_load(run_with(STEP, reference), [result(), result(reference)], rows)
    assert one.share == pytest.approx(0.5)
    assert ceiling.share == 1.0


def test_what_befell_a_step_is_told_with_its_deployment() -> None:
    dead = result(status=Status.UNAVAILABLE, error="flask ended with status -9")
    summaries = summarize_load(run_with(STEP), [dead], [])
    (table,) = load_tables(summaries)
    assert table.rows[0].cells[-1] == "unavailable"
    assert load_notes(summaries)[0] == "flask: unavailable: flask ended with status -9"


def test_workers_that_were_busy_all_the_time_are_told() -> None:
    busy = summarize_load(run_with(STEP), [result(worker_cpu_seconds=4.4)], steady())
    idle = summarize_load(run_with(STEP), [result(worker_cpu_seconds=1.0)], steady())
    assert any("may be the limit" in line for line in load_notes(busy))
    assert not any("may be the limit" in line for line in load_notes(idle))


def test_slow_users_have_a_table_of_what_they_do_to_the_others() -> None:
    beside = Step(STEP.cell, 2, 1.0, 8, 2_000_000)
    slower = [upload(one.user, one.started_at * 3, 3.0, beside) for one in steady()]
    slow = [upload("0/9", 300, 5, beside, slow=True, status=Status.FAILED)]
    summaries = summarize_load(run_with(STEP, beside), [result(), result(beside)], steady() + slower + slow)
    _, table = load_tables(summaries)
    assert table.title == "1 MiB request.stream: an upload of 2 users beside slow ones at 2 MB/s"
    assert table.header == ["", "alone", "beside 8", "times", "slow uploads", "not ok"]
    assert [row.cells for row in table.rows] == [["flask", "1 s", "3 s", "3.0", "0", "slow: 1 failed"]]


def test_a_step_that_was_cut_short_leaves_no_rows(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.append_step(result(), steady())
    with open(folder.uploads_file, "ab") as file:
        file.write(folder.uploads_file.read_bytes()[:700])  # rows of a step that was killed, one of them torn
    assert len(folder.read_uploads()) == 8
    again = Step(STEP.cell, 8, 1.0)
    folder.append_step(result(again), steady(again))
    rows = RunFolder(tmp_path).read_uploads()
    assert [row.step_id for row in rows] == [STEP.id] * 8 + [again.id] * 8
    assert [one.step_id for one in folder.read_steps()] == [STEP.id, again.id]


def test_the_last_run_is_the_newest(tmp_path: Path) -> None:
    for name, started_at in (("b", "2026-01-01"), ("a", "2026-01-02")):
        run = run_with()
        run.started_at = started_at
        RunFolder.create(tmp_path, name).write_run(run)
    assert last_run(tmp_path).path.name == "a"


def test_the_service_of_the_workers_is_read_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_WORKERS", raising=False)
    assert container_workers() is None
    monkeypatch.setenv("LAB_WORKERS", "localhost")
    monkeypatch.setenv("LAB_MASTER", "localhost")
    workers = container_workers()
    assert workers and (workers.here, workers.elsewhere) == (0, 1)
    assert workers.listen_host == "127.0.0.1", "its address on the workers' network, no other"


def test_a_chart_has_a_line_for_each_value() -> None:
    svg = draw([1, 2, 3], [Curve("a < b", [1, 2, 3]), Curve("c", [0, 0, 0])])
    assert svg.count("<polyline") == 2
    assert "a &lt; b" in svg
    assert draw([], [Curve("none yet", [])]).startswith("<svg")
