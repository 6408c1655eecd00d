"""The clients of docs/recipes before servers that mean harm: redirects, escapes, answers without an end."""

import json
import os
import pty
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from uploadlab.units import MIB

from .listening import listen
from .raw_server import keep
from .receiving import receive
from .recipe_clients import CLIENTS, Folder, refused

pytestmark = pytest.mark.slow

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\x00\u202e\u2066\u200b\ufeff\u2028\u0085\r\n\b" + "long" * 5000
"""A title for the terminal, a cleared screen, a colour, a reversed line, invisible marks, a long word."""
MOST_CHARACTERS = 1200


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a").write_bytes(b"x")
    return Folder(tmp_path / "work")


def answer(status: str, content: object, *headers: str) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def is_plain(text: str) -> bool:
    """Whether it is one line that a terminal only shows."""
    return text.endswith("\n") and text[:-1].isprintable() and len(text) < MOST_CHARACTERS


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
def test_no_redirect_is_followed(folder: Folder, client: str, status: int) -> None:
    stored = {"id": "x", "size_bytes": 1}
    with receive() as other, keep(answer(f"{status} Go", stored, f"Location: {other.url}")) as server:
        refused(
            folder.run([client, "a", server.url]), f"answered {status}", "no redirect is followed", other.url
        )
    assert (other.files, len(server.received)) == ([], 1)


HARM: dict[str, bytes] = {
    "a reason": answer("400 " + EVIL.replace("\r\n", "").replace("\x85", ""), b""),
    "an error": answer("400 Bad", {"error": EVIL}),
    "a number of bytes": answer("201 Created", {"id": "x", "size_bytes": EVIL}),
    "an address": answer("302 Found", {}, "Location: http://x/\x1b]0;owned\x07\x9b31m" + "long" * 5000),
    "no HTTP": EVIL.encode(),
    "a header": answer("400 Bad", {}, "\x1b]0;owned\x07 no header"),
    "no JSON that ends": answer("201 Created", b"[" * 60_000),
    "a large number": answer("201 Created", b'{"size_bytes": 1' + b"0" * 60_000 + b"}"),
    "a compressed answer": answer("201 Created", bytes(MIB), "Content-Encoding: gzip"),
    "half an answer": answer("201 Created", {"size_bytes": 1})[:-2],
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", HARM)
def test_words_of_a_server_do_not_steer_the_terminal(folder: Folder, client: str, name: str) -> None:
    with keep(HARM[name]) as server:
        done = folder.run([client, "a", server.url])
    assert (done.returncode, done.stdout) == (1, "")
    assert is_plain(done.stderr), done.stderr
    assert all(b"\r\nAccept-Encoding: identity\r\n" in request for request in server.received)


def test_an_id_does_not_steer_the_terminal(folder: Folder) -> None:
    with keep(answer("201 Created", {"id": EVIL, "size_bytes": 1})) as server:
        done = folder.run(["upload.py", "a", server.url])
    assert (done.returncode, done.stderr) == (0, "")
    assert is_plain(done.stdout), done.stdout


def test_words_of_a_server_do_not_steer_the_terminal_between_two_attempts(folder: Folder) -> None:
    """Then the client shows its reason in a status line, which only a terminal has."""
    reader, terminal = pty.openpty()
    shown = b""
    with keep(answer("503 Busy", {"error": EVIL[:50]})) as server:
        done = folder.run(["upload.py", "a", server.url], f'"$@" 2>/dev/fd/{terminal}', pass_fds=[terminal])
        os.close(terminal)
        with suppress(OSError):  # its end, where nobody has the terminal
            while block := os.read(reader, 1 << 16):
                shown += block
    os.close(reader)
    assert done.returncode == 1
    assert b"answered 503" in shown
    assert [
        words for words in (b"\x1b]0;", b"\x1b[2J\x9b", "\u202e".encode(), b"\x07") if words in shown
    ] == []


@contextmanager
def connected(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    with listen(serve) as url:
        yield url


@pytest.mark.parametrize("head", ["Content-Length: 99999999999", "X: y", "Transfer-Encoding: chunked"])
def test_an_answer_without_an_end_is_not_read_to_its_end(folder: Folder, head: str) -> None:
    sent = 0

    def serve(client: socket.socket) -> None:
        nonlocal sent
        block = bytes(MIB)
        framed = b"%x\r\n%b\r\n" % (MIB, block) if "chunked" in head else block
        with client, suppress(OSError):
            client.settimeout(120)
            client.recv(1 << 16)
            client.sendall(f"HTTP/1.1 201 Created\r\n{head}\r\n\r\n".encode())
            while sent < 2000 * MIB:
                client.sendall(framed)
                sent += MIB

    with connected(serve) as url:
        refused(folder.run(["upload.py", "a", url]), "stored None of 1 bytes")
    assert sent < 100 * MIB


def test_a_refusal_that_came_before_the_reset_is_read(folder: Folder) -> None:
    """By urllib3 2, which requests sends with; where it had not come yet, it would be lost."""
    (folder.path / "big").write_bytes(bytes(64 * MIB))

    def serve(client: socket.socket) -> None:
        with client:
            client.settimeout(120)
            client.recv(1 << 10)
            client.sendall(answer("413 Large", {"error": "over the limit"}))
            # Closed on unread bytes, of which more come: a reset.

    with connected(serve) as url:
        refused(folder.run(["upload.py", "big", url]), "answered 413: over the limit")


def test_no_password_is_printed(folder: Folder) -> None:
    with keep(answer("400 Bad", {"error": "no"})) as server:
        done = folder.run(["upload.py", "a", server.url.replace("//", "//me:secret@")])
        refused(done, server.url, "answered 400: no")
    with receive() as received:
        url = received.url.replace("//", "//me:secret@")
    for place in (url, url.replace("127", "999"), url + "x"):
        assert "secret" not in folder.run(["upload.py", "a", place]).stderr
