"""The doctor's requests: what is sent when, and what is seen of the answer."""

import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from uploadlab.catalogue.attempts import form, noise, raw
from uploadlab.doctoring.wire import Asked, SentRequest, ask
from uploadlab.model.exchanges import Ending, Framing

from .listening import listen
from .raw_server import keep

OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nServer: test\r\n\r\nok"
REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
RESET = struct.pack("ii", 1, 0)


def asked(size: int = 1000, **manners: object) -> Asked:
    return Asked("test", raw(noise(size), verb="POST"), **manners)  # type: ignore[arg-type]


def sent_to(handle: Callable[[socket.socket], None], request: Asked) -> SentRequest:
    with listen(handle) as url:
        return ask(urlsplit(f"{url}/upload"), request)


def head(connection: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(1 << 16)
    return got


def test_a_whole_upload_is_sent_and_its_answer_is_read() -> None:
    with keep(OK) as server:
        found = ask(urlsplit(f"{server.url}/upload?x=1"), asked(100_000)).exchange
    assert (found.ending, found.status, found.content) == (Ending.ANSWERED, 201, "ok")
    assert (found.sent_bytes, found.body_bytes, found.framing) == (100_000, 100_000, Framing.LENGTH)
    assert found.header("Server") == "test"
    assert found.sent_seconds is not None and found.seconds is not None
    assert found.connect_seconds is not None and not found.is_early
    assert server.received[0].startswith(b"POST /upload?x=1 HTTP/1.1\r\n")
    assert server.received[0].endswith(b"".join(bytes(block) for block in noise(100_000).blocks()))


def test_chunks_and_forms_are_whole() -> None:
    with keep(OK) as server:
        address = urlsplit(server.url)
        chunked = ask(address, Asked("test", raw(noise(70_000), chunked=True), block_bytes=10_000)).exchange
        ask(address, Asked("test", form(noise(70_000))))
    assert chunked.framing is Framing.CHUNKED
    assert chunked.sent_bytes == 70_000
    assert server.received[0].endswith(b"0\r\n\r\n")
    assert server.received[0].count(b"\r\n2710\r\n") == 7
    assert server.received[1].rstrip().endswith(b"--")


def test_an_announced_body_is_not_sent() -> None:
    def refuse(connection: socket.socket) -> None:
        with connection:
            assert b"Expect: 100-continue" in head(connection)
            connection.sendall(REFUSAL)

    request = Asked("test", raw(noise(1 << 40), expect=True), stops_at=0)
    found = sent_to(refuse, request).exchange
    assert (found.status, found.sent_bytes, found.body_bytes, found.is_early) == (413, 0, 1 << 40, True)


def test_a_client_that_is_asked_to_go_on_leaves_after_what_it_wanted_to_see() -> None:
    def go_on(connection: socket.socket) -> None:
        with connection:
            head(connection)
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert connection.recv(1) == b""

    request = Asked("test", raw(noise(1 << 40), expect=True), stops_at=0, patience_seconds=60)
    found = sent_to(go_on, request).exchange
    assert found.ending is Ending.LEFT
    assert found.continue_seconds is not None and found.status is None


def test_an_answer_in_a_pause_ends_the_upload() -> None:
    def refuse(connection: socket.socket) -> None:
        with connection:
            got = head(connection).partition(b"\r\n\r\n")[2]
            while len(got) < 300:
                got += connection.recv(1 << 16)
            connection.sendall(REFUSAL)
            assert connection.recv(1 << 16) == b""

    found = sent_to(refuse, asked(1000, pause_at=300, pause_seconds=60.0)).exchange
    assert (found.status, found.sent_bytes, found.is_early) == (413, 300, True)
    ((begun, end),) = found.paused
    assert 0 <= begun <= end < 60


def test_a_pause_is_noted_and_the_rest_is_sent() -> None:
    with keep(OK) as server:
        found = ask(urlsplit(server.url), asked(1000, pause_at=300, pause_seconds=0.2)).exchange
    ((begun, end),) = found.paused
    assert end - begun >= 0.2
    assert found.status == 201 and found.sent_bytes == 1000
    assert found.sent_seconds is not None and found.sent_seconds >= end


def test_a_body_is_spread_over_its_time() -> None:
    with keep(OK) as server:
        found = ask(urlsplit(server.url), asked(1000, spread_seconds=0.6)).exchange
    assert found.sent_seconds is not None and found.sent_seconds >= 0.5
    assert found.status == 201


@pytest.mark.parametrize("blind", [False, True])
def test_a_refusal_that_is_followed_by_a_reset_is_seen_only_by_who_looks(blind: bool) -> None:
    def refuse(connection: socket.socket) -> None:
        with connection:
            head(connection)
            connection.sendall(REFUSAL)
            time.sleep(0.3)  # the answer is there before the reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    found = sent_to(refuse, asked(64 << 20, blind=blind)).exchange
    assert found.sent_bytes < 64 << 20
    if not blind:
        assert (found.ending, found.status) == (Ending.ANSWERED, 413)
    assert found.ending in (Ending.ANSWERED, Ending.RESET)


@pytest.mark.parametrize(
    ("does", "ending"),
    [
        (lambda connection: connection.close(), Ending.CLOSED),
        (
            lambda connection: (
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET),
                connection.close(),
            ),
            Ending.RESET,
        ),
        (lambda connection: connection.sendall(b"nonsense") or connection.close(), Ending.CLOSED),
    ],
)
def test_an_end_without_an_answer(does: Callable[[socket.socket], object], ending: Ending) -> None:
    def end(connection: socket.socket) -> None:
        got = head(connection).partition(b"\r\n\r\n")[2]
        while len(got) < 1000:
            got += connection.recv(1 << 16)
        does(connection)

    found = sent_to(end, asked()).exchange
    assert found.ending is ending
    assert found.status is None and found.sent_bytes == 1000


def test_a_silent_server_is_given_up() -> None:
    def hold(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while connection.recv(1 << 16):
                pass

    found = sent_to(hold, asked(patience_seconds=0.3)).exchange
    assert found.ending is Ending.SILENT


def test_half_a_body_then_the_end_of_this_direction() -> None:
    got = b""

    def answer(connection: socket.socket) -> None:
        nonlocal got
        with connection:
            while block := connection.recv(1 << 16):
                got += block
            connection.sendall(OK)

    found = sent_to(answer, asked(1000, stops_at=400, half_closes=True)).exchange
    assert (found.status, found.sent_bytes) == (201, 400)
    assert len(got.partition(b"\r\n\r\n")[2]) == 400


def test_an_unreachable_server_is_a_record_too() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = ask(urlsplit(f"http://127.0.0.1:{port}/"), asked()).exchange
    assert (found.ending, found.error) == (Ending.UNREACHED, "Connection refused")
