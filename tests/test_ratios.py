"""What is asked of a run's figures: each ratio by hand-made records of which the answer is known."""

from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from uploadlab.analysis.cells import summarize
from uploadlab.analysis.ratios import RatioRow, growth_rows, ratio_rows
from uploadlab.declared.goals import Below, Goals, Growth, Ratio, load_goals
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.paths import RATIOS
from uploadlab.presenting.markdown import markdown
from uploadlab.presenting.report import document_of
from uploadlab.presenting.tables import cell_table, cost_table, rate_tables, ratio_table
from uploadlab.presenting.terminal import Screen
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import MIB

from .helpers import measured, run_of

NOISE = (1.0, 1.02, 0.98, 1.05, 0.97)
TARGETS = [
    Target("flask", "", "stock"),
    Target("uwsgi-tuned", "", "tuned"),
    Target("raw-sink", "", "reference"),
    Target("nginx-dav", "", "reference"),
]
TO_SINK = Ratio(
    deployments=["flask"], method="request.stream", against=[Below(deployment="raw-sink")], goal=0.8, why=""
)
TO_STREAM = Ratio(
    deployments=["flask"], method="multipart-push", against=[Below(method="request.stream")], goal=0.9, why=""
)


def rounds(
    deployment: str, method: str = "request.stream", seconds: float = 1.0, count: int = 5, **more: Any
) -> list[Measurement]:
    """So many rounds of about these seconds; ``cpu`` and ``busy`` are the server's and the client's share."""
    cpu, busy = more.pop("cpu", None), more.pop("busy", None)
    return [
        measured(
            deployment, method, took := seconds * NOISE[number % len(NOISE)], round=number + 1,
            server_cpu_seconds=cpu and took * cpu, client_cpu_seconds=busy and took * busy, **more,
        )
        for number in range(count)
    ]  # fmt: skip


def run_with(rows: list[Measurement], targets: list[Target] = TARGETS) -> Run:
    cells = dict.fromkeys(Cell(row.deployment, row.method, row.size_bytes) for row in rows)
    planned = [Planned(cell, 5, 1) for cell in cells]
    return msgspec.structs.replace(run_of(), targets=targets, cells=planned)


def judge(ratio: Ratio, *cells: list[Measurement]) -> list[RatioRow]:
    rows = [row for rows in cells for row in rows]
    return judged(run_with(rows), rows, ratio)


def judged(run: Run, rows: list[Measurement], ratio: Ratio = TO_SINK) -> list[RatioRow]:
    return ratio_rows(run, rows, summarize(run, rows), Goals([ratio]))


def texts(*rows: RatioRow) -> list[list[str]]:
    return [row.cells for row in ratio_table(rows, []).rows]


def test_a_ratio_of_medians_whose_interval_holds_it_meets_its_goal_or_not() -> None:
    (row,) = judge(TO_SINK, rounds("flask", seconds=2.0), rounds("raw-sink", seconds=1.5))
    assert row.interval
    assert row.interval.value == pytest.approx(0.75)
    assert 0.75 * 0.9 < row.interval.low < 0.75 < row.interval.high < 0.75 * 1.1
    assert row.met is False
    (row,) = judge(TO_SINK, rounds("flask", seconds=2.0), rounds("raw-sink", seconds=1.7))
    assert row.met is True


@pytest.mark.parametrize(("above", "met"), [(0.001, True), (-0.001, False)], ids=str)
def test_the_lower_end_decides(above: float, met: bool) -> None:
    cells = rounds("flask", seconds=2.0), rounds("raw-sink")
    interval = judge(TO_SINK, *cells)[0].interval
    assert interval
    assert interval.low < 0.5
    (row,) = judge(msgspec.structs.replace(TO_SINK, goal=interval.low - above), *cells)
    assert row.met is met


@pytest.mark.parametrize("whose", ["server", "client"])
@pytest.mark.parametrize(("above", "met"), [(0.001, True), (-0.001, False)], ids=str)
def test_of_cpu_seconds_the_upper_end_decides(
    whose: Literal["server", "client"], above: float, met: bool
) -> None:
    shares: dict[str, Any] = {"cpu": 0.2, "busy": 0.2}
    stream = rounds("flask", seconds=1.0, **shares)
    push = rounds("flask", "multipart-push", seconds=2.0, **shares)
    ratio = msgspec.structs.replace(TO_STREAM, cpu=whose)
    interval = judge(ratio, push, stream)[0].interval
    assert interval
    assert interval.value == pytest.approx(2)
    assert 1.8 < interval.low < 2 < interval.high < 2.2
    (row,) = judge(msgspec.structs.replace(ratio, goal=interval.high + above), push, stream)
    assert row.met is met
    goal = f"<= {row.ratio.goal:.2f}"
    assert texts(row)[0][3:] == [goal, "yes" if met else "no", f"{whose} CPU s/GB"]
    shares.pop("cpu" if whose == "server" else "busy")
    assert texts(*judge(ratio, rounds("flask", "multipart-push", **shares), stream)) == []


@pytest.mark.parametrize(("goal", "met"), [(199, True), (201, False)])
def test_a_large_ratio_is_shown_without_decimals(goal: float, met: bool) -> None:
    lines = Below(method="request.stream-lines", size="1MiB")
    ratio = Ratio(
        deployments=["flask"], method="request.stream", size="64MiB", against=[lines], goal=goal, why=""
    )
    fast = [measured("flask", seconds=0.32, size_bytes=64 * MIB, round=number) for number in range(5)]
    slow = [
        measured("flask", "request.stream-lines", 1.0, size_bytes=MIB, round=number) for number in range(5)
    ]
    (row,) = judge(ratio, fast, slow)
    assert row.interval == pytest.approx((200, 200, 200))
    assert row.met is met
    assert texts(row)[0][:3] == [
        "flask request.stream / request.stream-lines 1MiB",
        "64 MiB",
        "200 [200, 200]",
    ]


def test_the_same_run_shows_the_same_interval_and_another_seed_another() -> None:
    rows = [
        measured(name, seconds=1 + number * number / 97, round=number)
        for name in ("flask", "raw-sink")
        for number in range(9)
    ]
    run = run_with(rows)
    first, again = (judged(run, rows)[0].interval for _ in range(2))
    other = judged(msgspec.structs.replace(run, seed=2), rows)[0].interval
    assert first == again
    assert first and other
    assert first != other
    assert first.value == other.value == 1
    assert first.low < 1 < first.high


@pytest.mark.parametrize(
    ("count", "seconds", "ends"),
    [(5, 2.0, (0.5, 1.0)), (7, 2.0, (1.0, 1.0)), (5, 0.5, (1.0, 2.0)), (7, 0.5, (1.0, 1.0))],
)
def test_the_interval_leaves_a_fortieth_out_at_each_end(
    count: int, seconds: float, ends: tuple[float, float]
) -> None:
    """One odd round: by the binomial distribution it is most of 5 draws in 5.8%, of 7 in 1.0%."""
    flask = [measured("flask", seconds=1.0 if number else seconds, round=number) for number in range(count)]
    sink = [measured("raw-sink", seconds=1.0, round=number) for number in range(count)]
    (row,) = judge(TO_SINK, flask, sink)
    assert row.interval == (1.0, *ends)


def test_too_few_rounds_are_not_judged_and_show_no_interval() -> None:
    (row,) = judge(TO_SINK, rounds("flask", seconds=2.0), rounds("raw-sink", count=4))
    assert row.met is None
    assert texts(row) == []


def test_a_row_at_the_ceiling_is_judged_by_cpu() -> None:
    sink = rounds("raw-sink", cpu=0.2)
    (cheap,) = judge(TO_SINK, rounds("flask", seconds=1.08, cpu=0.2), sink)
    assert (cheap.limited, cheap.by_cpu, cheap.met) == (True, True, True)
    assert cheap.interval
    assert cheap.interval.value == pytest.approx(1 / 1.08)
    (dear,) = judge(TO_SINK, rounds("flask", seconds=1.0, cpu=0.4), sink)
    assert (dear.by_cpu, dear.met) == (True, False)
    assert texts(dear)[0][0] == "flask request.stream / raw-sink: CLIENT_LIMITED"
    assert texts(dear)[0][4:] == ["no", "CPU s/GB"]


@pytest.mark.parametrize(
    ("seconds", "limited"), [(1.12, False), (1.10, True), (0.92, True), (0.90, False)], ids=str
)
def test_what_is_near_the_fastest_reference_is_limited(seconds: float, limited: bool) -> None:
    slower = rounds("raw-sink", seconds=3.0, cpu=0.2)
    fastest = rounds("nginx-dav", cpu=0.2)
    (row,) = judge(TO_SINK, rounds("flask", seconds=seconds, cpu=0.2), slower, fastest)
    assert (row.limited, row.by_cpu) == (limited, limited)


@pytest.mark.parametrize(("busy", "by"), [(0.91, "CPU s/GB"), (0.89, "MB/s")])
def test_a_busy_client_is_a_limit_for_cells_of_one_deployment_too(busy: float, by: str) -> None:
    form = rounds("flask", "multipart-push", 4.0, cpu=0.5, busy=busy)
    (row,) = judge(TO_STREAM, form, rounds("flask", seconds=2.0, cpu=0.5))
    assert texts(row)[0][5] == by
    assert row.interval
    assert row.interval.value == pytest.approx(0.5)


def test_a_limited_row_without_cpu_figures_is_not_judged() -> None:
    (row,) = judge(TO_SINK, rounds("flask", cpu=0.2), rounds("raw-sink"))
    assert (row.limited, row.by_cpu, row.met) == (True, False, None)
    assert texts(row) == []


def test_where_the_client_is_what_is_measured_nothing_is_limited() -> None:
    against = [Below(method="request.stream-curl")]
    ratio = msgspec.structs.replace(TO_SINK, against=against, goal=1.0, by_cpu=False)
    curl = rounds("flask", "request.stream-curl", 1.2, cpu=0.2)
    (row,) = judge(ratio, rounds("flask", cpu=0.4, busy=0.95), curl)
    assert (row.limited, row.met) == (False, True)
    assert "CLIENT_LIMITED" not in texts(row)[0][0]


def test_only_what_is_limited_is_marked_and_references_never_are() -> None:
    rows = [
        *rounds("flask", cpu=0.2),
        *rounds("uwsgi-tuned", seconds=9.0, cpu=0.2),
        *rounds("raw-sink", busy=0.99, cpu=0.2),
    ]
    run = run_with(rows)
    summaries = summarize(run, rows)
    assert [row.cells[1] for row in cost_table(run, summaries).rows if row.cells[1:]] == ["10*", "1.1", "10"]
    assert {row.cells[0]: row.cells[3] for row in cell_table(summaries).rows} == {
        "flask": "10*",
        "uwsgi-tuned": "1.1",
        "raw-sink": "10",
    }
    assert "*" not in markdown(rate_tables(run, summaries)[0])


@pytest.mark.parametrize("name", ["flask", "raw-sink"])
def test_a_cell_that_is_not_ok_is_told_in_place_of_a_ratio(name: str) -> None:
    bad = measured(name, status=Status.TIMEOUT, seconds=None, round=9)
    (row,) = judge(TO_SINK, rounds("flask"), rounds("raw-sink"), [bad])
    assert row.met is None
    assert texts(row)[0][2:] == [f"{name} request.stream: timeout", ">= 0.80", "-", "-"]


def test_a_ratio_is_shown_for_each_size_that_all_its_cells_have() -> None:
    small = rounds("flask", size_bytes=MIB) + rounds("raw-sink", size_bytes=MIB)
    (row,) = judge(TO_SINK, rounds("flask"), small)
    assert row.cell == Cell("flask", "request.stream", MIB)
    assert judge(TO_SINK, rounds("flask")) == []
    assert judge(TO_SINK, rounds("raw-sink")) == []


def test_sizes_are_in_order() -> None:
    cells = [rounds(name, size_bytes=size) for size in (8 * MIB, MIB) for name in ("flask", "raw-sink")]
    assert [row.cell.size_bytes for row in judge(TO_SINK, *cells)] == [MIB, 8 * MIB]


def test_warm_ups_do_not_count() -> None:
    warmups = [measured("flask", seconds=50.0, warmup=True, round=number) for number in range(20)]
    (row,) = judge(TO_SINK, rounds("flask", seconds=2.0), rounds("raw-sink"), warmups)
    assert row.rounds == 5
    assert row.interval
    assert row.interval.value == pytest.approx(0.5)


@pytest.mark.parametrize(("first", "second"), [(1.0, 2.0), (2.0, 1.0)])
def test_two_hops_are_compared_with_the_slower_of_them(first: float, second: float) -> None:
    hops = [Below(method="request.stream"), Below(deployment="uwsgi-tuned", method="request.stream")]
    ratio = Ratio(deployments=["flask"], method="relay", against=hops, goal=0.6, why="", by_cpu=False)
    alone = rounds("flask", seconds=first) + rounds("uwsgi-tuned", seconds=second)
    (row,) = judge(ratio, rounds("flask", "relay", 3.0), alone)
    assert row.interval
    assert row.interval.value == pytest.approx(2 / 3)
    assert texts(row)[0][0] == "flask relay / the slower of request.stream and uwsgi-tuned request.stream"
    assert judge(ratio, rounds("flask", "relay", 3.0), rounds("flask")) == []


GROWTH = Growth(("1MiB", "8MiB"), ["*", "!request.files"], "16MiB", "")


def grown(client: int | None, server: int | None, **large: Any) -> list[list[str]]:
    peaks = [
        {"size_bytes": MIB, "client_peak_rss_bytes": 30 * MIB, "server_peak_rss_bytes": 50 * MIB},
        {"size_bytes": 8 * MIB, "client_peak_rss_bytes": client, "server_peak_rss_bytes": server, **large},
    ]
    rows = [measured("flask", **fields) for fields in peaks]
    table = ratio_table([], growth_rows(summarize(run_with(rows), rows), GROWTH))
    return [row.cells for row in table.rows]


@pytest.mark.parametrize(
    ("client", "server", "told", "met"),
    [
        (30, 66, "client 0.0 MiB, server 16.0 MiB", "yes"),
        (30, 67, "client 0.0 MiB, server 17.0 MiB", "no"),
        (47, 40, "client 17.0 MiB, server -10.0 MiB", "no"),
        (47, None, "client 17.0 MiB, server -", "no"),
    ],
)
def test_growth_is_of_client_and_server_both(client: int, server: int | None, told: str, met: str) -> None:
    (text,) = grown(client * MIB, server and server * MIB)
    assert text == ["flask request.stream: growth from 1 MiB", "8 MiB", told, "<= 16 MiB", met, "peak RSS"]


def test_growth_that_is_not_known_is_not_shown() -> None:
    assert grown(30 * MIB, None) == []


def test_growth_of_what_did_not_arrive_is_not_shown() -> None:
    (text,) = grown(30 * MIB, 50 * MIB, status=Status.WRONG)
    assert text[2:] == ["flask request.stream: wrong", "<= 16 MiB", "-", "-"]


def test_growth_counts_the_highest_round_and_only_what_streams() -> None:
    sizes = ((MIB, 30), (8 * MIB, 31), (8 * MIB, 90))
    rows = [
        measured(
            "flask", method, size_bytes=size, client_peak_rss_bytes=peak * MIB, server_peak_rss_bytes=MIB
        )
        for method in ("request.stream", "request.files")
        for size, peak in sizes
    ]
    (row,) = growth_rows(summarize(run_with(rows), rows), GROWTH)
    assert (row.cell.method, row.client_bytes, row.met) == ("request.stream", 60 * MIB, False)
    assert growth_rows(summarize(run_with(rows), rows), None) == []
    small = [row for row in rows if row.size_bytes == MIB]
    assert growth_rows(summarize(run_with(rows), small), GROWTH) == []


def test_the_details_have_the_goals_within_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = rounds("flask", size_bytes=256 * MIB, cpu=0.2)
    rows += rounds("raw-sink", size_bytes=256 * MIB, cpu=0.2)
    run = run_with(rows)
    folder = RunFolder.create(tmp_path, "r")
    folder.write_run(run)
    for row in rows:
        folder.append(row)
    Screen().details(document_of(folder, load_goals(RATIOS)))
    shown = capsys.readouterr().out.partition("\nGOALS")[2].partition("\nTO REPEAT IT")[0].splitlines()
    assert any("flask request.stream / raw-sink" in line for line in shown)
    assert max(map(len, shown)) <= 80
    Screen().details(document_of(folder, Goals()))
    assert "GOALS" not in capsys.readouterr().out
