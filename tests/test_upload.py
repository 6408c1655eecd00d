import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from uploadlab.catalogue.methods import METHODS
from uploadlab.catalogue.payloads import Payload
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Status
from uploadlab.processes.groups import Processes
from uploadlab.sending.client import Client
from uploadlab.sending.connections import session
from uploadlab.units import MIB

from .fake_server import DROP, HANG, FakeServer, serve
from .helpers import environment


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Processes() as processes:
        yield Client(processes)


def stored(payload: Payload, **other: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"size_bytes": payload.size_bytes, "digest": payload.digest, **other}


def test_an_upload_is_sent_then_verified_then_removed(client: Client, payload: Payload) -> None:
    with serve(GET=stored(payload)) as fake:
        outcome = client.measure(fake.url, "request.stream", payload, 60)
    assert fake.requests == ["PUT /request-stream", "GET /uploads/x", "DELETE /uploads/x"]
    assert fake.bodies[0] == Path(payload.path).read_bytes()
    assert (outcome.status, outcome.stored_bytes, outcome.digest_ok) == (Status.OK, MIB, True)
    assert outcome.seconds is not None and outcome.seconds > 0
    assert outcome.server_seconds == 0.1
    assert outcome.client_peak_rss_bytes is None or outcome.client_peak_rss_bytes > 10 * MIB
    assert outcome.server_peak_rss_bytes is outcome.spooled_bytes is None


@pytest.mark.parametrize(("method", "blocks"), [("request.stream", 1), ("request.stream-16k", 64)])
def test_a_method_says_in_which_blocks_the_client_sends(method: str, blocks: int, payload: Payload) -> None:
    events: list[str] = []
    with serve() as fake, open(payload.path, "rb") as file:
        with session(events.append, METHODS[method].block_bytes) as one:
            one.put(fake.url, data=file, timeout=60)
        assert fake.bodies[0] == Path(payload.path).read_bytes()
    assert events.count("sent") == blocks + 1  # the head goes first


LIES: list[tuple[dict[str, Any], Status, str]] = [
    ({"GET": (200, {"size_bytes": 0, "digest": "00"})}, Status.WRONG, f"0 of {MIB} bytes"),
    ({"GET": (200, {"size_bytes": MIB, "digest": "00"})}, Status.WRONG, "other bytes"),
    ({"GET": (404, {})}, Status.WRONG, "not verified"),
    ({"GET": (200, {"size_bytes": "many"})}, Status.WRONG, "not verified"),
    ({"GET": (200, [])}, Status.WRONG, "not verified"),
    ({"GET": DROP}, Status.WRONG, "not verified"),
    ({"POST": (200, {})}, Status.WRONG, "without an upload id"),
    ({"POST": (200, b"hello")}, Status.WRONG, "without an upload id"),
    ({"POST": (507, {"error": "no space"})}, Status.REFUSED, "no space"),
    ({"POST": (502, b"<html>")}, Status.REFUSED, "Bad Gateway"),
    ({"POST": (302, {"id": "x"})}, Status.REFUSED, "Found"),
    ({"POST": DROP}, Status.FAILED, "closed connection"),
]


@pytest.mark.parametrize(("answers", "status", "error"), LIES)
def test_only_bytes_that_arrived_are_ok(
    client: Client, payload: Payload, answers: dict[str, Any], status: Status, error: str
) -> None:
    with serve(**answers) as fake:
        outcome = client.measure(fake.url, "request.stream", payload, 60)
    assert outcome.status is status
    assert error in str(outcome.error)


def test_what_arrived_is_ok_even_if_it_cannot_be_removed(client: Client, payload: Payload) -> None:
    with serve(GET=stored(payload), DELETE=DROP) as fake:
        assert client.measure(fake.url, "request.stream", payload, 60).status is Status.OK


def test_another_server_on_a_deployments_port_is_not_measured_in_its_place(client: Client) -> None:
    with serve() as fake:
        own, foreign = Target("flask", fake.url, "stock"), Target("mine", fake.url)
        assert "None answers there" in client.wait_healthy(own, 0.2, str)[1]
        assert client.wait_healthy(foreign, 60, str)[1] == ""
        assert client.wait_healthy(own, 60, lambda: "it has died") == ({}, "it has died")


def test_a_server_that_is_not_there_is_a_failed_upload(client: Client, payload: Payload) -> None:
    outcome = client.measure("http://127.0.0.1:9", "request.stream", payload, 60)
    assert outcome.status is Status.FAILED
    assert "refused" in str(outcome.error)


def test_an_upload_over_its_budget_is_a_timeout_and_the_next_one_works(
    client: Client, payload: Payload
) -> None:
    with serve(POST=HANG) as fake:
        began = time.monotonic()
        outcome = client.measure(fake.url, "request.stream", payload, 0.5)
        assert time.monotonic() - began >= 0.5
        assert (outcome.status, outcome.error, outcome.seconds) == (Status.TIMEOUT, "over 0.5 s", None)
    with serve(GET=stored(payload)) as fake:
        assert client.measure(fake.url, "request.stream", payload, 60).status is Status.OK


def test_a_client_that_is_killed_is_a_failed_upload(client: Client, payload: Payload) -> None:
    with serve(POST=HANG) as fake:
        threading.Thread(target=kill_worker, args=(fake,)).start()
        outcome = client.measure(fake.url, "request.stream", payload, 120)
    assert outcome.status is Status.FAILED
    assert "SIGKILL" in str(outcome.error)


def kill_worker(fake: FakeServer) -> None:
    while not fake.requests:
        time.sleep(0.05)
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it may have ended meanwhile
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            # This test's own: another run may be at work beside it.
            if parent == os.getpid() and b"uploadlab.sending.process" in (folder / "cmdline").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_describes_itself(name: str) -> None:
    assert METHODS[name].description.endswith(".")


def test_a_proxy_of_the_environment_is_not_used(payload: Payload, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    with Processes() as processes, serve(GET=stored(payload)) as fake:
        assert Client(processes).measure(fake.url, "request.stream", payload, 60).status is Status.OK
