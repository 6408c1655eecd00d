"""What a hostile target gets out of the client: no request elsewhere, no memory, no time, no secret."""

import gzip
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from uploadlab.catalogue.attempts import noise, raw
from uploadlab.catalogue.payloads import Payload
from uploadlab.checking.wire import send_attempt
from uploadlab.model.deployments import Foreign, Target
from uploadlab.model.measurements import Status
from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.sending.client import Client
from uploadlab.sending.connections import get, session
from uploadlab.sending.server_usage import read, reset
from uploadlab.sending.verification import remove_upload

from .fake_server import FakeServer, serve
from .helpers import LOCUST, environment, lab
from .listening import listen
from .raw_server import keep

pytestmark = pytest.mark.apart

MIB = 1 << 20
METHODS = ("request.stream", "request.stream-curl", "multipart-push")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Processes() as processes:
        yield Client(processes)


@pytest.fixture
def elsewhere() -> Iterator[FakeServer]:
    """A server that nobody was sent to by the user."""
    with serve() as fake:
        yield fake


def redirecting(status: int, place: str) -> bytes:
    return f"HTTP/1.1 {status} \x1b[31mGo\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_upload_is_refused_and_sent_nowhere_else(
    client: Client, payload: Payload, elsewhere: FakeServer, method: str, status: int
) -> None:
    with keep(redirecting(status, f"{elsewhere.url}/x\x1b[31m{'y' * 5000}")) as target:
        outcome = client.measure(target.url, method, payload, 60)
    assert (outcome.status, outcome.http_status) == (Status.REFUSED, status)
    assert f"answered {status}" in str(outcome.error)
    assert f"points to {elsewhere.url}/x" in str(outcome.error)
    assert len(str(outcome.error)) < 800
    assert str(outcome.error).isprintable()
    assert elsewhere.requests == []


def test_no_other_request_follows_a_redirect(client: Client, elsewhere: FakeServer) -> None:
    with keep(redirecting(302, f"{elsewhere.url}/uploads/x")) as target:
        with pytest.raises(requests.HTTPError, match="answered 302.* points to http.*not followed"):
            get(f"{target.url}/uploads/x", 60)
        remove_upload(f"{target.url}/uploads/x")
        assert (reset(target.url), read(target.url)) == (None, None)
        assert "answered 302" in client.wait_healthy(Target("mine", target.url), 0.1, str)[1]
        foreign = Target("theirs", target.url, foreign=Foreign(303, "file"))
        assert client.wait_healthy(foreign, 60, str)[1] == ""
    assert elsewhere.requests == []


def test_the_check_follows_no_redirect(elsewhere: FakeServer) -> None:
    with keep(redirecting(307, f"{elsewhere.url}/uploads/x")) as target:
        reply = send_attempt(f"{target.url}/request-stream", raw(noise(100)))
    assert (reply.status, reply.accepted) == (307, False)
    assert "points to" in reply.reason
    assert elsewhere.requests == []


@pytest.mark.parametrize("kind", ["FullSpeed", "WithRequests"])
@pytest.mark.slow
def test_no_user_of_locust_follows_a_redirect(elsewhere: FakeServer, tmp_path: Path, kind: str) -> None:
    with keep(redirecting(307, f"{elsewhere.url}/request-stream")) as target:
        done = by_locust(target.url, tmp_path, kind)
    assert "answered 307, which points to" in done.stderr
    assert elsewhere.requests == []


def by_locust(url: str, folder: Path, kind: str) -> subprocess.CompletedProcess[str]:
    words = [
        "--headless",
        "--host",
        url,
        "--run-time",
        "2",
        "--size",
        "1KiB",
        "--rows",
        str(folder / "r"),
        kind,
    ]
    return subprocess.run(
        [*LOCUST, *words], env=environment(TMPDIR=str(folder)), capture_output=True, text=True, check=False,
        timeout=600,
    )  # fmt: skip


PLACES = [
    {"id": "../healthz"}, {"id": "x/../../usage/reset"}, {"id": "http://h/"}, {"id": "x?y=1"}, {"id": "a b"},
    {"id": "x\r\nHost: evil"}, {"id": "x" * 500}, {"id": ["x"]}, {"id": "."}, {"id": "x#"}, {"id": "%2e%2e"},
]  # fmt: skip


@pytest.mark.parametrize("answer", PLACES)
def test_an_id_leads_to_no_other_path(client: Client, payload: Payload, answer: dict[str, Any]) -> None:
    with serve(POST=(201, answer)) as fake:
        outcome = client.measure(fake.url, "request.stream", payload, 60)
        assert [request for request in fake.requests if not request.startswith("PUT")] == []
    assert "without an upload id" in str(outcome.error)


@pytest.mark.parametrize(
    "place",
    ["{}/uploads/x", "//evil.example/uploads/x", "{}/admin?x=1", "/uploads/../x?y=1", "http://[", "?x"],
)
def test_a_location_leads_to_no_other_host_or_path(
    client: Client, payload: Payload, elsewhere: FakeServer, place: str
) -> None:
    answer = f"HTTP/1.1 201 C\r\nLocation: {place.format(elsewhere.url)}\r\nContent-Length: 2\r\n\r\n{{}}"
    with keep(answer.encode()) as target:
        outcome = client.measure(target.url, "request.stream", payload, 60)
        asked = {request.split(b" ")[1] for request in target.received if not request.startswith(b"PUT")}
    assert outcome.status is Status.WRONG
    assert {path for path in asked if not path.startswith(b"/usage")} <= {b"/uploads/x"}
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/passwd", "a\x1b.txt", "x.txt?y", ".txt", "authorized_keys", 1]
)
def test_a_profile_has_no_other_name(tmp_path: Path, name: object) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with serve(POST=(201, {"id": "x", "profile": [name]})) as fake:
        command = [
            sys.executable,
            str(ROOT / "client/uploader.py"),
            str(tmp_path / "file"),
            "--url",
            fake.url,
        ]
        subprocess.run(
            [*command, "--profile"], env=environment(), capture_output=True, check=False, timeout=600
        )
        assert [request for request in fake.requests if "profiles" in request] == []


def gushing(head: bytes, block: bytes) -> Callable[[socket.socket], None]:
    """A server that never stops to answer."""

    def take(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(120)
            connection.recv(1 << 16)
            connection.sendall(head)
            while True:
                connection.sendall(block)

    return take


ENDLESS = {
    "body": (b"HTTP/1.1 201 C\r\n\r\n", b"x" * MIB),
    "chunks": (b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n", b"ff\r\n" + b"x" * 255 + b"\r\n"),
    "chunk size": (b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * MIB),
    "header": (b"HTTP/1.1 201 C\r\n", b"X: " + b"y" * 60_000 + b"\r\n"),
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "unasked": (b"HTTP/1.1 201 C\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"\0" * MIB)),
}


@pytest.mark.parametrize("method", ["request.stream", "request.stream-curl"])
@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_an_end_is_a_failed_upload(
    client: Client, payload: Payload, name: str, method: str
) -> None:
    began = time.monotonic()
    with listen(gushing(*ENDLESS[name])) as url:
        outcome = client.measure(url, method, payload, 120)
        with pytest.raises(requests.RequestException):
            get(url, 60)
        assert send_attempt(url, raw(noise(100))).accepted in (False, name in ("body", "chunks", "unasked"))
    assert outcome.status is Status.FAILED, outcome
    assert time.monotonic() - began < 110


def compressed(status: str = "200 OK") -> bytes:
    bomb = gzip.compress(b"\0" * (300 * MIB), 9)
    return (
        f"HTTP/1.1 {status}\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode() + bomb
    )


@pytest.mark.parametrize("status", ["200 OK", "302 Found\r\nLocation: http://127.0.0.1:9/"])
def test_no_answer_is_decompressed(status: str) -> None:
    with keep(compressed(status)) as target, session() as connection:
        answer = connection.get(target.url, timeout=60)
    assert len(answer.content) < MIB
    assert b"\r\nAccept-Encoding: identity\r\n" in target.received[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["FullSpeed", "WithRequests"])
def test_no_user_of_locust_decompresses(tmp_path: Path, kind: str) -> None:
    with keep(compressed("201 Created")) as target:
        words = [
            "--headless",
            "--host",
            target.url,
            "--run-time",
            "3",
            "--size",
            "1KiB",
            "--rows",
            str(tmp_path / "r"),
        ]
        process = subprocess.Popen(
            [*LOCUST, *words, kind], env=environment(TMPDIR=str(tmp_path)), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
        assert len(target.received) > 1
    assert used.ru_maxrss < 250_000  # kB


def trickling(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX: ")
        while True:
            connection.sendall(b"y")
            time.sleep(0.05)


def test_an_answer_that_trickles_ends_with_its_time() -> None:
    with listen(trickling) as url:
        began = time.monotonic()
        with pytest.raises(requests.RequestException):
            get(url, 0.5)
        reply = send_attempt(url, raw(noise(100), patience_seconds=0.5))
        assert time.monotonic() - began < 60
    assert reply.broke == "timeout"


def test_nothing_of_the_users_goes_to_a_target(
    payload: Payload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("default login me password SECRET\n")
    (tmp_path / ".curlrc").write_text('header = "X-Mine: SECRET"\nlocation\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("CURL_HOME", str(tmp_path))
    answer = b'HTTP/1.1 201 C\r\nSet-Cookie: a=SECRET; Path=/\r\nContent-Length: 10\r\n\r\n{"id":"x"}'
    with keep(answer) as target, Processes() as processes:
        for method in METHODS:
            Client(processes).measure(target.url, method, payload, 60)
        with session() as connection:
            for _ in "12":
                connection.get(target.url, timeout=60)
            assert list(connection.cookies) == []
    heads = b"".join(request.partition(b"\r\n\r\n")[0] for request in target.received)
    assert b"SECRET" not in heads
    assert not re.search(rb"\r\n(Authorization|Cookie):", heads, re.IGNORECASE)


STRANGE = [
    b"[" * 500_000, b'{"id":' * 100_000, b'{"id": "x", "seconds": -1}', b'{"id": "x", "seconds": 1e400}',
    b'{"id": "x", "seconds": true, "size_bytes": "7"}', b'{"error": "\\ud800"}', b'{"id": "x", "seconds": NaN}',
]  # fmt: skip


@pytest.mark.parametrize("body", STRANGE)
@pytest.mark.parametrize("status", [201, 500])
def test_strange_json_is_an_upload_that_is_not_ok(
    client: Client, payload: Payload, body: bytes, status: int
) -> None:
    answers: dict[str, Any] = {"POST": (status, body), "GET": (200, {"size_bytes": 10**30, "digest": []})}
    with serve(**answers) as fake:
        outcome = client.measure(fake.url, "request.stream", payload, 60)
        assert send_attempt(f"{fake.url}/request-stream", raw(noise(100))).status == status
    assert outcome.status is (Status.WRONG if status == 201 else Status.REFUSED)
    assert outcome.server_seconds is None


@pytest.mark.slow
@pytest.mark.parametrize("body", [STRANGE[0], STRANGE[2], STRANGE[5]])
def test_no_strange_answer_ends_a_check_or_loses_a_row(tmp_path: Path, body: bytes) -> None:
    with serve(POST=(201, body), GET=(200, {"size_bytes": 10**30, "digest": "x"})) as fake:
        target = (
            "--runtime",
            "local",
            "--deployments",
            "raw-sink",
            "--target",
            f"bad={fake.url}",
            "--out",
            tmp_path,
        )
        done = lab("check", "--cases", "content-length", *target)
        assert (done.returncode, done.stderr.count("Traceback")) == (1, 0)
        assert "bad" in done.stdout
