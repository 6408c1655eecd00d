"""``docker compose up`` on a real engine, as its user and as another."""

import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from uploadlab.model.cells import Planned
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Order
from uploadlab.paths import ROOT
from uploadlab.planning.draft import draft
from uploadlab.storage.run_folder import RunFolder

from .engine import docker, oldest_run
from .helpers import DEPLOYMENTS, environment, wait_until
from .pages import PAGES, blocks
from .stack import A_FEW, AS_ME, VIEWER, Stack
from .test_check_everything import IN_CONTAINERS, everything_holds
from .test_contract import DEFECTS

pytestmark = pytest.mark.containers

SERVICES = {service.name: one for one in DEPLOYMENTS.values() for service in one.services}
WRITERS = ["client", "locust"]
SENDERS = [*WRITERS, "locust-worker"]
HOLDERS = [f"{name}-processes" for name, one in DEPLOYMENTS.items() if len(one.services) > 1]
"""Hold the process namespace of a deployment's parts, and do nothing else."""
LONG = A_FEW.replace("[[cells]]", '[[cells]]\ndeployments = ["gunicorn"]\nrounds = 300').replace(
    ', "request.stream-chunked"', ""
)
"""Takes far longer than Docker takes to stop the clock of a container; what is dead is given up at once."""


def outcomes(rows: list[Measurement]) -> dict[str, str]:
    """What became of each cell. A chunked body that nginx + uWSGI lose is `wrong` or 502 by chance."""
    lost = {Status.WRONG, Status.REFUSED}
    return {row.cell_id: "lost" if row.status in lost else row.status for row in rows if not row.warmup}


def outcomes_here(cells: Sequence[Planned]) -> dict[str, str]:
    """What becomes of each cell on this host, as test_contract.py has it of every deployment and method."""
    return {
        cell.id: "lost" if (cell.deployment, cell.method) in DEFECTS else Status.OK
        for cell in (planned.cell for planned in cells)
    }


def test_up_ends_with_the_answer_and_a_run_like_a_local_one(stack: Stack) -> None:
    done = stack.first_up
    assert done
    assert done.returncode == 0, done.stderr
    first, last = (
        re.findall(rf"^\W*(?:\[2K)*{name} +\| (.*)", done.stdout, re.MULTILINE)
        for name in ("client-1", "locust-1")
    )
    assert any(line.startswith("Lost ") for line in first)
    # The answer of the whole run ends it, and is all that the last container prints.
    assert len(last) <= 25
    assert any(line.startswith("Lost ") for line in last)
    assert any(line.startswith("2 users ") for line in last)
    assert max(len(line) for line in last if "./scripts/lab" not in line) <= 68
    said = done.stdout + done.stderr
    assert not [name for name in ("servers", "fronts") if f"upload-lab-{name}" in said]
    assert "docker compose down -v" in said
    assert "Runs and reports: http://127.0.0.1:0" in said  # the port that Stack.environment has
    folder = oldest_run(stack.root)
    assert f"benchmark/runs/{folder.path.name}/report.html" in done.stdout
    run = folder.read_run()
    assert (run.plan, run.runtime) == ("smoke", "docker")
    assert set(run.versions) == set(DEPLOYMENTS)
    found = outcomes(folder.read_measurements())
    assert found == outcomes_here(run.cells)
    if not stack.user:  # whose plan is smaller
        here = draft(Order(plan="smoke", sizes=["1MiB"])).cells
        assert found.keys() == {planned.cell.id for planned in here}
    for row in folder.read_measurements():
        assert row.status is not Status.OK or row.server_peak_rss_bytes, (row.cell_id, row.usage_note)
        assert row.status is not Status.OK or row.server_cpu_seconds, (row.cell_id, row.usage_note)
    assert {step.id for step in folder.read_run().load} == {one.step_id for one in folder.read_steps()}
    assert {(one.status, one.error, one.workers) for one in folder.read_steps()} == {(Status.OK, None, 1)}
    assert {(row.status, row.digest_ok) for row in folder.read_uploads()} == {(Status.OK, True)}
    listed = requests.get(f"{stack.url(VIEWER)}/list/", timeout=60).json()
    assert folder.path.name in [one["name"] for one in listed]
    report = requests.get(f"{stack.url(VIEWER)}/runs/{folder.path.name}/report.html", timeout=60).text
    assert "Many at once" in report, "it is written again after the load"
    owner = stack.root.stat().st_uid
    assert {path.stat().st_uid for path in (stack.root / "benchmark").rglob("*")} == {owner}


def test_servers_stay_up_for_uploads_by_hand(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    for name in ("flask", "nginx-uwsgi-streaming"):
        words = [sys.executable, str(ROOT / "client" / "uploader.py"), str(tmp_path / "file")]
        done = subprocess.run(
            [*words, "--url", stack.url(name)],
            env=environment(), capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert "uploaded using request.stream" in done.stdout, done.stderr


@AS_ME
def test_in_containers_a_check_finds_the_same(stack: Stack) -> None:
    words = ["run", "--rm", "--no-deps", "--no-TTY", "--env", "COLUMNS=120", "client"]
    done = stack.compose(*words, "check", "--cases", ",".join(IN_CONTAINERS))
    everything_holds(done, stack.root / "benchmark" / "runs", "docker", IN_CONTAINERS)


MEMORY = {VIEWER: 128 << 20, **dict.fromkeys(HOLDERS, 64 << 20)}
"""Limits in bytes of those that neither take nor send uploads."""
CONFINED = {
    "Uid": {"10001"},
    "CapEff": {"0" * 16},
    "CapBnd": {"0" * 16},
    "NoNewPrivs": {"1"},
    "Seccomp": {"2"},  # the engine's filter
}
"""What /proc/PID/status says of each process."""


@AS_ME
@pytest.mark.parametrize("service", [*SERVICES, *HOLDERS, *SENDERS, VIEWER])
def test_a_container_may_do_no_more_than_it_must(stack: Stack, service: str) -> None:
    found = stack.inspect(service)
    config, host = found["Config"], found["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert sorted(name.removeprefix("CAP_") for name in host["CapAdd"] or []) == (
        ["SETGID", "SETUID"] if service in WRITERS else []
    )
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert not host["Privileged"]
    assert host["PidsLimit"] == 256
    assert host["Init"] == (not host["PidMode"])
    assert host["Tmpfs"] == {"/tmp": "size=16m"}
    bindings = [binding for group in (host["PortBindings"] or {}).values() for binding in group]
    published = {*DEPLOYMENTS, VIEWER}
    assert {binding["HostIp"] for binding in bindings} == ({"127.0.0.1"} if service in published else set())
    data = [mount for mount in found["Mounts"] if mount["Destination"] == "/data"]
    assert host["Memory"] == MEMORY.get(service, (10 if service in SENDERS else 4) << 30)
    stores = service not in (VIEWER, *HOLDERS)
    assert [mount["Type"] for mount in data] == (["volume"] if stores else [])
    writable = {mount["Destination"] for mount in found["Mounts"] if mount["RW"]}
    if service in WRITERS:
        assert writable == {"/data", "/lab/benchmark"}
        return
    assert writable == ({"/data"} if stores else set())
    assert config["User"] == "10001:10001"
    if service in SENDERS:
        return  # it has ended with the load
    assert found["State"]["Running"]

    def confinement() -> dict[str, set[str]]:
        """Of every process there; one that the engine has only just begun to start may not have all yet."""
        status = docker("exec", found["Id"], "sh", "-c", "cat /proc/[0-9]*/status")
        return {name: set(re.findall(rf"^{name}:\s+(\w+)", status, re.M)) for name in CONFINED}

    wait_until(lambda: confinement() == CONFINED)
    may_not = "for at in / /etc /lab /lab/* /usr; do touch $at/x 2>/dev/null && echo $at; done; true"
    assert docker("exec", found["Id"], "sh", "-c", may_not) == ""


@AS_ME
@pytest.mark.parametrize("end", [("stop", "--time", "1"), ("kill",)], ids=["stopped", "killed"])
@pytest.mark.parametrize("name", ["gunicorn-gthread", "nginx-uwsgi-streaming"])
def test_a_container_ended_in_mid_upload_keeps_what_it_acknowledged_and_sweeps_the_rest(
    stack: Stack, name: str, end: tuple[str, ...]
) -> None:
    app = f"{stack.project}-{DEPLOYMENTS[name].services[-1].name}-1"
    kept = requests.post(f"{stack.url(name)}/request-stream", data=b"acknowledged", timeout=60).json()["id"]
    before = files_of(app)
    with socket.create_connection(("127.0.0.1", int(stack.url(name).rpartition(":")[2])), timeout=60) as half:
        half.sendall(b"POST /request-stream HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        half.sendall(b"x" * 3_000_000)
        wait_until(lambda: len(files_of(app)) == len(before) + 1)
        docker(*end, app)
    docker("start", app)
    wait_until(lambda: answers(stack.url(name)))
    assert files_of(app) == before
    assert f"/data/uploads/{kept}" in before
    stored = requests.get(f"{stack.url(name)}/uploads/{kept}", timeout=60).json()
    assert stored["size_bytes"] == len(b"acknowledged")


def files_of(container: str) -> list[str]:
    """What a deployment has stored, temporary files included."""
    return sorted(docker("exec", container, "find", "/data/uploads", "-type", "f").split())


def answers(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{url}/healthz", timeout=60).status_code == 200
    return False


def pause(container: str) -> None:
    """Pause a container; the engine cannot at a moment when one of its processes waits for the disk."""
    words = ["docker", "pause", container]
    wait_until(lambda: subprocess.run(words, capture_output=True, check=False).returncode == 0)


@AS_ME
def test_a_server_killed_in_a_second_up_is_a_row_and_three_workers_load_the_others(stack: Stack) -> None:
    before = set((stack.root / "benchmark" / "runs").iterdir())
    (stack.root / "configs/plans/long.toml").write_text(LONG)
    up = subprocess.Popen(
        [*stack.as_user(), "docker", "compose", "up", "--scale", "locust-worker=3"],
        cwd=stack.root,
        env=stack.environment(LAB_PLAN="long"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    runs = stack.root / "benchmark" / "runs"

    def started() -> list[Path]:
        return [path for path in set(runs.iterdir()) - before if RunFolder(path).read_measurements()]

    wait_until(lambda: bool(started()))
    (path,) = started()
    client = f"{stack.project}-client-1"
    pause(client)  # or thousands of rounds would have to fill the time that a kill may take
    docker("kill", f"{stack.project}-gunicorn-1")
    docker("unpause", client)
    said, _ = up.communicate(timeout=600)
    assert up.returncode == 0, said
    rows = [row for row in RunFolder(path).read_measurements() if row.deployment == "gunicorn"]
    missed = [row for row in rows if row.status in (Status.FAILED, Status.UNAVAILABLE)]
    assert missed
    why = "the container of gunicorn does not run: docker compose logs gunicorn"
    assert why in str(missed[-1].error), (len(rows), said[-4000:])
    steps = {one.step_id: one for one in RunFolder(path).read_steps()}
    dead = {name: steps.pop(name) for name in list(steps) if name.startswith("gunicorn/")}
    assert {(one.status, one.error) for one in dead.values()} == {
        (
            Status.UNAVAILABLE,
            "the container of gunicorn does not run: docker compose logs gunicorn may say why",
        )
    }
    assert {(one.status, one.error, one.workers) for one in steps.values()} == {(Status.OK, None, 3)}
    planned = {one.cell.id for one in RunFolder(path).read_run().cells}
    assert planned == set(outcomes(RunFolder(path).read_measurements()))


@AS_ME
def test_locusts_page_is_there_with_the_profile_ui(stack: Stack) -> None:
    assert stack.compose("--profile", "ui", "up", "--detach", "--no-deps", "locust-ui").returncode == 0
    (binding,) = stack.inspect("locust-ui")["HostConfig"]["PortBindings"]["8089/tcp"]
    assert binding["HostIp"] == "127.0.0.1"
    page = f"http://{stack.compose('--profile', 'ui', 'port', 'locust-ui', '8089').stdout.strip()}"
    wait_until(lambda: workers_of(page) == 2)
    form = {"user_count": 2, "spawn_rate": 2, "host": "http://flask:8000", "size": "1MiB"}
    assert requests.post(f"{page}/swarm", data=form, timeout=60).json()["success"]
    wait_until(lambda: float(throughput_of(page).get("goodput", 0)) > 0)
    assert "<polyline" in requests.get(f"{page}/throughput", timeout=60).text


def workers_of(page: str) -> int:
    with suppress(requests.RequestException):
        return int(requests.get(f"{page}/stats/requests", timeout=60).json().get("worker_count", 0))
    return 0


def throughput_of(page: str) -> dict[str, str]:
    (tab,) = requests.get(f"{page}/stats/requests", timeout=60).json()["extended_stats"]
    return dict(tab["data"][-1]) if tab["data"] else {}


IMPOSSIBLE = ["--runtime local", "--out /tmp/x", "--target a=http://127.0.0.1:1"]
"""In the client's own container: options, each with its value."""


@AS_ME
def test_what_the_clients_own_container_cannot_do_is_told(stack: Stack) -> None:
    typed = "; ".join(f"python -m uploadlab {words}; echo status $?" for words in IMPOSSIBLE)
    words = ["run", "--rm", "--no-deps", "--no-TTY", "--entrypoint", "sh", "client", "-c", typed]
    done = stack.compose(*words)
    assert done.stdout.split("\n") == ["status 2", "status 2", "status 2", ""], done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("lab: ")]
    for line, option in zip(said, IMPOSSIBLE, strict=True):
        assert line.startswith(f"lab: {option[:11]}")
        assert "./scripts/lab " in line


ALL_OF_IT = re.compile(r"docker compose (--profile ui )?(up( --build| --scale locust-worker=3)?|down -v)$")
"""What brings all up, or down: the fixture and the tests around this one do that."""
SMALLER = {
    "--sizes 256MiB --rounds 5": "--sizes 1MiB --rounds 1 --deployments flask",
    "--sizes 1GiB": "--sizes 1MiB --plan smoke --deployments flask --methods request.stream",
    "client check": "client check --cases one-byte --deployments flask",
}


@AS_ME
def test_the_commands_of_the_pages_work(stack: Stack) -> None:
    typed = [command for page in PAGES for block in blocks(page) for command in block]
    commands = {command for command in typed if "docker" in command and not ALL_OF_IT.search(command)}
    assert len(commands) >= 6
    for command in sorted(commands):
        for words, fewer in SMALLER.items():
            command = command.replace(words, fewer)
        done = subprocess.run(
            ["bash", "-c", command], cwd=stack.root, env=stack.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_down_leaves_nothing(stack: Stack) -> None:
    assert stack.left()
    done = stack.compose("--profile", "ui", "down", "--volumes")
    assert done.returncode == 0, done.stderr
    assert stack.left() == []
