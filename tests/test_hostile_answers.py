"""What a hostile target's answers do to the client: they take no memory, no time and no secret."""

import gzip
import re
import socket
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from uploadlab.catalogue.attempts import noise, raw
from uploadlab.catalogue.payloads import Payload
from uploadlab.checking.wire import send_attempt
from uploadlab.model.measurements import Outcome, Status
from uploadlab.processes.groups import Processes
from uploadlab.sending import verification
from uploadlab.sending.client import Client
from uploadlab.sending.connections import get, session
from uploadlab.sending.upload import Uploaded

from .fake_server import serve
from .helpers import environment, lab
from .listening import listen
from .locust_runs import for_long_enough
from .raw_server import keep

MIB = 1 << 20


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Processes() as processes:
        yield Client(processes)


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
    press = zlib.compressobj(9, wbits=31)  # gzip's format
    bomb = b"".join(press.compress(bytes(MIB)) for _ in range(300)) + press.flush()
    return (
        f"HTTP/1.1 {status}\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode() + bomb
    )


@pytest.mark.parametrize("status", ["200 OK", "302 Found\r\nLocation: http://127.0.0.1:9/"])
def test_no_answer_is_decompressed(status: str) -> None:
    with keep(compressed(status)) as target, session() as connection:
        # An answer that is kept would keep its connection open.
        assert len(connection.get(target.url, timeout=60).content) < MIB
    assert b"\r\nAccept-Encoding: identity\r\n" in target.received[0]


PEAK = """
import os, subprocess, sys
started = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(os.wait4(started.pid, 0)[2].ru_maxrss)
"""
"""Prints a command's peak of memory, in kB; a peak is inherited, so that of this process must be small."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["FullSpeed", "WithRequests"])
def test_no_user_of_locust_decompresses(tmp_path: Path, kind: str) -> None:
    with keep(compressed("201 Created")) as target:
        words = ["--host", target.url, "--size", "1KiB", "--rows", str(tmp_path / "r"), kind]
        done = for_long_enough(
            words, 3, environment(TMPDIR=str(tmp_path)), lambda done: len(target.received) > 1,
            [sys.executable, "-c", PEAK],
        )  # fmt: skip
        assert len(target.received) > 1
    assert int(done.stdout) < 250_000


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
        for method in ("request.stream", "request.stream-curl", "multipart-push"):
            Client(processes).measure(target.url, method, payload, 60)
        with session() as connection:
            for _ in "12":
                connection.get(target.url, timeout=60)
            assert list(connection.cookies) == []
    heads = b"".join(request.partition(b"\r\n\r\n")[0] for request in target.received)
    assert b"SECRET" not in heads
    assert not re.search(rb"\r\n(Authorization|Cookie):", heads, re.IGNORECASE)


STRANGE = [
    b"[" * 500_000, b'{"id":' * 100_000, b'{"error": "\\ud800"}',
    b'{"id": "x", "seconds": -1}', b'{"id": "x", "seconds": 1e400}', b'{"id": "x", "seconds": NaN}',
    b'{"id": "x", "seconds": true, "size_bytes": "7"}',
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


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc", "ValueError"),
        (b"HTTP/1.1 400 B\r\nContent-Length: 1050000\r\n\r\n" + b"<title>" * 150_000, "<tit"),
        (b"HTTP/1.1 400 B\r\n\r\n<p><title>a\nb</title>" + b"<title>" * 140_000, "a b"),
    ],
)
def test_a_check_survives_lengths_and_titles_without_an_end(answer: bytes, said: str) -> None:
    with keep(answer) as target:
        reply = send_attempt(f"{target.url}/request-stream", raw(noise(100)))
    assert said in reply.problem + reply.reason


def test_a_profile_has_a_limit_for_all_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "PROFILE_BYTES", 4 * 1024)
    names = [f"{number}.pstats" for number in range(4)]
    uploaded = Uploaded(Outcome(status=Status.OK), {"profile": names}, "/uploads/x")
    for size_bytes, count in ((100, 8), (1500, 0)):
        with serve(GET=(200, b"x" * size_bytes)) as fake:
            files, why = verification.fetch_profile(fake.url, uploaded)
        assert (len(files), "longer than" in why) == (count, not count)


@pytest.mark.slow
@pytest.mark.parametrize("body", STRANGE[:4])
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
