"""gunicorn's input as the tuned rows have it: the bytes that gunicorn's own hands on, and no others."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from hypothesis import given, settings
from hypothesis import strategies as st
from upload_app.gunicorn_body import read_into_blocks

NEXT = b"GET /next HTTP/1.1\r\nHost: lab\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
EXAMPLES = settings(max_examples=20, deadline=None)
SIZES = st.one_of(st.integers(1, 100), st.integers(60_000, 140_000))


@contextmanager
def requests_of(sent: bytes, pieces: int = 1) -> Iterator[Any]:
    """Yield gunicorn's parser of a connection on which a client sends this, in pieces, and closes."""
    client, server = socket.socketpair()

    def send() -> None:
        step = len(sent) // pieces + 1
        with client, suppress(BrokenPipeError):  # what is left when a test has seen enough
            for at in range(0, len(sent), step):
                client.sendall(sent[at : at + step])

    sender = threading.Thread(target=send)
    with server:
        sender.start()
        yield RequestParser(Config(), server, ("127.0.0.1", 1))
    sender.join()


def put(body: bytes, length: int | None = None) -> bytes:
    """Return a PUT with this body."""
    size = len(body) if length is None else length
    return b"PUT /up HTTP/1.1\r\nHost: lab\r\nContent-Length: %d\r\n\r\n" % size + body


def hooked(parser: Any) -> Any:
    """Return the body of the connection's next request, as an app gets it."""
    request = next(parser)
    read_into_blocks(None, request)
    return request.body


@EXAMPLES
@given(st.binary(max_size=300), st.integers(1, 600), SIZES, st.integers(1, 5))
def test_a_body_is_what_was_sent_and_the_next_request_stays(
    seed: bytes, times: int, size: int, pieces: int
) -> None:
    sent = seed * times
    with requests_of(put(sent) + NEXT, pieces) as parser:
        body = hooked(parser)
        assert b"".join(iter(lambda: body.read(size), b"")) == sent
        assert body.read(size) == b""
        assert next(parser).path == "/next"


@EXAMPLES
@given(st.binary(max_size=300), st.integers(1, 600), SIZES)
def test_blocks_are_filled_and_lines_are_lines(seed: bytes, times: int, size: int) -> None:
    sent, filled, block = seed * times, b"", bytearray(size)
    with requests_of(put(sent)) as parser:
        body = hooked(parser)
        while count := body.readinto(block):
            filled += block[:count]
            assert count == size or filled == sent
        assert filled == sent
    with requests_of(put(sent)) as parser:
        assert list(hooked(parser)) == list(io.BytesIO(sent))


@pytest.mark.parametrize("taken", [0, 1, 100, 200_000])
def test_gunicorn_drops_what_the_app_leaves(taken: int) -> None:
    with requests_of(put(b"x" * 200_001) + NEXT) as parser:
        assert len(hooked(parser).read(taken)) == taken
        assert next(parser).path == "/next"


def test_a_body_that_ends_early_ends() -> None:
    with requests_of(put(b"x" * 70_000, length=90_000)) as parser:
        body = hooked(parser)
        assert [len(body.read(50_000)), len(body.read(50_000)), len(body.read(50_000))] == [50_000, 20_000, 0]


def test_a_client_that_is_silent_ends_the_read() -> None:
    client, server = socket.socketpair()
    with client, server:
        client.sendall(put(b"x", length=2))
        server.settimeout(0.01)
        parser = RequestParser(Config(), server, ("127.0.0.1", 1))
        with pytest.raises(TimeoutError):
            hooked(parser).read(2)
        assert not parser.finish_body()  # the connection is closed, and nobody waits for the rest


def test_a_chunked_body_stays_with_gunicorn() -> None:
    head = put(b"").replace(b"Content-Length: 0", CHUNKED)
    with requests_of(head + b"3\r\nabc\r\n0\r\n\r\n" + NEXT) as parser:
        request = next(parser)
        before = request.body
        read_into_blocks(None, request)
        assert request.body is before
        assert before.read() == b"abc"
        assert next(parser).path == "/next"


def test_a_request_of_another_kind_is_left_alone() -> None:
    request = SimpleNamespace(body=None)  # of HTTP/2
    read_into_blocks(None, request)
    assert request.body is None
