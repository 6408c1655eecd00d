"""``run-matrix.sh --check`` as a user meets it, with every real server: processes, and containers."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from uploadlab.storage.run_folder import RunFolder

from .fake_server import serve
from .helpers import environment, lab, need, wait_until

pytestmark = pytest.mark.slow


def only_run(out: Path) -> RunFolder:
    (path,) = out.iterdir()
    return RunFolder(path)


@pytest.mark.usefixtures("no_left_overs")
def test_a_target_of_ones_own_that_lies_is_caught(tmp_path: Path) -> None:
    with serve(GET=(200, {"size_bytes": 0, "digest": ""})) as fake:
        words = ("--deployments", "mine", "--target", f"mine={fake.url}", "--cases", "one-byte")
        done = lab("check", "--runtime", "local", "--out", tmp_path, *words)
    assert done.returncode == 1
    assert "mine failed 1 of 1 case" in done.stdout
    checks = only_run(tmp_path).read_checks()
    assert f"mine answered with success and lost bytes ({len(checks)} bytes): one-byte" in done.stdout
    assert {row.deployment for row in checks} == {"mine"}


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
    process.wait(300)
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
