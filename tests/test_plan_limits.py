"""A plan that names limits of the check: a run that has both, and is judged by its uploads alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from uploadlab import session
from uploadlab.analysis.outcome import Rows, failed_entirely
from uploadlab.checking import stage
from uploadlab.declared.goals import Goals
from uploadlab.declared.plans import load_plan
from uploadlab.errors import UsageError
from uploadlab.load.workers import Workers
from uploadlab.measuring.prepare import reopen
from uploadlab.measuring.protocols import Workbench
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Target
from uploadlab.model.order import Order
from uploadlab.planning import draft as planning
from uploadlab.planning.draft import draft
from uploadlab.presenting import report
from uploadlab.presenting.cell import cell_in_full
from uploadlab.presenting.terminal import Screen
from uploadlab.storage.run_folder import RunFolder

from .test_lab import Fake, go, prepared_run

PLAN = """
title = "Both"
cases = ["slow-clients"]
[[cells]]
methods = ["request.stream"]
sizes = ["1KiB"]
warmup = "1KiB"
"""
CELLS = ["flask", "raw-sink", "nginx-dav"]
TEXT = "2 stop it, and it does not answer after they left"


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    (tmp_path / "both.toml").write_text(PLAN)
    monkeypatch.setattr(planning, "PLANS", tmp_path)
    monkeypatch.setattr(stage, "limit_rows", limits)
    return Order(plan="both", deployments=["flask"])


def limits(target: Target, cases: Sequence[str]) -> Iterator[Check]:
    for case in cases:
        yield Check(
            case=case, deployment=target.name, route="/request-stream", label="", started_at="",
            verdict=Verdict.FAIL, code="not-recovered", text=TEXT, stopped_by=2,
        )  # fmt: skip


def test_a_plan_may_name_limits_and_nothing_that_is_judged(tmp_path: Path) -> None:
    (tmp_path / "both.toml").write_text(PLAN.replace("slow-clients", "chunked"))
    with pytest.raises(UsageError, match=r"both.toml: unknown limit 'chunked': .*slow-clients"):
        load_plan("both", tmp_path)


def test_limits_come_after_the_uploads_and_go_on_where_they_were(both: Order, tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path, both)
    with pytest.raises(KeyboardInterrupt):
        go(prepared, Fake(break_after=4), tmp_path)
    assert not prepared.folder.read_checks()
    again = Fake()
    go(reopen(prepared.folder, tmp_path), again, tmp_path)
    uploads, checks = (event for event in again.events if event.endswith("to do"))
    assert uploads.endswith("uploads to do")
    assert checks == "3 checks to do"
    assert sorted(row.deployment for row in prepared.folder.read_checks()) == sorted(CELLS)
    last = Fake()
    go(reopen(prepared.folder, tmp_path), last, tmp_path)
    assert not [event for event in last.events if event.endswith("to do")]


def test_limits_are_measured_without_a_link(both: Order, tmp_path: Path) -> None:
    (tmp_path / "both.toml").write_text(f'{PLAN}links = ["dsl"]')
    prepared, fake = prepared_run(tmp_path, both), Fake()
    names = [target.name for target in prepared.run.targets]
    assert names == [name for cell in CELLS for name in (cell, f"{cell}@dsl")]
    bench = Workbench(prepared.run, prepared.folder, tmp_path, fake, fake.explain)
    assert [cell.target.name for cell in stage.CheckStage(bench).remaining()] == CELLS


def test_its_answer_is_that_of_its_uploads(both: Order, tmp_path: Path) -> None:
    folder = prepared_run(tmp_path, both).folder
    go(reopen(folder, tmp_path), Fake(), tmp_path)
    document = report.document_of(folder, Goals())
    assert [statement.head for statement in document.answer][:1] == ["Arrived"]
    titles = {section.id: section for section in document.sections}
    assert "check" not in titles
    (table,) = titles["limits"].tables
    assert table.header == ["", "slow-clients"]
    assert [row.cells for row in table.rows] == [[name, TEXT] for name in CELLS]
    assert "list cases" not in " ".join(document.commands.values())
    assert document.summary
    assert (document.summary.kinds, document.summary.worst.text) == (["run"], "all arrived")
    report.write_page(folder, document)
    assert TEXT in (folder.path / "report.html").read_text()
    assert cell_in_full(folder, "flask/slow-clients")[2] == f"fail: /request-stream {TEXT}"
    assert cell_in_full(folder, "flask/request.stream/1KiB")[0].startswith("flask/request.stream/1024 in")


def test_a_limit_that_could_not_be_measured_fails_no_run(both: Order, tmp_path: Path) -> None:
    run = prepared_run(tmp_path, both).run
    rows = [
        Check(
            case="slow-clients", deployment="flask", route="", label="", started_at="",
            verdict=Verdict.UNAVAILABLE, text="gone",
        )
    ]  # fmt: skip
    assert failed_entirely(run, Rows(checks=rows)) == {}


def test_a_run_with_limits_ends_as_its_uploads_do(
    both: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = session.Place(session.LOCAL, tmp_path / "runs", tmp_path / "data", Workers(1))
    (tmp_path / "data").mkdir()
    order = Order(plan="both", deployments=["gunicorn-gthread"])
    assert session.start(draft(order), place, Screen(tables=True)) == 0  # of the tier that a check judges
    shown = capsys.readouterr().out
    assert "LIMITS OF THE SERVERS" in shown
    assert "every file is whole" in " ".join(shown.split())
    (path,) = (tmp_path / "runs").iterdir()
    assert len(RunFolder(path).read_checks()) == 3
