"""``lab run --runtime docker`` on a real engine: beside everything else there, and gone at the end."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from uploadlab.model.measurements import Status
from uploadlab.storage.run_folder import RunFolder

from .checkout import CEILING, copy_checkout, leave_one_ceiling
from .engine import docker, oldest_run
from .helpers import REFERENCES, environment, lab, need, wait_until
from .test_commands import counted, shorten

pytestmark = pytest.mark.containers

SOMEONE = 4243
"""A user that this host need not have."""
SMALL = ("--deployments", "flask", "--methods", "request.stream", "--sizes", "1MiB", "--rounds", "1")


@pytest.mark.usefixtures("nothing_left")
def test_a_run_measures_in_containers_of_its_own(tmp_path: Path) -> None:
    if os.geteuid() == 0:  # of another user, as a checkout nearly always is
        os.chown(tmp_path, SOMEONE, SOMEONE)
    done = lab(
        *SMALL,
        "--runtime",
        "docker",
        "--seed",
        "7",
        "--out",
        tmp_path,
        "--profile",
        "--load",
        "--users",
        "2",
        "--workers",
        "2",
    )
    assert done.returncode == 0, done.stderr
    assert "docker compose down" not in done.stderr
    (path,) = tmp_path.iterdir()
    assert f"{path}/report.html\n" in done.stdout
    folder = RunFolder(path)
    run = folder.read_run()
    assert (run.runtime, run.seed, run.id) == ("docker", 7, path.name)
    assert [target.name for target in run.targets] == ["flask", *REFERENCES]
    rows = [row for row in folder.read_measurements() if not row.warmup]
    assert {(row.deployment, row.status) for row in rows} == {(name, "ok") for name in ("flask", *REFERENCES)}
    costs = [(row.server_cpu_seconds, row.server_peak_rss_bytes, row.client_peak_rss_bytes) for row in rows]
    assert all(None not in cost for cost in costs)
    kinds = {one.kind: {Path(name).suffix for name in one.files} for one in folder.read_profiled()}
    assert kinds == {"calls": {".txt", ".pstats"}, "samples": {".html"}}
    assert all((path / name).stat().st_size for one in folder.read_profiled() for name in one.files)
    assert {(one.status, one.workers) for one in folder.read_steps()} == {("ok", 2)}
    assert {(row.status, row.digest_ok) for row in folder.read_uploads()} == {("ok", True)}
    assert "Debug mode: off" in (folder.logs / "flask.log").read_text()
    assert {one.stat().st_uid for one in path.rglob("*")} == {tmp_path.stat().st_uid}


@contextmanager
def long_run(one_ceiling: dict[str, str], out: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A run that has measured something, and has much left to do; ended in the end."""
    words = [sys.executable, "-m", "uploadlab", *SMALL[:-1], "3000", "--runtime", "docker", "--out", str(out)]
    process = subprocess.Popen(
        [*words, *more],
        env=environment(**one_ceiling),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: any(RunFolder(path).read_measurements() for path in out.glob("*")))
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate()


@pytest.mark.usefixtures("nothing_left")
def test_a_run_in_containers_that_is_stopped_shows_what_it_has(
    one_ceiling: dict[str, str], tmp_path: Path
) -> None:
    """By the signal of Ctrl-C: others have the same handler, which test_commands.py tries by each."""
    with long_run(one_ceiling, tmp_path) as process:
        process.send_signal(signal.SIGINT)
        table, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"{'Report':<15}" in table
    (path,) = tmp_path.iterdir()
    assert said.splitlines()[-1].endswith(f"go on with: ./scripts/lab resume {path}")
    assert (path / "logs" / "flask.log").exists()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("seconds", [0, 2])
def test_a_run_that_is_stopped_before_it_measures_leaves_nothing(
    one_ceiling: dict[str, str], tmp_path: Path, seconds: int
) -> None:
    words = [sys.executable, "-m", "uploadlab", *SMALL[:-1], "3000", "--runtime", "docker"]
    process = subprocess.Popen(
        [*words, "--out", str(tmp_path)], env=environment(**one_ceiling), stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: loads_modules(process.pid))
    time.sleep(seconds)  # wherever it is by then
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 130
    assert "stopped" in said.splitlines()[-1]
    assert "Traceback" not in said
    measured = [path for path in tmp_path.iterdir() if RunFolder(path).read_measurements()]
    assert list(tmp_path.iterdir()) == measured


def loads_modules(pid: int) -> bool:
    """Whether the command's own code runs: before that, Python itself answers signals, with a traceback."""
    return "/msgspec/" in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.usefixtures("nothing_left")
def test_a_client_that_is_killed_is_told(one_ceiling: dict[str, str], tmp_path: Path) -> None:
    with long_run(one_ceiling, tmp_path) as process:
        (name,) = re.findall(r"^upload-lab-[0-9a-f]{8}-client$", docker("ps", "--format", "{{.Names}}"), re.M)
        docker("kill", name)
        said = process.communicate(timeout=300)[1]
    assert process.returncode == 1
    (path,) = tmp_path.iterdir()
    assert "the client's container ended with status 137" in said
    assert f"./scripts/lab resume {path}" in said


@pytest.mark.usefixtures("nothing_left")
def test_a_run_in_containers_that_is_killed_leaves_none_and_goes_on(
    one_ceiling: dict[str, str], tmp_path: Path
) -> None:
    """Over a link, which begins in the client's container; its users there have a line, too."""
    over = ("--link", "dsl", "--sizes", "64KiB", "--load", "--users", "2")
    with long_run(one_ceiling, tmp_path, *over) as process:
        process.kill()
        process.communicate()
    (path,) = tmp_path.iterdir()
    planned = shorten(RunFolder(path))
    done = lab("resume", path, **one_ceiling)
    assert done.returncode == 0, done.stderr
    assert counted(RunFolder(path).read_measurements()) == planned
    names = {f"{name}@dsl" for name in ("flask", CEILING)}
    assert {cell.partition("/")[0] for cell, _ in planned} == names
    steps = {step.step_id: step.status for step in RunFolder(path).read_steps()}
    assert steps == {f"{name}/request.stream/65536/2": Status.OK for name in names}
    done = lab("resume", path, "--runtime", "local", **one_ceiling)
    assert (done.returncode, done.stdout) == (2, "")
    assert "was measured with --runtime docker" in done.stderr


def test_a_checkout_that_servers_may_not_read_is_told(tmp_path: Path) -> None:
    need("docker")
    copy_checkout(tmp_path)
    (tmp_path / "configs" / "uwsgi").chmod(0o700)
    command = [sys.executable, "-m", "uploadlab", *SMALL, "--runtime", "docker"]
    done = subprocess.run(
        command, env=environment(PYTHONPATH=str(tmp_path / "client")),
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    refused(done, "configs/uwsgi", "chmod -R a+rX configs services/nginx")


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line that says why and what to type, after those that tell of progress."""
    assert done.returncode == 1
    assert done.stdout == ""
    *progress, line = done.stderr.splitlines()
    assert all(one.endswith(" ...") for one in progress)
    assert line.startswith("lab: ")
    assert all(word in line for word in words), line


@pytest.mark.usefixtures("nothing_left")
def test_an_image_that_cannot_be_pulled_is_told(tmp_path: Path) -> None:
    where = ("--runtime", "docker", "--out", tmp_path)
    offline = "./scripts/offline-images.sh --write"
    no_image = "registry.invalid/none:1"
    refused(lab(*SMALL, *where, PYTHON_IMAGE=no_image), "docker compose build", "registry.invalid", offline)
    behind_nginx = ("--deployments", "nginx-uwsgi", *SMALL[2:], *where)
    refused(lab(*behind_nginx, NGINX_IMAGE=no_image), "docker compose up", "registry.invalid", offline)
    assert list(tmp_path.iterdir()) == []


FAKES = {
    "there is no engine": (
        'echo "Cannot connect to the Docker daemon" >&2; exit 1',
        "no Docker engine answers",
    ),
    "Compose is v1": ('[ "$1" = version ] && echo 20.10 && exit; exit 1', "no Compose v2"),
    "Compose is old": (
        '[ "$1" = version ] && echo 20.10 && exit; echo 2.17.3',
        "Compose is 2.17.3, older than",
    ),
}


def with_fake(folder: Path, name: str) -> tuple[str, str]:
    """A path of programs with such a docker; what the lab says of it."""
    script, reason = FAKES[name]
    (folder / "bin").mkdir()
    fake = folder / "bin" / "docker"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    return f"{fake.parent}:{os.environ['PATH']}", reason


@pytest.mark.parametrize("name", FAKES)
def test_without_containers_docker_is_an_error(tmp_path: Path, name: str) -> None:
    path, reason = with_fake(tmp_path, name)
    refused(
        lab(*SMALL, "--runtime", "docker", "--out", tmp_path / "out", PATH=path), reason, "--runtime local"
    )
    assert not (tmp_path / "out").exists()


def test_without_containers_auto_is_local(tmp_path: Path) -> None:
    path, reason = with_fake(tmp_path, "Compose is old")
    done = lab(*SMALL, "--out", tmp_path / "out", PATH=path)
    assert done.returncode == 0, done.stderr
    assert re.search(f"^Runtime: local, since .*{re.escape(reason)}", done.stderr)
    (run,) = (tmp_path / "out").iterdir()
    assert RunFolder(run).read_run().runtime == "local"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--data-dir", "/dev/shm"], "--data-dir is a folder of this host"),
        (["--target", "mine=http://localhost:9"], "--target mine is on this host's loopback"),
    ],
)
def test_what_only_this_host_has_is_no_matter_for_containers(words: list[str], reason: str) -> None:
    refused(lab("--runtime", "docker", *words), reason, "--runtime local")


def test_a_place_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path) -> None:
    need("docker")
    refused(lab(*SMALL, "--runtime", "docker", "--out", "/proc/x"), "choose another --out")
    refused(lab(*SMALL, "--runtime", "docker", "--out", tmp_path / "a:b"), "colon", "choose another --out")


@pytest.mark.usefixtures("nothing_left")
def test_what_does_not_start_is_a_row_and_the_rest_is_measured(tmp_path: Path) -> None:
    need("docker")
    copy_checkout(tmp_path)
    leave_one_ceiling(tmp_path)
    (tmp_path / "configs" / "nginx" / "nginx-uwsgi.conf.template").write_text("nonsense;\n")
    command = [sys.executable, "-m", "uploadlab", *SMALL, "--runtime", "docker", "--deployments"]
    done = subprocess.run(
        [*command, "flask,nginx-uwsgi,nginx-uwsgi-streaming"],
        env=environment(PYTHONPATH=str(tmp_path / "client")),
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 1, "a deployment that was named is missing"
    folder = oldest_run(tmp_path)
    became = {row.deployment: row for row in folder.read_measurements() if not row.warmup}
    assert became.pop("nginx-uwsgi").error == (
        "the container of nginx-uwsgi does not run: logs/nginx-uwsgi.log in the run's folder may say why"
    )
    assert "nonsense" in (folder.logs / "nginx-uwsgi.log").read_text()
    assert {name: row.status for name, row in became.items()} == dict.fromkeys(
        ("flask", "nginx-uwsgi-streaming", CEILING), Status.OK
    )
