"""What ``lab serve`` opens: how much of the disk, and which routes beyond loopback."""

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from uploadlab.commands.serve import LIMIT
from uploadlab.units import MIB, parse_size

from .helpers import DEPLOYMENTS
from .test_app import FORM_ROUTES
from .test_scripts import fails, serve_sh, serving

pytestmark = pytest.mark.slow

RELAYING = [name for name, made in DEPLOYMENTS.items() if made.next]


def status_of_announced(url: str, size: int) -> str:
    """The status of the answer to a head whose body is never sent."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 80), timeout=60) as connection:
        head = f"PUT /request-stream HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.encode())
        return connection.recv(1 << 16).split()[1].decode()


@pytest.mark.parametrize("name", [name for name in DEPLOYMENTS if name != "uwsgi-buffering"])
def test_serve_has_a_limit_by_default(name: str) -> None:
    """By the head alone; uWSGI's post-buffering takes the body before the app can say no."""
    with serving(name) as url:
        assert status_of_announced(url, parse_size(LIMIT) + 1) == "413"


@pytest.mark.parametrize("size", ["none", "NONE", "0"])
def test_the_limit_can_be_lifted_and_then_the_reserve_refuses(size: str) -> None:
    with serving("flask", "--limit", size) as url:
        assert status_of_announced(url, 1 << 60) == "507"
    with serving("flask", "--limit", size, "--reserve", size) as url, pytest.raises(TimeoutError):
        place = urlsplit(url)
        with socket.create_connection((place.hostname or "", place.port or 80), timeout=3) as connection:
            connection.sendall(b"PUT /request-stream HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nabc")
            connection.recv(1)  # it waits for the rest


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_limit_holds_at_every_deployment(name: str) -> None:
    said: list[str] = []
    with serving(name, "--limit", "1MiB", said=said) as url:
        stored = Path(said[-1].partition(" storing in ")[2].partition("; Ctrl-C")[0])
        for size, status in ((MIB, 201), (MIB + 1, 413), (3 * MIB, 413)):
            answer = requests.put(f"{url}/request-stream", data=bytes(size), timeout=60)
            assert answer.status_code == status, size
        sizes = [path.stat().st_size for path in stored.rglob("*") if path.is_file()]
        assert [size for size in sizes if size] == [MIB]


@pytest.mark.parametrize("option", ["--limit", "--reserve"])
def test_a_size_that_is_none_is_one_line(option: str) -> None:
    fails(serve_sh("flask", option, "much"), 2, "size 'much'")


@pytest.mark.parametrize("name", [*RELAYING, "nginx-offload", "raw-sink", "nginx-dav"])
def test_beyond_loopback_only_uploads_are_open(name: str) -> None:
    said: list[str] = []
    with serving(name, "--host", "0.0.0.0", said=said) as url:
        answers = [requests.get(f"{url}/usage", timeout=60), requests.post(f"{url}/usage/reset", timeout=60)]
        if name not in ("raw-sink", "nginx-dav"):
            answers.append(requests.get(f"{url}/profiles/{'0' * 32}/x", timeout=60))
            answers.append(requests.put(f"{url}/request-stream?profile=1", data=b"x", timeout=60))
            answers.append(requests.put(f"{url}/stream-pass-to-next", data=b"x", timeout=60))
            answers.append(requests.get(f"{url}/uploads/{'0' * 32}?next=uwsgi-tuned", timeout=60))
        assert [answer.status_code for answer in answers] == [403] * len(answers)
        assert all("start" in answer.json()["error"] for answer in answers)
        stored = requests.put(f"{url}/request-stream", data=b"x", timeout=60)
        assert stored.status_code == 201
    (note,) = [line for line in said if "check your firewall" in line]
    assert "can fill this disk up to" in note and "--open): none" in note


def test_what_is_named_is_open_beyond_loopback() -> None:
    said: list[str] = []
    with serving("flask", "--host", "0.0.0.0", "--open", "profiling", "--open", "usage", said=said) as url:
        assert requests.get(f"{url}/usage", timeout=60).json()["processes"]
        for route in ("/request-stream", *FORM_ROUTES):
            files = {"file": ("f", b"x")} if route in FORM_ROUTES else None
            joined = "&" if "?" in route else "?"
            answer = requests.post(f"{url}{route}{joined}profile=1", files=files, timeout=60)
            assert answer.json()["profile"]
    assert "--open): profiling, usage" in next(line for line in said if "check your firewall" in line)


def test_on_loopback_the_labs_own_routes_are_open() -> None:
    with serving("flask") as url:
        assert requests.get(f"{url}/usage", timeout=60).status_code == 200
        answer = requests.put(f"{url}/request-stream?profile=1", data=b"x", timeout=60)
        assert answer.json()["profile"]


def test_a_link_has_an_address_of_its_own_beside_the_servers() -> None:
    said: list[str] = []
    with serving("flask", "--link", "broken,dsl", "--seed", "7", said=said) as url:
        over = dict(
            re.findall(r"^Over (\w+), .*: (http://127\.0\.0\.1:\d+) is one line", "".join(said), re.M)
        )
        assert set(over) == {"broken", "dsl"}
        answer = requests.put(f"{over['dsl']}/request-stream", data=b"x" * 1000, timeout=60)
        assert requests.get(url + answer.headers["Location"], timeout=60).json()["size_bytes"] == 1000
        broken = f"{over['broken']}/request-stream"
        with pytest.raises(requests.RequestException):  # the first cut is after 6 MiB at most
            requests.put(broken, data=b"x" * (6 << 20), timeout=60)
        assert requests.put(broken, data=b"x" * 1000, timeout=60).status_code == 201
    assert "3 cuts come once, placed by --seed 7" in "".join(said)


def test_serve_refuses_a_link_that_is_not_declared_and_a_seed_of_nothing() -> None:
    fails(serve_sh("flask", "--link", "dls"), 2, "unknown link 'dls': did you mean 'dsl'")
    fails(serve_sh("flask", "--seed", "7"), 2, "add --link NAME")
