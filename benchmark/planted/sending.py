"""What a proof sends, and what comes back. It shares no code with the doctor, whose faults it would hide."""

import hashlib
import json
import os
import select
import socket
import ssl
import time
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from benchmark.planted.stack import Subject

BLOCK = os.urandom(1 << 18)
STEP_BYTES = 1 << 16
BOUNDARY = "planted-boundary"
FIELD = "file"
PATIENCE_SECONDS = 25.0
SEND_SECONDS = 30.0
"""For a server that takes no more bytes."""


class Request(NamedTuple):
    """What is sent."""

    size_bytes: int = 1 << 20
    chunked: bool = False
    form: bool = False
    field: str = FIELD
    verb: str = "POST"
    path: str = ""
    headers: tuple[str, ...] = ()
    announced_bytes: int | None = None
    """Content-Length, where it is not the body's."""
    pause_seconds: float = 0.0
    """In the middle of the body."""
    over_seconds: float = 0.0
    """The body is sent in even steps over that time."""
    stop_bytes: int | None = None
    """The connection's sending side is closed after that many."""
    is_blind: bool = False
    """No answer is looked for before the last byte is sent, as by most libraries."""
    patience_seconds: float = PATIENCE_SECONDS


class Answer(NamedTuple):
    """What came back."""

    status: int = 0
    """0: none."""
    head: str = ""
    content: str = ""
    ending: str = "answered"
    """Else ``reset``, ``closed``, ``silent``."""
    seconds: float = 0.0
    sent_bytes: int = 0
    digest: str = ""
    """Of the file that was sent."""

    @property
    def said(self) -> dict[str, Any]:
        """The answer's JSON; empty if it is none."""
        with suppress(ValueError):
            found = json.loads(self.content)
            return found if isinstance(found, dict) else {}
        return {}

    @property
    def is_whole(self) -> bool:
        """Whether the app has stored what was sent."""
        return self.status == 201 and self.said.get("sha256") == self.digest

    def __str__(self) -> str:
        seen = f"{self.status} {self.content[:80]!r}" if self.status else self.ending
        return f"{seen} after {self.seconds:.1f} s and {self.sent_bytes} bytes"


def send(subject: Subject, request: Request) -> Answer:
    """Send a request and return its answer; a connection that fails is an answer, too."""
    url = urlsplit(subject.url)
    file = (BLOCK * (request.size_bytes // len(BLOCK) + 1))[: request.size_bytes]
    body = file
    kind = "application/octet-stream"
    if request.form:
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        part = f'Content-Disposition: form-data; name="{request.field}"; filename="a.bin"\r\n'
        body = f"--{BOUNDARY}\r\n{part}\r\n".encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()
    length = len(body) if request.announced_bytes is None else request.announced_bytes
    framing = "Transfer-Encoding: chunked" if request.chunked else f"Content-Length: {length}"
    head = [
        f"{request.verb} {request.path or url.path} HTTP/1.1", f"Host: {url.netloc}", f"Content-Type: {kind}",
        framing, "Connection: close", *request.headers, "", "",
    ]  # fmt: skip
    began = time.monotonic()
    try:
        connection = connected(subject)
    except OSError as error:
        return Answer(ending=f"not connected: {error}")
    with connection:
        exchange = _Exchange(connection, request, began)
        answer = exchange.run("\r\n".join(head).encode(), body)
    return answer._replace(digest=hashlib.sha256(file).hexdigest())


def connected(subject: Subject) -> socket.socket:
    """Return a connection; raise OSError."""
    url = urlsplit(subject.url)
    plain = socket.create_connection((url.hostname or "", url.port or 80), 10)
    if url.scheme == "http":
        return plain
    context = ssl.create_default_context(cafile=str(subject.ca) if subject.ca else None)
    return context.wrap_socket(plain, server_hostname=url.hostname)


class _Exchange:
    """A request under way: an answer may come at any time."""

    def __init__(self, connection: socket.socket, request: Request, began: float) -> None:
        self._connection, self._request, self._began = connection, request, began
        self._got = b""
        self._ending = ""
        self._sent = 0

    def run(self, head: bytes, body: bytes) -> Answer:
        request = self._request
        self._connection.settimeout(SEND_SECONDS)
        self._send(head)
        steps = [body[at : at + STEP_BYTES] for at in range(0, len(body), STEP_BYTES)]
        if request.over_seconds:
            step = max(1, len(body) // int(request.over_seconds * 5))
            steps = [body[at : at + step] for at in range(0, len(body), step)]
        for index, data in enumerate(steps):
            if self._ending or (request.stop_bytes is not None and self._sent >= request.stop_bytes):
                break
            wait = request.pause_seconds if index == len(steps) // 2 else 0.0
            wait += 0.2 if request.over_seconds else 0.0
            if wait and self._comes(wait):
                break
            self._send(b"%x\r\n%b\r\n" % (len(data), data) if request.chunked else data)
            self._sent += 0 if self._ending else len(data)
            if self._comes(0):
                break
        else:
            if request.chunked:
                self._send(b"0\r\n\r\n")
        if request.stop_bytes is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
        end = time.monotonic() + request.patience_seconds
        while not self._is_done() and self._ending in ("", "send") and time.monotonic() < end:
            if self._readable(0.2):
                self._read()
        return self._answer()

    def _comes(self, seconds: float) -> bool:
        """Wait, unless an answer comes; return whether the request is over."""
        if self._request.is_blind:
            time.sleep(seconds)
            return False
        end = time.monotonic() + seconds
        while self._readable(max(0.0, end - time.monotonic())):
            if self._read():
                return True
        return False

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError:
            self._ending = self._ending or "send"  # an answer may still be there

    def _readable(self, seconds: float) -> bool:
        pending = isinstance(self._connection, ssl.SSLSocket) and self._connection.pending()
        return bool(pending or select.select([self._connection], [], [], seconds)[0])

    def _read(self) -> bool:
        """Read what is there; return whether the request is over."""
        try:
            self._connection.settimeout(0)  # of TLS there may be records without data
            data = self._connection.recv(1 << 16)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            self._ending = "reset"
            return True
        finally:
            self._connection.settimeout(SEND_SECONDS)
        if not data:
            self._ending = self._ending or "closed"
        self._got += data
        return bool(self._ending) or self._is_done()

    def _is_done(self) -> bool:
        head, separator, content = self._got.partition(b"\r\n\r\n")
        if not separator or head.split(b" ")[1:2] == [b"100"]:
            return False
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return len(content) >= int(line.partition(b":")[2])
        return content.endswith(b"0\r\n\r\n")

    def _answer(self) -> Answer:
        seconds = time.monotonic() - self._began
        head, _, content = self._got.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        if len(words) < 2 or not words[1].isdigit():
            ending = {"": "silent", "send": "reset"}.get(self._ending, self._ending)
            return Answer(ending=ending, seconds=seconds, sent_bytes=self._sent)
        if b"transfer-encoding: chunked" in head.lower():
            content = content.partition(b"\r\n")[2].rpartition(b"\r\n0\r\n")[0]
        return Answer(
            int(words[1]),
            head.decode("latin-1"),
            content.decode(errors="replace"),
            "answered",
            seconds,
            self._sent,
        )
