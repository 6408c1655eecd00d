"""The command doctor at servers of other people: what it sends, finds, stops at, and leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .helpers import environment, lab, wait_until
from .upload_apps import UploadApp, self_signed, upload_app

FAST = ("--rungs", "0.3", "--budget", "12MB")


def doctor(folder: Path, url: str, *words: str, code: int | None = None) -> dict[str, Any]:
    """What the doctor saw and said; ``output`` is what it printed."""
    file = folder / "seen.json"
    done = lab("doctor", url, *FAST, "--json", file, *words)
    said = json.loads(file.read_text()) if file.exists() else {}
    assert "Traceback" not in done.stderr
    assert code in (None, done.returncode), done.stdout + done.stderr
    return {**said, "output": done.stdout + done.stderr, "code": done.returncode}


def causes(said: dict[str, Any]) -> list[str]:
    return [found["cause"] for found in said["diagnosis"]["findings"]]


def of(said: dict[str, Any], question: str) -> list[dict[str, Any]]:
    return [found for found in said["examination"]["exchanges"] if found["question"] == question]


@contextmanager
def answering(answers: list[tuple[int, dict[str, str]]]) -> Iterator[tuple[str, list[str]]]:
    """A server that answers these one after the other, the last for ever; and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            status, headers = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in {"Content-Length": "0", "Connection": "close", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = True

        do_GET = do_PUT = do_POST = answer  # noqa: N815  the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/up", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], UploadApp]:
    """A healthy server, and what the doctor says of it."""
    folder = tmp_path_factory.mktemp("doctor")
    with upload_app(folder / "store") as app:
        return doctor(folder, f"{app.url}/up"), app


def test_it_says_what_it_sends_before_and_what_it_left(seen: tuple[dict[str, Any], UploadApp]) -> None:
    said, app = seen
    assert "requests" in said["output"]
    assert "12" in said["output"]
    assert set(said["diagnosis"]["left"]) >= {path.name for path in app.files if "upload-lab-" in path.name}
    assert len(said["diagnosis"]["left"]) > 5


def test_each_request_names_the_doctor(seen: tuple[dict[str, Any], UploadApp]) -> None:
    _, app = seen
    assert {head.get("User-Agent", "").partition("/")[0] for head in app.heads} == {"upload-lab-doctor"}


def test_the_budget_holds(seen: tuple[dict[str, Any], UploadApp]) -> None:
    said, app = seen
    assert app.received_bytes <= 12_000_000
    assert sum(found.get("sent_bytes", 0) for found in said["examination"]["exchanges"]) <= 12_000_000
    assert "sent" in said["examination"]["skipped"]


def test_uploads_that_can_be_read_back_are_proven_and_removed(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        said = doctor(tmp_path, f"{app.url}/up", "--stored-url", "{location}", "--clean-up")
        assert {found["stored"] for found in of(said, "first")} == {"whole"}
        assert said["diagnosis"].get("left", []) == []
        assert [path.name for path in app.files if "upload-lab-" in path.name] == []


def test_lost_bytes_are_a_loss(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", loses=True) as app:
        said = doctor(tmp_path, f"{app.url}/up", "--stored-url", "{location}", code=1)
    assert said["diagnosis"]["findings"][0]["weight"] == "loss"


def test_a_login_that_is_missing_is_named_and_given_is_not_shown(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", needs=("X-Key", "sesame-open-1")) as app:
        said = doctor(tmp_path, f"{app.url}/up", code=1)
        assert causes(said)[0] == "app.login"
        given = doctor(tmp_path, f"{app.url}/up", "--header", "X-Key: sesame-open-1")
        assert "app.login" not in causes(given)
        assert "sesame" not in json.dumps(given)


def test_the_first_429_ends_it(tmp_path: Path) -> None:
    with answering([(201, {}), (201, {}), (429, {})]) as (url, asked):
        said = doctor(tmp_path, url, code=1)
    assert len(asked) == 3
    assert said["examination"]["stop"] == "rate limited"
    assert "429" in said["output"]


def test_no_redirect_is_followed(tmp_path: Path) -> None:
    with answering([(201, {})]) as (elsewhere, asked):
        answers: list[tuple[int, dict[str, str]]] = [(302, {"Location": elsewhere})]
        with answering(answers) as (url, _):
            said = doctor(tmp_path, url, code=1)
    assert asked == []
    assert causes(said)[0].endswith("redirect") or causes(said)[0] == "app.redirect"


@pytest.mark.parametrize(
    ("status", "cause"), [(405, "app.method"), (415, "app.content-type"), (404, "app.route")]
)
def test_an_endpoint_that_takes_no_such_upload(tmp_path: Path, status: int, cause: str) -> None:
    with answering([(status, {})]) as (url, _):
        assert causes(doctor(tmp_path, url, code=1))[0] == cause


def test_another_host_is_asked_only_with_yes(tmp_path: Path) -> None:
    said = doctor(tmp_path, "http://192.0.2.1/up", code=2)
    assert "--yes" in said["output"]
    assert "192.0.2.1" in said["output"]
    assert "examination" not in said


@pytest.mark.parametrize(
    "words", [(), ("ftp://127.0.0.1/x",), ("http://",), ("--probe", "/x", "http://127.0.0.1/")]
)
def test_wrong_words_end_with_what_to_type(words: tuple[str, ...]) -> None:
    done = lab("doctor", *words)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_closed_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = doctor(tmp_path, f"http://127.0.0.1:{port}/up", code=1)
    assert "Connection refused" in said["output"]


def test_a_certificate_is_named_unless_it_is_not_to_be_checked(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", self_signed(tmp_path)) as app:
        said = doctor(tmp_path, f"{app.url}/up", code=1)
        assert causes(said) == ["tls.certificate"]
        assert "--insecure" in said["output"]
        assert app.heads == []
        trusting = doctor(tmp_path, f"{app.url}/up", "--insecure")
        assert "tls.certificate" not in causes(trusting)
        assert trusting["examination"]["wire"]["tls"].startswith("TLS")


def test_ctrl_c_leaves_what_was_found(tmp_path: Path) -> None:
    file = tmp_path / "seen.json"
    with upload_app(tmp_path / "store") as app:
        words = ["doctor", f"{app.url}/up", "--rungs", "60", "--json", str(file)]
        command = [sys.executable, "-m", "uploadlab", *words]
        process = subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        wait_until(lambda: any("Expect" in head for head in app.heads))
        os.kill(process.pid, signal.SIGINT)
        output = process.communicate()[0].decode()
    assert process.returncode == 128 + signal.SIGINT, output
    assert "Traceback" not in output
    assert json.loads(file.read_text())["examination"]["stop"] == "interrupted"
