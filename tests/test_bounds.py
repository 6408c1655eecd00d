"""What a client, or the next deployment, could make grow without end: profiles, samples, answers, waits."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from upload_app import profiling
from uploadlab.units import MIB

from .listening import listen
from .test_app import CHUNKED, client, files, refused
from .test_form_kinds import KIND
from .test_relay import ROUTE, first
from .test_room import Watched


def test_only_some_profiles_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "MOST_PROFILES", 2, raising=False)
    app = client(tmp_path, PROFILING="1")
    answers = [app.put("/request-stream?profile=1", data=b"x").get_json() for _ in range(3)]
    assert ["profile" in answer for answer in answers] == [True, True, False]
    assert "not kept beside 2 others" in answers[-1]["profile_note"]
    assert len(list((tmp_path / "profiles").iterdir())) == 2
    assert app.delete(f"/uploads/{answers[0]['id']}").status_code == 204
    assert "profile" in app.put("/request-stream?profile=1", data=b"x").get_json()


class Slow(Watched):
    """A body that comes in many small pieces, each some work."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        end = time.perf_counter() + 0.003
        while time.perf_counter() < end:
            sum(range(100))
        return super().readinto(buffer[:1000])


def test_samples_end_with_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = client(tmp_path, PROFILING="1")
    sizes = []
    for most in (30_000, 3):
        monkeypatch.setattr(profiling, "MOST_SAMPLES", most, raising=False)
        body = Slow(b"", 300_000, tmp_path)
        environ = {"wsgi.input": body, "wsgi.input_terminated": True, **CHUNKED, "CONTENT_LENGTH": ""}
        answer = app.put("/request-stream?profile=samples", environ_overrides=environ).get_json()
        assert answer["size_bytes"] == 300_000
        sizes.append((tmp_path / "profiles" / answer["id"] / answer["profile"][0]).stat().st_size)
    assert sizes[1] < sizes[0] - 10_000


def endless(piece: bytes) -> Callable[[socket.socket], None]:
    """A next deployment that reads what comes first, and then answers without end."""

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(MIB)
            while True:
                connection.sendall(piece)
                time.sleep(0.05)

    return handle


@pytest.mark.parametrize("piece", [b"HTTP/1.1 100 Continue\r\n\r\n", b"x", b"HTTP/1.1 200 OK\r\nA: b"])
def test_a_next_that_answers_without_end_is_left_when_the_budget_is_spent(
    tmp_path: Path, piece: bytes
) -> None:
    with listen(endless(piece)) as url:
        answer = first(tmp_path, url).put(f"{ROUTE}?budget=2", data=b"abc")
    refused(answer, 408, "budget of 2 s", tmp_path)


@pytest.mark.parametrize("budget", ["604801", "1e300", "-inf"])
def test_a_budget_has_a_limit(tmp_path: Path, budget: str) -> None:
    app = client(tmp_path)
    refused(app.put(f"/request-stream?budget={budget}", data=b"x"), 400, repr(budget), tmp_path)
    assert app.put("/request-stream?budget=604800", data=b"x").status_code == 201


@pytest.mark.parametrize("option", ["reader", "fsync", "budget", "limit", "profile"])
def test_a_long_value_is_not_repeated(tmp_path: Path, option: str) -> None:
    answer = client(tmp_path, PROFILING="1").put(f"/request-stream?{option}={'x' * 5000}", data=b"x")
    refused(answer, 400, "x" * 40, tmp_path)
    assert len(answer.get_json()["error"]) < 200


@pytest.mark.parametrize("route", ["/request-files", "/request-files?spool=direct", "/multipart-push"])
def test_a_form_that_never_begins_is_refused(tmp_path: Path, route: str) -> None:
    body = Watched(b"no boundary", 1 << 34, tmp_path)
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, **CHUNKED, "CONTENT_LENGTH": ""}
    kind = {"CONTENT_TYPE": KIND["Content-Type"]}
    refused(client(tmp_path).post(route, environ_overrides={**environ, **kind}), 413, "boundary", tmp_path)
    assert body.read_bytes < 4 * MIB
    assert files(tmp_path) == []
