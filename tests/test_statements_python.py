"""What the pages say of requests, urllib3, Werkzeug and gunicorn, at those that are installed here."""

import io
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from gunicorn.config import Config
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.wsgi import LimitedStream

from .listening import listen
from .serving import SILENCE_SECONDS, answered, connected, put, serving

REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"


@contextmanager
def refusing(arrived: threading.Event) -> Iterator[str]:
    """The URL of a server that answers a request's first bytes, and resets when the event is set."""

    def refuse(connection: socket.socket) -> None:
        with connection:
            connection.recv(1 << 10)
            connection.sendall(REFUSAL)
            arrived.wait(SILENCE_SECONDS)

    with listen(refuse) as url:
        yield url


def test_requests_reads_an_answer_that_arrived_before_the_reset() -> None:
    arrived = threading.Event()

    def body() -> Iterator[bytes]:
        yield b"x" * (1 << 16)
        arrived.set()
        for _ in range(1000):  # more than the buffers of both ends hold, so that the reset is met
            yield b"x" * (1 << 16)

    with refusing(arrived) as url:
        answer = requests.put(url, data=body(), timeout=SILENCE_SECONDS)
    assert (answer.status_code, answer.text) == (413, "no")


def test_an_answer_that_did_not_arrive_is_lost() -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1 << 10)
        connection.close()  # on unread bytes

    with listen(reset) as url, pytest.raises(requests.ConnectionError):
        requests.put(url, data=b"x" * (64 << 20), timeout=SILENCE_SECONDS)


def test_an_adapter_can_ask_for_a_block_size_since_urllib3_2() -> None:
    assert version("urllib3") >= "2"
    pool = urllib3.PoolManager(blocksize=1 << 20).connection_from_url("http://127.0.0.1:1")
    assert pool.conn_kw["blocksize"] == 1 << 20
    assert urllib3.PoolManager().connection_from_url("http://127.0.0.1:1").conn_kw["blocksize"] == 16 << 10


APP = """
from flask import Flask

app = Flask(__name__)

@app.put("/")
def refuse():
    return "no", 413
"""
FLASK = ["python", "-m", "flask", "--app", "app", "run", "--port", "{port}"]
MORE = 20_000_000
"""Bytes; over what the buffers of both ends hold, and over what Flask's server reads at a time."""


def test_flasks_server_reads_on_after_a_refusal_while_bytes_keep_coming(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with serving(tmp_path, FLASK) as port:
        with connected(port) as silent:
            silent.sendall(put("/", f"Content-Length: {MORE}"))
            answer = b""
            while block := silent.recv(1 << 16):  # to the end: the server does not wait for the body
                answer += block
        assert answer.startswith(b"HTTP/1.1 413 ")
        with connected(port) as sending:
            sending.sendall(put("/", f"Content-Length: {MORE}") + b"x" * MORE)
            assert sending.recv(12) == b"HTTP/1.1 413"


COUNTING = """
from flask import Flask, request
app = Flask(__name__)

@app.put("/")
def count():
    return f"{len(request.get_data())} bytes", 201
"""
GUNICORN = ["gunicorn", "--bind", "127.0.0.1:{port}", "--no-control-socket", "app:app"]
CODED = b"a\r\n0123456789\r\n0\r\n\r\n"


def test_what_flasks_server_and_gunicorn_make_of_other_lengths(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(COUNTING)
    empty = ["Content-Length: +10", "Content-Length:", "Content-Length : 10", "Transfer-Encoding: gzip"]
    two = "Content-Length: 10\r\nContent-Length: 3"
    coded = put("/", "Transfer-Encoding: gzip, chunked") + CODED
    with serving(tmp_path, FLASK) as port:
        for line in empty:
            assert answered(port, put("/", line) + b"0123456789").endswith(b"\r\n\r\n0 bytes"), line
        assert answered(port, put("/", two) + b"0123456789").endswith(b"\r\n\r\n3 bytes")
        assert answered(port, coded).endswith(b"\r\n\r\n10 bytes")
    with serving(tmp_path, GUNICORN) as port:
        for line in (*empty, two):
            assert answered(port, put("/", line) + b"0123456789").startswith(b"HTTP/1.1 400 "), line
        assert answered(port, coded).endswith(b"\r\n\r\n10 bytes")


def test_a_client_without_a_byte_holds_no_thread_of_gunicorn_for_long(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(COUNTING)
    with serving(tmp_path, [*GUNICORN, "--threads", "2"]) as port:
        silent = [connected(port) for _ in range(2)]
        assert answered(port, put("/", "Content-Length: 0")).endswith(b"\r\n\r\n0 bytes")
        for client in silent:
            client.close()


def test_curl_sends_the_rest_only_where_it_is_told_the_offset(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    for offset, sent in (("-", b"0123456789"), ("4", b"456789")):
        got: list[bytes] = []

        def take(connection: socket.socket, got: list[bytes] = got, sent: bytes = sent) -> None:
            with connection:
                while not b"".join(got).endswith(b"\r\n\r\n" + sent):
                    got.append(connection.recv(1 << 16))
                connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        with listen(take) as url:
            command = ["curl", "-sS", "-H", "Expect:", "-C", offset, "-T", "file", url]
            subprocess.run(command, cwd=tmp_path, check=True, timeout=SILENCE_SECONDS)
        assert b"Content-Range: bytes %d-9/10\r\n" % (10 - len(sent)) in b"".join(got)


def test_lines_of_a_limited_stream_are_read_byte_by_byte() -> None:
    assert "readline" not in vars(LimitedStream)
    asked: list[int] = []

    class Counting(io.BytesIO):
        def readinto(self, buffer: Any, /) -> int:
            asked.append(len(buffer))
            return super().readinto(buffer)

    assert LimitedStream(Counting(b"abc\n"), 4).readline() == b"abc\n"
    assert asked == [1, 1, 1, 1]


def fields(kind: str, body: bytes) -> int:
    """How many bytes the fields of a form have; raises RequestEntityTooLarge."""
    parser = FormDataParser(max_form_memory_size=500_000, max_form_parts=1000)
    _, form, _ = parser.parse(io.BytesIO(body), kind, len(body), {"boundary": "x"})
    return sum(len(value) for value in form.values())


def test_half_a_megabyte_holds_for_each_field_of_a_multipart_form() -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="%d"\r\n\r\n'
    parts = [head % number + b"y" * 400_000 + b"\r\n" for number in range(2)]
    assert fields("multipart/form-data", b"".join(parts) + b"--x--\r\n") == 800_000
    with pytest.raises(RequestEntityTooLarge):
        fields("multipart/form-data", head % 0 + b"y" * 500_001 + b"\r\n--x--\r\n")


@pytest.mark.skipif(version("werkzeug") < "3.1.9", reason="3.1.0 to 3.1.8 bound it as a whole")
def test_an_urlencoded_body_may_be_larger() -> None:
    assert fields("application/x-www-form-urlencoded", b"a=" + b"y" * 500_001) == 500_001


def test_gunicorns_control_socket_has_one_name_for_all_of_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Config().settings
    assert settings["control_socket_disable"].default is False
    assert Path(settings["control_socket"].default).name == "gunicorn.ctl"
    assert Path(settings["control_socket"].default).is_absolute()
