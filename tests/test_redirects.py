"""Where a hostile target leads the client: nowhere. Redirects, places, ids and names of profiles."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from uploadlab.catalogue.attempts import noise, raw
from uploadlab.catalogue.payloads import Payload
from uploadlab.checking.wire import send_attempt
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Status
from uploadlab.model.targets import StatusRange, TargetSpec
from uploadlab.paths import ROOT
from uploadlab.processes.groups import Processes
from uploadlab.sending.client import Client
from uploadlab.sending.connections import get
from uploadlab.sending.server_usage import read, reset
from uploadlab.sending.verification import remove_upload

from .fake_server import FakeServer, serve
from .helpers import environment
from .locust_runs import for_long_enough
from .raw_server import keep

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
        with pytest.raises(requests.HTTPError, match=r"answered 302.* points to http.*not followed"):
            get(f"{target.url}/uploads/x", 60)
        remove_upload(f"{target.url}/uploads/x")
        assert (reset(target.url), read(target.url)) == (None, None)
        assert "answered 302" in client.wait_healthy(Target("mine", target.url), 0.1, str)[1]
        foreign = Target("theirs", target.url, spec=TargetSpec(expect_status=[StatusRange(303, 303)]))
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
    assert "answered 307 Temporary Redirect, which points to" in done.stderr
    assert elsewhere.requests == []


def by_locust(url: str, folder: Path, kind: str) -> subprocess.CompletedProcess[str]:
    words = ["--host", url, "--size", "1KiB", "--rows", str(folder / "r"), kind]
    return for_long_enough(words, 2, environment(TMPDIR=str(folder)), lambda done: "answered" in done.stderr)


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
