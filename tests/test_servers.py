"""The servers of the group `servers`: one check and one smoke run, which all tests here read."""

import subprocess
import sys
from pathlib import Path

import pytest
from uploadlab.analysis.grid import falls_short, latest
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.planning.check_cells import applies

from .checkout import checkout
from .helpers import ALL_DEPLOYMENTS, environment, lab, need
from .test_check_grid import only_run

pytestmark = pytest.mark.slow

GROUP = "servers"
ROWS = {name: one for name, one in ALL_DEPLOYMENTS.items() if one.group == GROUP}
TUNED = [name for name, one in ROWS.items() if one.tier == "tuned"]
CASES = ["content-length", "chunked", "kept-connection", "early-refusal", "cut-chunks", "short-body"]
METHODS = ["request.stream", "request.stream-chunked", "request.files", "multipart-push"]
LOSERS = {"hypercorn", "pyvoy", "tornado", "uvicorn-a2wsgi"}
"""Stock rows that store nothing of a chunked body, and say success."""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[Check]]:
    """What a check of all these servers shows."""
    need(*sorted({package for one in ROWS.values() for package in one.needs}))
    out = tmp_path_factory.mktemp("checked")
    words = ("--group", GROUP, "--runtime", "local", "--cases", ",".join(CASES), "--out", out)
    done = lab("check", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = only_run(out)
    return folder.read_run(), latest(folder.read_checks())


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[Measurement]:
    """What the plan `smoke` shows of all these servers."""
    out = tmp_path_factory.mktemp("measured")
    words = ("--group", GROUP, "--runtime", "local", "--methods", ",".join(METHODS), "--sizes", "1MiB")
    done = lab("run", "--plan", "smoke", "--out", out, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return only_run(out).read_measurements()


def test_tuned_servers_store_every_byte_or_refuse_clearly(checked: tuple[Run, list[Check]]) -> None:
    run, rows = checked
    assert falls_short(run, rows) == []
    tried = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    tuned = [target for target in run.targets if target.name in TUNED]
    assert {(one.name, case) for one in tuned for case in CASES if applies(one, case)} <= tried


def test_stock_servers_show_their_defects(checked: tuple[Run, list[Check]]) -> None:
    _, rows = checked
    lost = {row.deployment for row in rows if row.verdict is Verdict.LOSS and row.case == "chunked"}
    assert lost == LOSERS
    cut = {row.deployment for row in rows if row.code == "client-gone-but-stored"}
    assert cut == LOSERS - {"tornado"} | {"granian"}


@pytest.mark.parametrize("name", ROWS)
def test_each_server_is_up_and_takes_plain_uploads(name: str, checked: tuple[Run, list[Check]]) -> None:
    _, rows = checked
    verdicts = {row.verdict for row in rows if (row.deployment, row.case) == (name, "content-length")}
    assert verdicts == {Verdict.PASS}


@pytest.mark.parametrize("name", ROWS)
def test_uploads_of_each_server_are_measured(name: str, measured: list[Measurement]) -> None:
    rows = [row for row in measured if row.deployment == name]
    bad = {row.method for row in rows if row.status is not Status.OK}
    assert {row.method for row in rows if row.status is Status.OK}
    if name in TUNED:
        assert bad == {"request.stream-chunked"} if name == "granian-tuned" else not bad
    else:
        assert bad == ({"request.stream-chunked"} if name in {*LOSERS, "mod-wsgi"} else set())


def test_a_server_that_cannot_start_is_unavailable_with_its_own_words(tmp_path: Path) -> None:
    need("apache2")
    root = checkout(tmp_path)
    for file, old, new in (
        ("configs/apache/mod-wsgi.conf", "KeepAlive On", "KeepAlife On"),
        ("compose.yaml", "needs: [waitress], why", "needs: [no-such-server], why"),
    ):
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new))
    words = (
        "--deployments",
        "mod-wsgi,waitress",
        "--runtime",
        "local",
        "--cases",
        "one-byte",
        "--out",
        "out",
    )
    command = [sys.executable, "-m", "uploadlab", "check", *words]
    said = environment(PYTHONPATH=str(root / "client"), COLUMNS="400")
    done = subprocess.run(
        command, cwd=root, env=said, capture_output=True, text=True, timeout=300, check=False
    )
    rows = {row.deployment: row for row in only_run(root / "out").read_checks()}
    assert {row.verdict for row in rows.values()} == {Verdict.UNAVAILABLE}, done.stdout + done.stderr
    assert rows["waitress"].text == "no-such-server is not installed: ./scripts/install servers"
    assert "ended with status 1" in rows["mod-wsgi"].text
    assert "Invalid command 'KeepAlife'" in rows["mod-wsgi"].text
    assert "KeepAlife" in done.stdout
