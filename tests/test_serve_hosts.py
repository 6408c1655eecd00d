"""``lab serve --host``: every deployment on IPv6, on every address, and on a name."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from uploadlab.paths import ROOT
from uploadlab.runtimes.local import free_ports

from .checkout import checkout
from .helpers import DEPLOYMENTS, environment, need

pytestmark = pytest.mark.slow

URLS = {
    "::1": ("[::1]",),
    "[::1]": ("[::1]",),
    "::": ("[::1]", "127.0.0.1"),
    "localhost": ("127.0.0.1", "localhost"),
    "127.0.0.1": ("127.0.0.1",),
    "0.0.0.0": ("127.0.0.1",),
}
"""Where a server answers that listens there."""
NAMED = {"::1": "[::1]", "[::1]": "[::1]", "::": "[::1]"}
"""The host of the address that ``serve`` prints; 127.0.0.1 for all others."""
EVERYWHERE = [(name, host) for name in DEPLOYMENTS for host in ("::1", "::", "localhost")]
OTHER_HOSTS = [("flask", host) for host in URLS]
LONG = "a-long-label." * 18 + "example.org"
"""A host name of nearly the 253 characters that DNS allows."""


def need_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this host has no IPv6")


def serve_command(name: str, host: str, port: int, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "uploadlab", "serve", name, "--host", host],
        env=environment(PORT=str(port), **more), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextmanager
def serving_on(name: str, host: str, log: list[str], **more: str) -> Iterator[int]:
    """Yield the port once the deployment answers; ``log`` gets what was printed until then."""
    (port,) = free_ports(1)
    process = serve_command(name, host, port, **more)
    assert process.stderr
    try:
        for line in process.stderr:
            log.append(line)
            if " answers on http" in line:
                break
        else:
            pytest.fail("".join(log))
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)


@pytest.mark.usefixtures("no_left_overs")
@pytest.mark.parametrize(("name", "host"), [*EVERYWHERE, *OTHER_HOSTS])
def test_a_deployment_listens_there(name: str, host: str) -> None:
    need(*DEPLOYMENTS[name].needs)
    if ":" in host:
        need_ipv6()
    log: list[str] = []
    with serving_on(name, host, log) as port:
        assert f"{name} answers on http://{NAMED.get(host, '127.0.0.1')}:{port} " in log[-1]
        for url in URLS[host]:
            answer = requests.get(f"http://{url}:{port}/healthz", timeout=60)
            assert answer.json()["deployment"] == name
            stored = requests.put(f"http://{url}:{port}/request-stream", b"some bytes", timeout=60)
            assert stored.status_code == 201
    shown = [line for line in log if "can fill this disk" in line]
    assert bool(shown) == (host in ("::", "0.0.0.0"))


@pytest.mark.usefixtures("no_left_overs")
@pytest.mark.parametrize("name", ["flask", "nginx-dav", "raw-sink"])
@pytest.mark.parametrize(
    ("listen", "answered"),
    [
        ("0.0.0.0", {"10.9.8.7": 200, "[2001:db8::1]": 200, socket.getfqdn(): 200, "evil.example": 421}),
        ("127.0.0.2", {"127.0.0.2": 200, "10.9.8.7": 421}),
        ("127.0.0.1", {"lab.example.org": 200, "lab.example.org:80": 200, LONG: 200}),
        ("127.0.0.1", {"a.lab.example.org": 421, "lab.example.org.a": 421, "lab-example.org": 421}),
    ],
)
def test_it_answers_to_the_names_that_it_is_reached_by(
    name: str, listen: str, answered: dict[str, int]
) -> None:
    need(*DEPLOYMENTS[name].needs)
    with serving_on(name, listen, [], ALLOWED_HOSTS=f"Lab.example.org. lab.example.org *.md {LONG}") as port:
        url = f"http://{'127.0.0.1' if listen == '0.0.0.0' else listen}:{port}/healthz"
        for host, status in answered.items():
            assert requests.get(url, headers={"Host": host}, timeout=60).status_code == status, host


@pytest.mark.usefixtures("no_left_overs")
def test_a_config_of_a_user_with_host_and_port_listens_on_ipv4(tmp_path: Path) -> None:
    need("uwsgi")
    checkout(tmp_path)
    path = tmp_path / "configs" / "uwsgi" / "host-and-port.ini"
    tuned = (path.parent / "uwsgi-tuned.ini").read_text()
    path.write_text(tuned.replace("$(BIND)", "$(HOST):$(PORT)"))
    with serving_on(path.stem, "127.0.0.1", [], PYTHONPATH=str(tmp_path / "client")) as port:
        url = f"http://127.0.0.1:{port}/request-stream"
        assert requests.put(url, b"some bytes", timeout=60).status_code == 201


@pytest.mark.parametrize(
    "host", ["a..b", "a" * 64, "300.1.1.1", "fe80::1%lo", "::g", "[::1", "no-such-host.invalid"]
)
def test_a_host_that_is_none_is_one_line(host: str) -> None:
    process = serve_command("flask", host, free_ports(1)[0])
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2
    (line,) = said.splitlines()
    assert line.startswith(f"lab: --host {host}")
    assert "write --host 127.0.0.1, or --host ::" in line


def test_a_port_of_ipv6_that_is_taken_is_one_line() -> None:
    need_ipv6()
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as busy:
        port = busy.getsockname()[1]
        process = serve_command("flask", "::1", port)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert said.startswith(f"lab: [::1]:{port}: Address already in use; take another: PORT=")


def test_configs_listen_where_the_contract_says() -> None:
    """HOST and PORT apart would make no address of IPv6."""
    for path in (ROOT / "configs").rglob("*"):
        if path.suffix in (".ini", ".py", ".template"):
            assert not re.search(r"HOST\W*:\W*PORT", path.read_text()), Path(path).name
