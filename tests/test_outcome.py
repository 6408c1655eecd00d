"""The exit code where nothing arrived at what the user named."""

from pathlib import Path

import pytest
from uploadlab import session
from uploadlab.analysis.outcome import Rows, failed_entirely
from uploadlab.commands import main
from uploadlab.model.cells import Cell, Step
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Status
from uploadlab.model.order import Order
from uploadlab.planning import draft

from .fake_server import serve
from .helpers import lab, measured, run_of

ONE = ("--methods", "request.stream", "--sizes", "1KiB", "--rounds", "1", "--runtime", "local")
NAMED = "Exit code 1: nothing arrived at mine, which you named"


def load_upload(status: Status, step: str = "flask/request.stream/1/1") -> LoadUpload:
    return LoadUpload(
        step_id=step, user="1", slow=False, method="request.stream", size_bytes=1, started_at=0.0,
        seconds=1.0, status=status, sent_bytes=1,
    )  # fmt: skip


def tried(verdict: Verdict) -> Check:
    return Check(
        case="chunked", deployment="flask", route="/", label="", started_at="", verdict=verdict, text="x"
    )


BAD = measured("flask", status=Status.REFUSED, error="no")
GOOD = measured("flask")
STEP = Step(Cell("flask", "request.stream", 1), 1, 1.0)
UNDONE = LoadStep(step_id=STEP.id, started_at="", status=Status.UNAVAILABLE, error="gone")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (Rows([BAD]), "refused: no"),
        (Rows([BAD, measured("flask", status=Status.WRONG, error="0 of 1 bytes")]), "refused: no"),
        (Rows([BAD, GOOD]), ""),
        (Rows([BAD, measured("flask", status=Status.UNVERIFIED)]), ""),
        (Rows([measured("flask", status=Status.UNAVAILABLE, error="e")]), "unavailable: e"),
        (Rows([BAD, measured("flask", warmup=True)]), "refused: no"),
        (Rows([measured("raw-sink")]), ""),
        (Rows(), ""),
        (Rows(checks=[tried(Verdict.UNAVAILABLE)]), "unavailable: x"),
        (Rows(checks=[tried(Verdict.LOSS), tried(Verdict.FAIL)]), ""),
        (Rows(checks=[tried(Verdict.FAIL), tried(Verdict.PASS)]), ""),
        (Rows(steps=[UNDONE]), "unavailable: gone"),
        (Rows(uploads=[load_upload(Status.TIMEOUT)]), "timeout"),
        (Rows(uploads=[load_upload(Status.TIMEOUT), load_upload(Status.OK)]), ""),
        (Rows([GOOD], steps=[UNDONE]), "unavailable: gone"),
    ],
)
def test_each_kind_of_measurement_counts_by_itself(rows: Rows, why: str) -> None:
    run = run_of(("flask", "request.stream"))
    run.order, run.load = Order(deployments=["flask", "raw-sink"]), [STEP]
    assert failed_entirely(run, rows) == ({"flask": why} if why else {})


@pytest.mark.parametrize("order", [None, Order(), Order(deployments=["*"]), Order(deployments=["!raw-sink"])])
def test_a_deployment_that_was_not_named_may_fail(order: Order | None) -> None:
    run = run_of(("flask", "request.stream"))
    run.order = order
    assert failed_entirely(run, Rows([BAD])) == {}


def test_a_target_that_fails_entirely_is_exit_code_1_with_every_command(tmp_path: Path) -> None:
    with serve(POST=(200, b"<html>")) as fake:
        mine = ("--deployments", "mine", "--target", f"mine={fake.url}")
        check = ["check", "--cases", "one-byte", "--runtime", "local"]
        for words, count in ((["run", *ONE], 1), (["resume", "last"], 1), (check, 0)):
            more = () if words[0] == "resume" else mine
            done = lab(*words, *more, "--out", tmp_path)
            assert (done.returncode, done.stderr.count(NAMED)) == (1, count), done.stderr
        assert "mine failed 1 of 1 case" in done.stdout  # the answer of the check says it already


@pytest.mark.slow
def test_a_target_that_fails_under_load_alone_is_exit_code_1(tmp_path: Path) -> None:
    with serve(POST=(200, b"<html>")) as fake:
        mine = ("--deployments", "mine", "--target", f"mine={fake.url}")
        done = lab("--plan", "crowd", "--users", "1", *ONE, *mine, "--workers", "1", "--out", tmp_path)
    assert (done.returncode, done.stderr.count(NAMED)) == (1, 1), done.stderr
    assert "refused: answered 200 OK, expected 201" in done.stderr


COMPOSE = """
services:
  dying:
    x-lab: {title: a, tier: stock, why: b, port: 2}
    command: [sh, -c, echo the last word; exit 3]
  raw-sink:
    x-lab: {title: a, tier: reference, why: b, port: 3, accepts: [request.stream]}
    command: [python, services/references/raw_sink.py]
"""


@pytest.mark.parametrize(("words", "code"), [(("--deployments", "dying"), 1), ((), 0)])
def test_a_deployment_that_was_named_and_cannot_start_is_exit_code_1(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    for module in (session, draft):
        monkeypatch.setattr(module, "COMPOSE", tmp_path / "compose.yaml")
    asked = [*words, *ONE, "--out", str(tmp_path / "out")]
    assert main.lab.main(asked, prog_name="lab", standalone_mode=False) == code
    assert ("nothing arrived at dying" in capsys.readouterr().err) is bool(code)


def test_a_server_that_takes_one_upload_is_no_failure(tmp_path: Path) -> None:
    with serve(POST=(200, b"thanks")) as fake:
        foreign = ("--deployments", "mine", "--target", f"mine={fake.url}/up", "--expect-status", "200")
        done = lab(*ONE, *foreign, "--out", tmp_path)
    assert (done.returncode, "Exit code" in done.stderr) == (0, False), done.stderr
