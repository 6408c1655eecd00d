import msgspec
import pytest
from uploadlab.analysis.cells import ceiling_name, summarize
from uploadlab.measuring.time_left import Estimate
from uploadlab.model.cells import Cell, Planned, Task
from uploadlab.model.deployments import Target
from uploadlab.model.host_use import HostWarning
from uploadlab.model.measurements import Status
from uploadlab.presenting.markdown import markdown
from uploadlab.presenting.tables import failure_notes, rate_tables

from .helpers import RUN, SIZE, measured


def test_rate_is_the_median_in_mb_per_second_and_share_is_of_the_reference() -> None:
    rows = [measured("flask", seconds=value) for value in (0.1, 0.2, 5.0)]
    rows += [measured("raw-sink", seconds=0.1), measured("flask", seconds=0.0001, warmup=True)]
    flask, sink = summarize(RUN, rows)
    assert flask.mb_per_second == pytest.approx(50)
    assert flask.share == pytest.approx(0.5)
    assert sink.share == 1
    assert flask.rounds == 3


def test_a_summary_has_the_slowest_and_the_fastest_round_and_how_many_were_disturbed() -> None:
    quiet, slow = measured("flask", seconds=0.1), measured("flask", seconds=0.2, round=2)
    slow.host_warnings = [HostWarning.OTHER_PROCESSES]
    (flask,) = summarize(RUN, [quiet, slow, measured("flask", seconds=9.0, warmup=True, round=0)])
    assert (flask.mb_per_second_low, flask.mb_per_second_high) == pytest.approx((50, 100))
    assert (flask.rounds, flask.disturbed) == (2, 1)


@pytest.mark.parametrize("status", [Status.WRONG, Status.REFUSED, Status.FAILED, Status.TIMEOUT])
def test_one_upload_that_did_not_arrive_takes_the_number_away(status: Status) -> None:
    rows = [measured("flask"), measured("flask", status=status, error="why"), measured("flask")]
    (flask,) = summarize(RUN, rows)
    assert (flask.status, flask.mb_per_second, flask.share, flask.error) == (status, None, None, "why")


def test_a_deployment_that_became_available_later_counts_as_measured() -> None:
    rows = [measured("flask", seconds=None, status=Status.UNAVAILABLE), measured("flask", seconds=0.1)]
    assert summarize(RUN, rows)[0].mb_per_second == pytest.approx(100)


def test_a_deployment_that_died_between_its_uploads_is_told() -> None:
    died = measured("flask", seconds=None, status=Status.UNAVAILABLE, error="it ended")
    rows = [measured("flask"), msgspec.structs.replace(died, round=2)]
    assert failure_notes(summarize(RUN, rows)) == ["flask: unavailable: it ended"]
    resumed = [*rows, msgspec.structs.replace(measured("flask", seconds=0.1), round=2)]
    assert failure_notes(summarize(RUN, resumed)) == []


def test_the_reference_is_named_by_the_run() -> None:
    assert ceiling_name(RUN) == "raw-sink"
    assert ceiling_name(msgspec.structs.replace(RUN, targets=RUN.targets[:1])) is None


def test_without_a_reference_there_is_no_share() -> None:
    assert summarize(RUN, [measured("flask")])[0].share is None


@pytest.mark.parametrize("status", [Status.UNAVAILABLE, Status.FAILED])
def test_a_table_without_a_ceiling_says_so_and_why(status: Status) -> None:
    small, large = SIZE // 2, SIZE
    rows = [measured(name, size_bytes=size) for name in ("flask", "raw-sink") for size in (small, large)]
    rows[-1] = msgspec.structs.replace(rows[-1], status=status, error="it ended")
    cells = [Planned(Cell(row.deployment, row.method, row.size_bytes), 1, 1) for row in rows]
    run = msgspec.structs.replace(RUN, cells=cells)
    summaries = summarize(run, rows)
    with_ceiling, without = rate_tables(run, summaries)
    assert with_ceiling.title == "4.77 MiB"
    assert without.title == f"9.54 MiB (no ceiling: raw-sink {status})"
    assert without.rows[0].cells == ["flask", "~10"]
    assert any(line.endswith(f"{status}: it ended") for line in failure_notes(summaries))


def test_a_table_of_before_the_ceiling_was_measured_says_so_too() -> None:
    summaries = summarize(RUN, [measured("flask")])
    assert rate_tables(RUN, summaries)[0].title == "9.54 MiB (no ceiling: raw-sink not measured)"
    alone = msgspec.structs.replace(RUN, targets=RUN.targets[:1])
    assert rate_tables(alone, summaries)[0].title == "9.54 MiB (no ceiling: no reference)"


def test_the_share_stays_that_of_the_first_reference() -> None:
    second = Target("nginx-dav", "", "reference")
    cells = [*RUN.cells, Planned(Cell("nginx-dav", "request.stream", SIZE), 3, 1)]
    run = msgspec.structs.replace(RUN, targets=[*RUN.targets, second], cells=cells)
    rows = [measured("flask"), measured("raw-sink", seconds=0.5), measured("nginx-dav", seconds=0.1)]
    assert [one.share for one in summarize(run, rows)] == pytest.approx([0.5, 1.0, 5.0])
    lost = [rows[0], msgspec.structs.replace(rows[1], status=Status.FAILED), rows[2]]
    assert [one.share for one in summarize(run, lost)] == [None, None, None]


def test_the_table_says_what_happened_instead_of_a_number() -> None:
    rows = [
        measured("flask", seconds=0.02),
        measured("flask", "request.files", status=Status.WRONG, error="0 of 10000000 bytes"),
        measured("raw-sink", seconds=0.01),
    ]
    summaries = summarize(RUN, rows)
    (table,) = rate_tables(RUN, summaries)
    assert table.header == ["", "request.stream", "request.files"]
    assert [row.cells for row in table.rows] == [
        ["flask", "~500 50%", "wrong: 0 of 10000000 bytes"],
        ["raw-sink", "~1000 100%", "-"],
    ]
    assert failure_notes(summaries) == ["flask request.files: wrong: 0 of 10000000 bytes"]
    assert markdown(table).splitlines()[2] == "| flask | ~500 50% | wrong: 0 of 10000000 bytes |"


def test_a_refusal_shows_its_status_and_its_sentence_below() -> None:
    rows = [measured("flask", status=Status.REFUSED, http_status=411, error="send a Content-Length")]
    summaries = summarize(RUN, rows)
    assert rate_tables(RUN, summaries)[0].rows[0].cells == ["flask", "refused: 411"]
    assert "send a Content-Length" in failure_notes(summaries)[0]


def test_a_reason_that_holds_for_a_whole_deployment_is_told_once() -> None:
    rows = [
        measured("flask", method, None, status=Status.UNAVAILABLE, error="no nginx")
        for method in ("request.stream", "request.files")
    ]
    assert failure_notes(summarize(RUN, rows)) == ["flask: unavailable: no nginx"]


def test_the_time_left_follows_what_was_measured() -> None:
    estimate = Estimate(budget_seconds=60)
    task = Task(Cell("flask", "request.stream", SIZE), 1)
    other = Task(Cell("gunicorn", "request.files", SIZE), 1)
    blind = estimate.seconds_left([task, other])
    estimate.learn(measured("flask", seconds=10))
    assert blind < estimate.seconds_left([task]) == estimate.seconds_left([other])
    estimate.learn(measured("gunicorn", "request.files", seconds=1))
    assert estimate.seconds_left([other]) < estimate.seconds_left([task])
    estimate.learn(measured("flask", seconds=None))
    slow = Estimate(budget_seconds=5)
    slow.learn(measured("flask", seconds=1000))
    assert slow.seconds_left([task]) < 10
