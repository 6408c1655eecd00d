"""What the pages say of uWSGI, at the one that is installed here: chunks, router, clocks, messages."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from .helpers import need, wait_until
from .serving import answered, connected, put, read_all, serving

pytestmark = pytest.mark.slow

APP = """
import uwsgi
from flask import Flask, request

app = Flask(__name__)

@app.put("/flask")
def read_by_flask():
    return f"{len(request.get_data())} bytes", 201

@app.put("/chunks")
def read_by_chunks():
    size_bytes = 0
    try:
        while chunk := uwsgi.chunked_read():
            size_bytes += len(chunk)
    except OSError as error:
        return f"{error}", 400
    return f"{size_bytes} bytes", 201

@app.put("/input")
def read_by_input():
    try:
        return f"{len(request.environ['wsgi.input'].read())} bytes", 201
    except OSError as error:
        return f"{error}", 500
"""
CHUNKED = "Transfer-Encoding: chunked"
WHOLE = b"a\r\n0123456789\r\n0\r\n\r\n"


def uwsgi(*options: str) -> list[str]:
    return ["uwsgi", *options, "--module", "app:app", "--master", "--need-app"]


@pytest.fixture(autouse=True)
def app(tmp_path: Path) -> None:
    need("uwsgi")
    (tmp_path / "app.py").write_text(APP)


@pytest.fixture
def http_socket(tmp_path: Path) -> Iterator[int]:
    with serving(tmp_path, uwsgi("--http-socket", "127.0.0.1:{port}")) as port:
        yield port


def test_the_router_drops_chunked_bodies_and_passes_them_on_by_an_option(tmp_path: Path) -> None:
    router = ("--http", "127.0.0.1:{port}")
    with serving(tmp_path, uwsgi(*router)) as port:
        assert_ends(answered(port, put("/flask", CHUNKED) + WHOLE), 201, "0 bytes")
        assert_ends(answered(port, put("/chunks", CHUNKED) + WHOLE), 400, "unable to receive chunked part")
    with serving(tmp_path, uwsgi(*router, "--http-chunked-input")) as port:
        assert_ends(answered(port, put("/chunks", CHUNKED) + WHOLE), 201, "10 bytes")


def assert_ends(answer: bytes, status: int, text: str) -> None:
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.endswith(f"\r\n\r\n{text}".encode())


def test_the_router_answers_expect_by_an_option_and_the_http_socket_never(
    tmp_path: Path, http_socket: int
) -> None:
    head = put("/flask", "Content-Length: 3", "Expect: 100-continue")
    assert b"100 Continue" not in answered(http_socket, head + b"abc")
    with (
        serving(tmp_path, uwsgi("--http", "127.0.0.1:{port}", "--http-manage-expect")) as port,
        connected(port) as connection,
    ):
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n")


SIZES = {
    "0x3": (201, "3 bytes"),
    "3g": (201, "3 bytes"),  # strtoul ends at the g
    "xyz": (201, "0 bytes"),
    "g": (201, "0 bytes"),
    "3;name=value": (400, "unable to receive chunked part"),
    "+3": (400, "unable to receive chunked part"),
}
"""What is written for the size of a chunk of three bytes, and what the app gets."""


def test_a_chunks_size_is_read_as_strtoul_reads_it(http_socket: int) -> None:
    for size, (status, text) in SIZES.items():
        body = f"{size}\r\nabc\r\n0\r\n\r\n".encode()
        assert_ends(answered(http_socket, put("/chunks", CHUNKED) + body), status, text)
    torn = b"3\r\nabc\r\nxyz\r\nabc\r\n0\r\n\r\n"
    assert_ends(answered(http_socket, put("/chunks", CHUNKED) + torn), 201, "3 bytes")


def test_64_variables_hold_some_115_headers_and_more_have_no_answer(tmp_path: Path) -> None:
    room = ("--http-socket", "127.0.0.1:{port}", "--buffer-size", "65535")
    few, many = ([f"X-{number}: 1" for number in range(count)] for count in (100, 130))
    with serving(tmp_path, uwsgi(*room)) as port:
        assert_ends(answered(port, put("/flask", "Content-Length: 0", *few)), 201, "0 bytes")
        assert answered(port, put("/flask", "Content-Length: 0", *many)) == b""
    assert "max vec size reached" in (tmp_path / "log").read_text()
    with serving(tmp_path, uwsgi(*room, "--max-vars", "1000")) as port:
        assert_ends(answered(port, put("/flask", "Content-Length: 0", *many)), 201, "0 bytes")


LENGTHS = ["Content-Length: +10", "Content-Length:", "Content-Length : 10", "Transfer-Encoding: gzip"]


def test_a_length_that_is_none_leaves_an_empty_body(http_socket: int) -> None:
    for line in (*LENGTHS, "Content-Length: 10\r\nContent-Length: 10", "Transfer-Encoding: gzip, chunked"):
        assert_ends(answered(http_socket, put("/flask", line) + b"0123456789"), 201, "0 bytes")
    assert_ends(answered(http_socket, put("/flask", "Content_Length: 10") + b"0123456789"), 201, "10 bytes")


def test_a_stall_has_the_messages_that_are_quoted(tmp_path: Path) -> None:
    stalling = uwsgi("--http-socket", "127.0.0.1:{port}", "--socket-timeout", "1")
    with serving(tmp_path, stalling) as port:
        said = answered(port, put("/input", "Content-Length: 10") + b"abc")
    assert_ends(said, 500, "timeout during read(0) on wsgi.input")
    log = (tmp_path / "log").read_text()
    assert "[uwsgi-body-read] Timeout reading" in log
    assert "uwsgi_proto: timeout" not in said.decode() + log


def test_harakiri_counts_while_the_app_reads_and_not_before_or_while_uwsgi_does(tmp_path: Path) -> None:
    clock = ("--http-socket", "127.0.0.1:{port}", "--harakiri", "3")
    plain, buffering = (tmp_path / name for name in ("plain", "buffering"))
    for folder in (plain, buffering):
        folder.mkdir()
        (folder / "app.py").write_text(APP)
    with (
        serving(plain, [*uwsgi(*clock), "--processes", "2"]) as port,
        serving(buffering, uwsgi(*clock, "--post-buffering", "4096")) as buffered,
        ThreadPoolExecutor(3) as clients,
    ):
        slow_body = clients.submit(trickled, port, put("/input", "Content-Length: 7"), b"0123456")
        slow_head = clients.submit(trickled, port, put("/input", "Content-Length: 0")[:-2], b"A:b\r\n\r\n")
        slow_buffered = clients.submit(trickled, buffered, put("/input", "Content-Length: 7"), b"0123456")
        assert slow_body.result() == b""
        assert_ends(slow_head.result(), 201, "0 bytes")
        assert_ends(slow_buffered.result(), 201, "7 bytes")
    wait_until(lambda: "HARAKIRI" in (plain / "log").read_text())
    assert "HARAKIRI" not in (buffering / "log").read_text()


def trickled(port: int, at_once: bytes, slowly: bytes) -> bytes:
    """The answer to a request whose last bytes are sent one a second; empty for none."""
    with connected(port) as connection:
        connection.sendall(at_once)
        with suppress(ConnectionError):
            for at in range(len(slowly)):
                time.sleep(1)
                connection.sendall(slowly[at : at + 1])
        return read_all(connection)
