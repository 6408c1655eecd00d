"""What an attempt puts on the wire, byte for byte, and what it makes of the answer."""

import pytest
import xxhash
from uploadlab.catalogue.attempts import (
    PAUSES,
    THE_END,
    Chunks,
    Then,
    exactly,
    form,
    noise,
    over_one_connection,
    raw,
)
from uploadlab.checking import wire
from uploadlab.checking.wire import send_attempt, send_in_turn

from .helpers import wait_until
from .raw_server import keep

FILE = b"0123456789" * 10
DIGEST = xxhash.xxh3_128(FILE).hexdigest()
OK = b"HTTP/1.1 201 CREATED\r\nContent-Length: 11\r\n\r\n" + b'{"id": "x"}'
BODY = {
    "whole": (raw(exactly(FILE)), FILE),
    "chunked": (raw(exactly(FILE), chunked=True), b"64\r\n" + FILE + b"\r\n0\r\n\r\n"),
    "empty and chunked": (raw(exactly(b""), chunked=True), b"0\r\n\r\n"),
    "paused": (raw(exactly(FILE), then=Then.PAUSE, at=40), FILE),
    "ended early": (raw(exactly(FILE), then=Then.END, at=40), FILE[:40]),
    "closed": (raw(exactly(FILE), then=Then.CLOSE, at=40), FILE[:40]),
    "closed in chunks": (
        raw(exactly(FILE), chunked=True, then=Then.CLOSE, at=40),
        b"28\r\n" + FILE[:40] + b"\r\n",
    ),
    "broken": (
        raw(exactly(FILE), chunked=True, then=Then.BREAK, at=40),
        b"28\r\n" + FILE[:40] + b"\r\nzz\r\n3c\r\n" + FILE[40:] + b"\r\n0\r\n\r\n",
    ),
    "trickled in chunks": (
        raw(exactly(FILE), chunked=True, then=Then.TRICKLE, at=40),
        b"28\r\n" + FILE[:40] + b"\r\n28\r\n" + FILE[40:80] + b"\r\n14\r\n" + FILE[80:] + b"\r\n0\r\n\r\n",
    ),
    "chunks of their own form": (
        raw(
            exactly(FILE[:5]),
            chunked=True,
            chunks=Chunks("{size:X};a=b\n", "0{size:x}\r\n", b"\r", b"0\r\nX: 0\r\n\r\n", most_bytes=2),
        ),
        b"02\r\n01\r2;a=b\n23\r1;a=b\n4\r0\r\nX: 0\r\n\r\n",
    ),
    "broken at the beginning": (
        raw(exactly(FILE), chunked=True, then=Then.BREAK, at=0, broken=b"0xa\r\n"),
        b"0xa\r\n64\r\n" + FILE + b"\r\n0\r\n\r\n",
    ),
    "ended after the last chunk": (
        raw(exactly(FILE), chunked=True, then=Then.END, at=THE_END, chunks=Chunks(last=b"0\r\n")),
        b"64\r\n" + FILE + b"\r\n0\r\n",
    ),
    "paused at the end": (raw(exactly(FILE), then=Then.PAUSE, at=100), FILE),
}


@pytest.mark.parametrize("name", BODY)
def test_an_attempt_goes_on_the_wire_as_it_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PAUSES", dict.fromkeys(PAUSES, 0.01))
    attempt, body = BODY[name]
    with keep(OK) as server:
        reply = send_attempt(f"{server.url}/request-stream?limit=7", attempt)
        wait_until(lambda: bool(server.ended))
    head, _, received = server.received[0].partition(b"\r\n\r\n")
    assert received == body
    assert head.startswith(b"PUT /request-stream?limit=7 HTTP/1.1\r\n")
    length = b"Transfer-Encoding: chunked" if attempt.chunked else f"Content-Length: {len(FILE)}".encode()
    assert length in head.split(b"\r\n")
    assert reply.status == (None if attempt.gone else 201)
    assert reply.content == ({} if attempt.gone else {"id": "x"})
    assert server.ended == ["quiet" if attempt.then in (None, *PAUSES, Then.BREAK) else "end"]


def test_the_head_is_what_the_attempt_says() -> None:
    attempt = raw(
        exactly(FILE), verb="POST", request_line="{verb}  {path}%00{query} HTTP/9.9 {host}",
        framing=("Content-Length : +{length}", "Content_Length:\r\n {length:x}\xb9"), query="limit=7",
        headers=("Cookie: {}",), closes=False, then=Then.END, at=THE_END,
    )  # fmt: skip
    with keep(OK) as server:
        send_attempt(f"{server.url}/path?reader=lines", attempt)
        wait_until(lambda: bool(server.ended))
    host = server.url.removeprefix("http://").encode()
    assert server.received == [
        b"POST  /path%00?reader=lines&limit=7 HTTP/9.9 " + host + b"\r\n"
        b"Host: " + host + b"\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Length : +100\r\nContent_Length:\r\n 64\xb9\r\nCookie: {}\r\n\r\n" + FILE
    ]


def test_a_file_that_is_sent_encoded_keeps_its_own_digest() -> None:
    attempt = form(
        exactly(FILE)._replace(encoded=b"MDEy"), part_headers="Content-Transfer-Encoding: base64\r\n"
    )
    with keep(OK) as server:
        reply = send_attempt(server.url, attempt)
    head, _, body = server.received[0].partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
    assert b"\r\nContent-Transfer-Encoding: base64\r\n\r\nMDEy\r\n--" in body
    assert reply.digest == DIGEST


@pytest.mark.parametrize(("answer", "connections"), [(OK, 2), (b"", 1)])
def test_a_connection_is_used_until_an_answer_ends_it(answer: bytes, connections: int) -> None:
    closing = answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    attempt = over_one_connection(raw(exactly(FILE)), raw(exactly(FILE[:5])))
    with keep(closing) as server:
        replies = send_in_turn(server.url, [attempt, *attempt.after])
        wait_until(lambda: len(server.ended) == connections)
    assert [reply.status for reply in replies] == ([201, 201] if answer else [None])
    assert all(b"\r\nConnection:" not in text for text in server.received)


def test_a_server_that_hangs_up_without_a_word_is_found() -> None:
    with keep(OK) as server:
        first, second = send_in_turn(server.url, [raw(exactly(FILE), closes=False)] * 2)
    assert (first.status, second.status) == (201, None)
    assert second.broke in ("disconnected", "reset") or "Broken pipe" in second.problem


def test_a_client_that_crashes_resets_the_connection() -> None:
    with keep(OK) as server:
        send_attempt(server.url, raw(noise(1 << 20), then=Then.RESET, at=1 << 19))
        wait_until(lambda: bool(server.ended))
    assert server.ended == ["reset"]


def test_a_form_is_one_that_others_read() -> None:
    attempt = form(exactly(FILE), name="a.bin", then=Then.PAUSE, at=3)
    assert b"".join(attempt.body(attempt.file.blocks())) == attempt.head + FILE + attempt.tail
    assert attempt.body_bytes == len(attempt.head + FILE + attempt.tail)
    assert b'name="file"; filename="a.bin"' in attempt.head


@pytest.mark.parametrize(
    ("at_once", "sent"),
    [
        (b"", FILE),
        (b"HTTP/1.1 100 Continue\r\n\r\n", FILE),
        (b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_who_expects_100_waits_for_it_and_takes_a_no(
    at_once: bytes, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "EXPECT_SECONDS", 60 if at_once else 0.1)
    with keep(OK, at_once) as server:
        reply = send_attempt(server.url, raw(exactly(FILE), expect=True))
    assert server.received[0].partition(b"\r\n\r\n")[2] == sent
    assert reply.status == (201 if sent else 417)


def test_the_digest_is_of_what_was_sent_and_an_answer_may_be_a_page() -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    with keep(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)) as server:
        reply = send_attempt(server.url, raw(exactly(FILE)))
    assert (reply.status, reply.reason, reply.digest) == (502, "Bad Gateway", DIGEST)


def test_no_answer_is_told_with_its_cause() -> None:
    with keep(b"") as server:
        reply = send_attempt(server.url, raw(exactly(FILE)))
        assert "RemoteDisconnected" in reply.problem
        assert reply.broke == "disconnected"
    reply = send_attempt(server.url, raw(exactly(FILE)))
    assert "refused" in reply.problem
    assert reply.broke == "refused"
