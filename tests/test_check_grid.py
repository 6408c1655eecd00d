"""``run-matrix.sh --check`` as a user meets it, with every real server: processes, and containers."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from uploadlab.analysis.grid import idle_exceptions, known_exception, latest
from uploadlab.catalogue.cases import CASES
from uploadlab.model.checks import Verdict
from uploadlab.planning.check_cells import applies
from uploadlab.storage.run_folder import RunFolder

from .fake_server import serve
from .helpers import DEPLOYMENTS, environment, lab, need, wait_until

TUNED = [name for name, one in DEPLOYMENTS.items() if one.tier == "tuned"]
LOSERS = {"uwsgi-default", "nginx-uwsgi"}
"""Stock deployments that lose chunked bodies in silence."""
STOCK = {name for name, one in DEPLOYMENTS.items() if one.tier == "stock"}
"""All of them add a byte to some files of forms, by Werkzeug's parser."""


def only_run(out: Path) -> RunFolder:
    (path,) = out.iterdir()
    return RunFolder(path)


def test_tuned_deployments_store_every_byte_or_say_no_and_stock_ones_show_their_defects(
    tmp_path: Path,
) -> None:
    need("nginx", "uwsgi")
    everything_holds("local", tmp_path)


def everything_holds(runtime: str, out: Path) -> None:
    """What a check of everything finds."""
    done = lab("check", "--runtime", runtime, "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Failed: " not in done.stdout
    folder = only_run(out)
    run, rows = folder.read_run(), latest(folder.read_checks())
    assert (run.runtime, run.plan) == (runtime, "check")
    assert set(run.checks) == {name for name, case in CASES.items() if case.usual}
    tried = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    tuned = [target for target in run.targets if target.name in TUNED]
    assert {(one.name, case) for one in tuned for case in run.checks if applies(one, case)} <= tried
    for row in rows:
        if row.deployment in TUNED:
            assert row.verdict is Verdict.PASS or known_exception(row, run.exceptions), row
    assert idle_exceptions(run, rows) == []
    lost = {(row.deployment, row.case) for row in rows if row.verdict is Verdict.LOSS}
    assert {name for name, case in lost if case == "chunked"} == LOSERS
    assert {name for name, case in lost if case == "torn-boundary"} == STOCK
    assert all(f"[{number}]" in done.stdout for number in (1, 2, 3))
    assert "; 0 bytes silently lost or added" in done.stdout


@pytest.mark.usefixtures("no_left_overs")
def test_a_target_of_ones_own_that_lies_is_caught(tmp_path: Path) -> None:
    with serve(GET=(200, {"size_bytes": 0, "digest": ""})) as fake:
        words = ("--deployments", "mine", "--target", f"mine={fake.url}", "--cases", "one-byte")
        done = lab("check", "--runtime", "local", "--out", tmp_path, *words)
    assert done.returncode == 1
    assert "201, 0 of 1 bytes stored" in done.stdout
    assert "Failed: mine one-byte." in done.stdout
    assert {row.deployment for row in only_run(tmp_path).read_checks()} == {"mine"}


@pytest.mark.parametrize("end", [subprocess.Popen.kill, lambda process: process.send_signal(signal.SIGINT)])
@pytest.mark.usefixtures("no_left_overs")
def test_a_check_that_is_ended_goes_on_where_it_was(
    tmp_path: Path, end: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    words = ("--runtime", "local", "--out", str(tmp_path))
    need("nginx", "uwsgi")
    names = ("raw-sink", "nginx-offload")  # with few routes: each of a case's attempts stalls for seconds
    chosen = ("--deployments", ",".join(names), "--cases", "content-length,one-byte,post,stall")
    command = [sys.executable, "-m", "uploadlab", "check", *chosen, *words]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: any(RunFolder(path).read_checks() for path in tmp_path.glob("*")))
    end(process)
    process.wait(30)
    folder = only_run(tmp_path)
    kept = folder.read_checks()
    assert {row.case for row in kept}.isdisjoint({"stall"})
    done = lab("resume", "last", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = folder.read_checks()
    assert rows[: len(kept)] == kept
    cells = [(row.deployment, row.case) for row in rows]
    assert set(cells) == {(name, case) for name in names for case in folder.read_run().checks}
    assert len(set(cells)) == 8
    attempts = [(row.deployment, row.case, row.route, row.label) for row in rows]
    assert len(set(attempts)) == len(attempts)
    assert lab("resume", "last", "--load", *words).returncode == 1
