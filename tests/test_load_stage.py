"""``lab --load`` with a real Locust, its workers, and real servers."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from uploadlab.model.load import LoadStep
from uploadlab.model.measurements import Status
from uploadlab.runtimes.local import free_ports
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import MIB

from .checkout import CEILING
from .fake_server import serve
from .helpers import LOCUST, environment, servers, wait_until
from .helpers import lab as run_matrix

pytestmark = pytest.mark.slow

SMALL = ("--runtime", "local", "--plan", "smoke", "--methods", "request.stream", "--sizes", "1MiB", "--load")
STEPS = 4 * 2
"""Of one deployment, and what runs along, with four numbers of users."""


def steps_of(out: Path) -> tuple[RunFolder, dict[str, LoadStep]]:
    (path,) = out.iterdir()
    folder = RunFolder(path)
    return folder, {one.step_id: one for one in folder.read_steps()}


def has_rows(folder: Path) -> bool:
    return any(RunFolder(path).read_steps() for path in folder.glob("*/"))


@pytest.mark.usefixtures("no_left_overs")
def test_a_master_and_three_workers_upload_and_every_file_is_verified(
    tmp_path: Path, one_ceiling: dict[str, str]
) -> None:
    words = ("--deployments", "flask", "--users", "1,6", "--workers", "3", "--seed", "5")
    done = run_matrix(*SMALL, *words, "--tables", "--out", tmp_path, **one_ceiling)
    assert done.returncode == 0, done.stderr
    folder, steps = steps_of(tmp_path)
    size = f"request.stream/{MIB}"
    assert set(steps) == {f"{name}/{size}/{users}" for name in ("flask", CEILING) for users in (1, 6)}
    rows = folder.read_uploads()
    for step_id, step in steps.items():
        assert (step.status, step.error, step.workers) == (Status.OK, None, 3)
        assert step.server_cpu_seconds
        assert step.server_peak_rss_bytes
        assert step.worker_cpu_seconds
        assert step.host_seconds
        assert step.other_cpu_seconds is not None
        mine = [row for row in rows if row.step_id == step_id]
        users = {row.user for row in mine}
        assert len(users) == int(step_id.rpartition("/")[2])
        assert min(sum(row.user == user for row in mine) for user in users) >= 3
    assert len({row.user.partition("/")[0] for row in rows}) == 3
    assert {(row.status, row.digest_ok, row.stored_bytes) for row in rows} == {(Status.OK, True, MIB)}
    assert "many at once" in done.stdout
    assert "Verified after each step" in done.stdout
    answer = done.stdout.partition("REPEAT IT")[2]
    assert "\n6 users " in answer, "the answer follows the tables"


def test_a_foreign_server_is_measured_and_marked(tmp_path: Path) -> None:
    with serve(POST=(200, {"thanks": True})) as fake:
        words = ("--target", f"theirs={fake.url}/upload", "--expect-status", "200", "--field", "document")
        done = run_matrix(
            "--runtime", "local", "--plan", "smoke", "--methods", "request.files-streamed", "--sizes",
            "64KiB", "--load", "--users", "2", "--deployments", "raw-sink", *words, "--out", tmp_path,
        )  # fmt: skip
        requests, body = set(fake.requests), next(body for body in fake.bodies if body)
    assert done.returncode == 0, done.stderr
    assert {one for one in requests if one.startswith("POST")} == {"POST /upload"}
    assert b'name="document"' in body
    folder, steps = steps_of(tmp_path)
    rows = [row for row in folder.read_measurements() if row.deployment == "theirs"]
    assert {(row.status, row.digest_ok) for row in rows} == {(Status.UNVERIFIED, None)}
    assert steps["theirs/request.files-streamed/65536/2"].status is Status.OK
    assert {row.status for row in folder.read_uploads()} == {Status.UNVERIFIED}
    assert "was not read back" in " ".join(done.stdout.split())


@pytest.mark.usefixtures("no_left_overs")
def test_a_target_that_is_not_there_is_named_and_the_load_goes_on(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    done = run_matrix(*SMALL, "--deployments", "flask", "--target", f"mine={nobody}", "--out", tmp_path)
    assert (done.returncode, "nothing arrived at mine" in done.stderr) == (1, True), done.stderr
    _, steps = steps_of(tmp_path)
    assert steps[f"mine/request.stream/{MIB}/2"].status is Status.UNAVAILABLE
    assert "start that server" in str(steps[f"mine/request.stream/{MIB}/2"].error)
    assert steps[f"flask/request.stream/{MIB}/2"].status is Status.OK


def start_load(where: dict[str, str], out: Path, *words: str) -> subprocess.Popen[str]:
    """A run that is all load, and takes a while."""
    command = [sys.executable, "-m", "uploadlab", *SMALL, "--users", "1,2,3,4", "--out", str(out), *words]
    return subprocess.Popen(
        command, env=environment(**where), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.usefixtures("no_left_overs")
def test_a_deployment_that_dies_is_named_and_the_others_load_goes_on(
    tmp_path: Path, one_ceiling: dict[str, str]
) -> None:
    process = start_load(one_ceiling, tmp_path, "--deployments", "flask")
    wait_until(lambda: has_rows(tmp_path))
    for pid in servers("flask", Path(one_ceiling["PYTHONPATH"]).parent / "benchmark"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    table, said = process.communicate(timeout=600)
    _, steps = steps_of(tmp_path)
    assert len(steps) == STEPS
    took_some = any(name.startswith("flask/") and one.status is Status.OK for name, one in steps.items())
    assert process.returncode == (0 if took_some else 1), said
    dead = [one for one in steps.values() if one.status is not Status.OK]
    assert dead
    assert all("ended with status" in str(one.error) for one in dead)
    assert all(one.step_id.startswith("flask/") for one in dead)
    assert "flask: unavailable, sh ended with status" in table


@pytest.mark.usefixtures("no_left_overs")
def test_a_worker_that_dies_costs_its_step_and_no_other(tmp_path: Path, one_ceiling: dict[str, str]) -> None:
    process = start_load(one_ceiling, tmp_path, "--deployments", "flask", "--workers", "2")
    wait_until(lambda: has_rows(tmp_path))
    workers = [pid for pid in children_of(process.pid) if b"--worker\0" in commandline(pid)]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    table, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    _, steps = steps_of(tmp_path)
    assert len(steps) == STEPS
    lost = [one for one in steps.values() if one.status is Status.FAILED]
    assert [one.error for one in lost] in (["1 of 2 workers were lost"], [])  # or it died between two steps
    assert [one.workers for one in steps.values()][-1] == 1
    assert lost == [] or "1 of 2 workers were lost" in table


def commandline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def children_of(pid: int) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


@pytest.mark.usefixtures("no_left_overs")
def test_ctrl_c_keeps_what_was_measured_and_resume_does_the_rest(
    tmp_path: Path, one_ceiling: dict[str, str]
) -> None:
    process = start_load(one_ceiling, tmp_path, "--deployments", "flask")
    wait_until(lambda: has_rows(tmp_path))
    process.send_signal(signal.SIGINT)
    table, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Report  " in table
    folder, steps = steps_of(tmp_path)
    assert 0 < len(steps) < STEPS
    assert said.splitlines()[-1].endswith(f"go on with: ./scripts/lab resume {folder.path}")
    done = run_matrix("resume", "last", "--out", tmp_path, **one_ceiling)
    assert done.returncode == 0, done.stderr
    rows = folder.read_uploads()
    assert len(steps_of(tmp_path)[1]) == STEPS
    assert {row.step_id for row in rows} == set(steps_of(tmp_path)[1])
    kept = {one.step_id: one for one in folder.read_steps()}
    assert all(kept[name] == step for name, step in steps.items())


@pytest.mark.usefixtures("no_left_overs")
def test_workers_from_elsewhere_join_and_send_to_their_own_target_alone(
    tmp_path: Path, one_ceiling: dict[str, str]
) -> None:
    (port,) = free_ports(1)
    served = subprocess.Popen(
        [sys.executable, "-m", "uploadlab", "serve", "flask"], env=environment(PORT=str(free_ports(1)[0])),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert served.stderr
    url = next(re.findall(r"answers on (\S+)", line)[0] for line in served.stderr if "answers on" in line)
    words = ("--expect-workers", "2", "--listen", f"127.0.0.1:{port}", "--deployments", "raw-sink")
    process = start_load(one_ceiling, tmp_path / "out", *words, "--target", f"mine={url}")
    workers = [
        subprocess.Popen(
            [*LOCUST, "--worker", "--host", url, "--master-host", "127.0.0.1", "--master-port", str(port)],
            env=environment(TMPDIR=str(tmp_path)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
        _, steps = steps_of(tmp_path / "out")
        mine = [step for name, step in steps.items() if name.startswith("mine/")]
        assert {(step.status, step.workers) for step in mine} == {(Status.OK, 2)}
        others = [step for step in steps.values() if step not in mine]
        assert {(step.status, step.workers) for step in others} == {(Status.FAILED, 2)}
        assert all("a worker refuses http://127.0.0.1:" in str(step.error) for step in others)
        assert [worker.wait(300) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
        served.terminate()
        served.communicate()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--plan", "smoke", "--users", "3"], "add --load"),
        (["--load", "--users", "many"], "--users 'many' is not a number"),
        (["--load", "--workers", "0"], "--workers must be above 0"),
        (["--load", "--listen", "127.0.0.1:1"], "add --expect-workers"),
        (["--load", "--expect-workers", "1", "--listen", "here"], "--listen 'here' is not HOST:PORT"),
        (["--expect-status", "200"], "add --target NAME=URL"),
        (["--target", "a=http://127.0.0.1:1", "--expect-status", "20"], "'20' is not an HTTP status"),
        (["--target", "a=http://127.0.0.1:1", "--field", "x"], "add --expect-status"),
        (
            ["--plan", "slow-clients", "--deployments", "raw-sink", "--methods", "multipart-push"],
            "no step left",
        ),
        (["resume", "last", "--users", "2"], "resume has no --users: it belongs to run"),
        (["resume", "last", "--expect-status", "200"], "resume has no --expect-status: it belongs to run"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, words: list[str], reason: str) -> None:
    done = run_matrix(*words, "--runtime", "local", "--out", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1
