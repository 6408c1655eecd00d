"""What containers reach, on a real engine: each other where they must, and nothing else."""

import os
import subprocess
import time
from collections.abc import Iterator

import pytest
import requests

from .engine import docker
from .helpers import need, wait_until
from .stack import AS_ME, VIEWER, Stack

pytestmark = [pytest.mark.containers, AS_ME]

ANSWERING = ["flask", "uwsgi-tuned", "gunicorn-gthread", "nginx-uwsgi", "nginx-dav", VIEWER]
OUTSIDE, HERE = "198.51.100.2", "198.51.100.1"
"""Of TEST-NET-2 (RFC 5737), which no network has."""
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5).close()
    print("connected")
except OSError:
    print("not reached")
"""
MASTER = """
import socket, time
from uploadlab.load.workers import container_workers
workers = container_workers()
listening = socket.create_server((workers.listen_host, workers.listen_port))
time.sleep(600)
"""


@pytest.fixture(scope="module", autouse=True)
def pages(stack: Stack) -> Iterator[None]:
    """Locust's page and a worker for it, beside the servers that a first ``up`` has left up."""
    beside = ["locust-ui", "locust-worker"]
    done = stack.compose("--profile", "ui", "up", "--detach", "--no-deps", *beside)
    assert done.returncode == 0, done.stderr
    yield
    stack.compose("--profile", "ui", "stop", "--timeout", "1", *beside)


@pytest.fixture(scope="module")
def outside() -> Iterator[int]:
    """The port of a server on another host: beyond this one, which knows no way back to any container."""
    need("docker", "ip")
    if os.getuid() != 0:
        pytest.skip("only root can make another host")
    name, link = "lab-outside", "lab-out0"
    port = 8099
    words = [
        f"netns add {name}",
        f"link add {link} type veth peer name {link}p netns {name}",
        f"addr add {HERE}/30 dev {link}",
        f"link set {link} up",
        f"-n {name} addr add {OUTSIDE}/30 dev {link}p",
        f"-n {name} link set {link}p up",
    ]
    server = None
    try:
        for command in words:
            subprocess.run(["ip", *command.split()], check=True, timeout=60)
        serve = ["python3", "-m", "http.server", str(port), "--directory", "/var/empty"]
        server = subprocess.Popen(["ip", "netns", "exec", name, *serve], stderr=subprocess.DEVNULL)
        ask = ["python3", "-c", CONNECT, OUTSIDE, str(port)]
        wait_until(lambda: subprocess.check_output(ask, text=True) == "connected\n")
        yield port
    finally:
        if server:
            server.kill()
            server.wait()
        subprocess.run(["ip", "netns", "del", name], check=False)


def reaches(stack: Stack, service: str, host: str, port: int) -> bool:
    """Whether a process in the service's container can open a connection."""
    container = f"{stack.project}-{service}-1"
    return docker("exec", container, "python", "-c", CONNECT, host, str(port)) == "connected\n"


def shut(stack: Stack, service: str, host: str, port: int) -> bool:
    """Whether that process cannot, in one of several tries.

    While any network is made or removed, the engine replaces the rules that keep its networks apart.
    """
    for _ in range(5):
        if not reaches(stack, service, host, port):
            return True
        time.sleep(1)
    return False


def addresses(stack: Stack, container: str) -> list[str]:
    pattern = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    return docker("inspect", "--format", pattern, container).split()


def test_each_published_port_answers_on_loopback(stack: Stack) -> None:
    for service in ANSWERING:
        wait_until(lambda service=service: answers(f"{stack.url(service)}/"))  # type: ignore[misc]
    page = stack.compose("--profile", "ui", "port", "locust-ui", "8089").stdout.strip()
    assert page.startswith("127.0.0.1:")
    wait_until(lambda: answers(f"http://{page}/"))


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=60).status_code < 500
    except requests.RequestException:
        return False


def test_only_the_client_reaches_another_host(stack: Stack, outside: int) -> None:
    ask = ["run", "--rm", "--no-deps", "--no-TTY", "--entrypoint", "python", "client", "-c", CONNECT]
    assert stack.compose(*ask, OUTSIDE, str(outside)).stdout == "connected\n"
    assert stack.compose(*ask, "flask", "8000").stdout == "connected\n"
    for service in ("flask", "uwsgi-tuned", "nginx-uwsgi-app", "locust-ui", "locust-worker"):
        assert shut(stack, service, OUTSIDE, outside), service


def test_servers_reach_each_other_by_name_and_no_page(stack: Stack) -> None:
    assert reaches(stack, "flask", "uwsgi-tuned", 8000)
    sent = requests.post(f"{stack.url('flask')}/stream-pass-to-next", data=b"passed on", timeout=60)
    assert sent.status_code == 201, sent.text
    assert reaches(stack, "locust-ui", "flask", 8000)
    for service, port in ((VIEWER, 8000), ("locust-ui", 8089), ("locust-ui", 5557)):
        container = f"{stack.project}-{service}-1"
        for host in [service, *addresses(stack, container)]:
            assert shut(stack, "flask", host, port), (host, port)


def test_only_workers_reach_locusts_master(stack: Stack) -> None:
    name = f"{stack.project}-master"
    words = ["--detach", "--rm", "--no-deps", "--use-aliases", "--name", name, "--entrypoint", "python"]
    done = stack.compose("run", *words, "locust", "-c", MASTER)
    assert done.returncode == 0, done.stderr
    try:
        wait_until(lambda: reaches(stack, "locust-worker", "locust-master", 5557))
        assert len(addresses(stack, name)) == 2
        for host in ["locust", "locust-master", *addresses(stack, name)]:
            assert shut(stack, "flask", host, 5557), host
    finally:
        docker("rm", "--force", name)


def test_a_deployment_sees_its_own_processes_and_no_others(stack: Stack) -> None:
    ask = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
    for own, other in (("nginx-uwsgi", "nginx-dav"), ("nginx-dav", "nginx-uwsgi")):
        seen = docker("exec", f"{stack.project}-{own}-app-1", "sh", "-c", ask)
        assert "nginx: master" in seen
        names = docker("exec", f"{stack.project}-{own}-app-1", "sh", "-c", "cat /proc/[0-9]*/environ")
        assert f"LAB_DEPLOYMENT={own}" in names
        assert f"LAB_DEPLOYMENT={other}" not in names
    usage = requests.get(f"{stack.url('nginx-uwsgi')}/usage", timeout=60).json()
    assert len(usage["processes"]) >= 4, "nginx's two and uWSGI's"


def test_a_part_that_dies_takes_no_other_along(stack: Stack) -> None:
    app = f"{stack.project}-nginx-uwsgi-app-1"
    docker("kill", app)
    assert stack.inspect("nginx-uwsgi")["State"]["Running"]
    docker("start", app)
    wait_until(lambda: requests.get(f"{stack.url('nginx-uwsgi')}/healthz", timeout=60).status_code == 200)


def test_no_image_names_an_index_of_packages(stack: Stack) -> None:
    for service in ("flask", "locust-worker"):
        image = stack.inspect(service)["Image"]
        said = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image) + docker("inspect", image)
        assert "PIP_INDEX_URL" not in said
        found = "cat /etc/pip.conf ~root/.config/pip/pip.conf /opt/lab/pip.conf /run/secrets/pip-config"
        assert docker("run", "--rm", "--entrypoint", "sh", image, "-c", f"{found} 2>/dev/null; true") == ""
