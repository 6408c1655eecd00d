"""The doctor's requests over HTTP/2: what servers answer, how they end a stream, and how much they take."""

import hashlib
import importlib.util
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest
from uploadlab.catalogue.attempts import exactly, form, noise, raw
from uploadlab.doctoring import http2
from uploadlab.doctoring.far_end import PATH, make_far_end
from uploadlab.doctoring.http2 import ask_over_http2, offered_windows
from uploadlab.doctoring.http2_session import Windows
from uploadlab.doctoring.wire import Asked
from uploadlab.model.exchanges import Ending, Exchange, Framing
from uploadlab.private_urls import Private, keep

from .far_end import APP, TOKEN, arrived_of, write_probe
from .helpers import need
from .serving import serving

need("trustme", "h2")

from h2.settings import SettingCodes  # noqa: E402

from .http2_server import MORE_BYTES, Http2Peer, speak_http2  # noqa: E402  it needs both

SIZE = 300_000
WINDOW, FRAME = SettingCodes.INITIAL_WINDOW_SIZE, SettingCodes.MAX_FRAME_SIZE


def asked(attempt: Any = None, **manners: Any) -> Asked:
    return Asked("speed", attempt or raw(noise(SIZE), verb="POST"), **{"patience_seconds": 10.0, **manners})


def exchange(script: Callable[[Http2Peer], object], **manners: Any) -> tuple[Exchange, Http2Peer]:
    """What a request shows at a server that does this, and the server's end of it."""
    with speak_http2(script) as (url, peers):
        found = ask_over_http2(url, asked(**manners)).exchange
    return found, (peers.asking() or peers.all)[-1]


def whole(peer: Http2Peer) -> None:
    """Take a request, and answer it."""
    peer.begin({WINDOW: 2 * SIZE})
    peer.until(lambda: peer.is_ended)
    peer.answer(201, b"stored")


def begun(peer: Http2Peer) -> None:
    """Take a request until its body has begun; 64 KiB of it may come."""
    peer.begin()
    peer.until(lambda: bool(peer.body))


def test_a_request_arrives_and_its_answer_is_read() -> None:
    found, peer = exchange(whole)
    assert (found.status, found.ending, found.content, found.error) == (201, Ending.ANSWERED, "stored", "")
    assert (found.protocol, found.framing, found.header("server")) == ("HTTP/2", Framing.LENGTH, "scripted")
    assert peer.body == b"".join(map(bytes, noise(SIZE).blocks()))
    assert (found.sent_bytes, found.body_bytes) == (SIZE, SIZE)
    assert found.sent_seconds is not None and found.seconds is not None
    assert 0 <= found.sent_seconds <= found.seconds
    assert peer.headers[":method"] == "POST"
    assert peer.headers["content-length"] == str(SIZE)
    assert not {"connection", "host", "transfer-encoding"} & peer.headers.keys()


def test_a_body_without_a_length_and_a_form_arrive() -> None:
    attempt = form(noise(SIZE), chunked=True)
    found, peer = exchange(whole, attempt=attempt)
    assert (found.status, found.framing, found.is_form) == (201, Framing.FRAMES, True)
    assert peer.body == b"".join(map(bytes, attempt.body(attempt.file.blocks())))
    assert "content-length" not in peer.headers


def test_clients_of_other_servers_hide_no_request() -> None:
    with speak_http2(whole) as (url, peers):
        address = (url.hostname, url.port)
        with socket.create_connection(address), socket.create_connection(address) as other:
            trusting = ssl._create_unverified_context()
            trusting.set_alpn_protocols(["h2"])
            with trusting.wrap_socket(other):
                assert ask_over_http2(url, asked()).exchange.status == 201
                assert [len(peer.body) for peer in peers.asking()] == [SIZE]
    assert len(peers.all) == 2


def test_an_empty_body_arrives() -> None:
    found, peer = exchange(whole, attempt=raw(exactly(b""), framing=()))
    assert (found.status, found.framing, peer.body) == (201, Framing.NONE, b"")


def test_an_early_answer_is_seen_while_sending() -> None:
    def refuse(peer: Http2Peer) -> None:
        begun(peer)
        peer.answer(413, b"too large")
        peer.h2.reset_stream(peer.stream, 0)
        peer.flush()
        peer.until(lambda: False)

    found, _ = exchange(refuse)
    assert (found.status, found.ending, found.content, found.error) == (413, Ending.ANSWERED, "too large", "")
    assert found.is_early and found.sent_bytes < SIZE


def test_a_100_is_awaited_and_noted() -> None:
    def go_on(peer: Http2Peer) -> None:
        peer.begin({WINDOW: SIZE})
        peer.until(lambda: peer.stream > 0)
        assert peer.headers["expect"] == "100-continue" and not peer.body
        peer.h2.send_headers(peer.stream, [(":status", "100")])
        peer.flush()
        peer.until(lambda: peer.is_ended)
        peer.answer(201)

    found, peer = exchange(go_on, attempt=raw(noise(SIZE), expect=True))
    assert (found.status, len(peer.body)) == (201, SIZE)
    assert found.continue_seconds is not None and found.expected


def ends_stream(peer: Http2Peer) -> None:
    begun(peer)
    peer.h2.reset_stream(peer.stream, 7)
    peer.flush()
    peer.until(lambda: False)


def ends_connection(peer: Http2Peer) -> None:
    begun(peer)
    peer.h2.close_connection(11, b"too many uploads", last_stream_id=0)
    peer.flush()


def hangs_up(peer: Http2Peer) -> None:
    begun(peer)


def never_begins(peer: Http2Peer) -> None:
    while peer.connection.recv(1 << 16):
        pass


def opens_no_window(peer: Http2Peer) -> None:
    begun(peer)
    peer.until(lambda: False)


def answers_nothing(peer: Http2Peer) -> None:
    peer.begin({WINDOW: SIZE})
    peer.until(lambda: False)


def speaks_nonsense(peer: Http2Peer) -> None:
    begun(peer)
    peer.connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
    peer.until(lambda: False)


def answers_no_status(peer: Http2Peer) -> None:
    begun(peer)
    peer.h2.config.validate_outbound_headers = False
    peer.h2.send_headers(peer.stream, [(":status", "fine")])
    peer.flush()
    peer.until(lambda: False)


@pytest.mark.parametrize(
    ("script", "ending", "words"),
    [
        (ends_stream, Ending.RESET, "the server reset the stream: REFUSED_STREAM"),
        (ends_connection, Ending.CLOSED, "by GOAWAY: ENHANCE_YOUR_CALM, too many uploads"),
        (hangs_up, Ending.CLOSED, ""),
        (never_begins, Ending.SILENT, "the server says nothing in HTTP/2"),
        (opens_no_window, Ending.SILENT, "the server opens its window no further"),
        (answers_nothing, Ending.SILENT, ""),
        (speaks_nonsense, Ending.CLOSED, "malformed"),
        (answers_no_status, Ending.CLOSED, "malformed"),
    ],
)
def test_an_end_without_an_answer_is_named(
    script: Callable[[Http2Peer], object], ending: Ending, words: str
) -> None:
    found, _ = exchange(script, patience_seconds=0.3)
    assert (found.status, found.ending) == (None, ending)
    assert words in found.error
    assert found.seconds is not None


def test_a_server_that_goes_away_in_peace_may_still_answer() -> None:
    def goes(peer: Http2Peer) -> None:
        peer.begin({WINDOW: SIZE})
        peer.until(lambda: bool(peer.body))
        peer.connection.sendall(
            bytes([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
        )  # GOAWAY, NO_ERROR
        peer.until(lambda: peer.is_ended)
        peer.answer(201)

    found, peer = exchange(goes)
    assert (found.status, found.error, len(peer.body)) == (201, "", SIZE)


def test_no_more_is_sent_than_the_window_allows_and_the_waits_are_counted() -> None:
    step = 50_000

    def sparing(peer: Http2Peer) -> None:
        peer.begin({WINDOW: step})
        while len(peer.body) < SIZE:
            size = len(peer.body)
            peer.until(lambda size=size: len(peer.body) >= size + step)  # type: ignore[misc]
            time.sleep(0.02)
            peer.h2.increment_flow_control_window(step)
            peer.h2.increment_flow_control_window(step, peer.stream)
            peer.flush()
        peer.until(lambda: peer.is_ended)
        peer.answer(201)

    found, peer = exchange(sparing)
    assert (found.status, len(peer.body), found.window_bytes) == (201, SIZE, step)
    waits = SIZE // step - 1
    assert waits * 0.02 <= found.window_shut_seconds < (found.seconds or 0)
    assert found.window_shut_seconds / waits <= found.stalled_seconds <= found.window_shut_seconds


def test_what_a_server_offers_is_known_without_a_request() -> None:
    def offers(peer: Http2Peer) -> None:
        peer.begin({WINDOW: 123_456, FRAME: 1 << 15})
        peer.until(lambda: False)

    with speak_http2(offers) as (url, peers):
        assert offered_windows(url) == Windows(123_456, 65_535 + MORE_BYTES)
        assert [peer.stream for peer in peers.all] == [0]


def test_a_server_without_http2_is_an_error() -> None:
    with speak_http2(lambda peer: peer.read(), protocols=("http/1.1",)) as (url, _):
        found = ask_over_http2(url, asked()).exchange
        assert (found.status, found.ending) == (None, Ending.TLS)
        assert "does not choose HTTP/2" in found.error
        with pytest.raises(OSError, match="does not choose"):
            offered_windows(url)
    assert ask_over_http2(url, asked()).exchange.ending is Ending.UNREACHED


def test_a_client_that_stops_in_mid_body_has_left() -> None:
    found, peer = exchange(answers_nothing, stops_at=SIZE // 2, patience_seconds=0.2)
    assert (found.ending, found.sent_bytes, len(peer.body)) == (Ending.LEFT, SIZE // 2, SIZE // 2)
    assert not peer.is_ended
    found, peer = exchange(
        whole, attempt=raw(noise(SIZE), chunked=True), stops_at=SIZE // 2, half_closes=True
    )
    assert (found.status, len(peer.body)) == (201, SIZE // 2)


def test_a_pause_is_noted() -> None:
    found, _ = exchange(whole, pause_at=SIZE // 2, pause_seconds=0.1)
    ((begin, end),) = found.paused
    assert found.status == 201 and end - begin >= 0.1


@pytest.fixture(scope="module")
def far_end(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SplitResult]:
    """The doctor's far end behind a real server that speaks HTTP/2."""
    need("hypercorn")
    import trustme

    folder = tmp_path_factory.mktemp("http2")
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "tls.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    write_probe(folder, make_far_end(token=TOKEN))
    (folder / "user.py").write_text(APP)
    command = "hypercorn --bind 127.0.0.1:{port} --certfile tls.pem --keyfile tls.pem asgi:user:asgi"
    with serving(folder, command.split()) as port:
        url = f"https://127.0.0.1:{port}{PATH}"
        keep(url, Private(headers={"X-Upload-Lab-Token": TOKEN}, ca_file=str(folder / "ca.pem")))
        yield urlsplit(url)


@pytest.mark.parametrize("chunked", [False, True])
def test_the_far_end_sees_what_was_sent(far_end: SplitResult, chunked: bool) -> None:
    sent = ask_over_http2(far_end, asked(raw(noise(SIZE), chunked=chunked)))
    arrived = arrived_of(sent.body)
    assert arrived
    digest = hashlib.sha256(b"".join(map(bytes, noise(SIZE).blocks()))).hexdigest()
    assert (arrived.size_bytes, arrived.digest, arrived.whole) == (SIZE, digest, True)
    assert arrived.content_length == (None if chunked else str(SIZE))
    assert (arrived.server, arrived.protocol) == ("hypercorn", "HTTP/2")


def test_it_says_whether_its_library_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert http2.is_installed()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not http2.is_installed()
    assert "pip install h2" in http2.NOT_INSTALLED
