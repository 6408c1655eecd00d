"""A small upload server that follows RFC 9112 to the letter, and, where a test says so, has a flaw."""

import gzip
import json
import re
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple
from urllib.parse import parse_qs, urlsplit

import xxhash

from .listening import listen

MOST_LINE, MOST_HEAD = 8 << 10, 32 << 10
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
SIZE = re.compile(
    rb"([0-9A-Fa-f]+)(?:[ \t]*;[ \t]*" + TOKEN + rb'(?:[ \t]*=[ \t]*(?:[\w-]+|"(?:[^"\\]|\\.)*"))?)*\r\n'
)
UPLOADS = {"PUT": "/upload", "POST": "/upload"}


class Refused(Exception):
    def __init__(self, status: int, reason: str, *headers: str) -> None:
        self.status, self.reason, self.headers = status, reason, headers


class Request(NamedTuple):
    verb: str
    path: str
    query: str
    version: bytes
    headers: list[tuple[str, bytes]]

    def values(self, name: str) -> list[bytes]:
        return [value for known, value in self.headers if known == name]


class StrictServer:
    """Its URL, and what it has stored. Its flaws are named by what it does."""

    def __init__(self, flaws: Collection[str]) -> None:
        self.url, self.flaws = "", flaws
        self.stored: dict[str, bytes] = {}
        self.taken = 0
        self.lock = threading.Lock()
        self.threads: list[threading.Thread] = []

    def take(self, connection: socket.socket) -> None:
        """Serve a connection: in this thread if there is only one slot, else in a thread of its own."""
        if "one slot" in self.flaws:
            return self.serve(connection)
        self.threads.append(threading.Thread(target=self.serve, args=(connection,)))
        self.threads[-1].start()

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file, suppress(OSError, EOFError):
            connection.settimeout(120)
            while self.exchange(connection, file) and "hangs up" not in self.flaws:
                pass
            connection.shutdown(socket.SHUT_WR)
            while file.read(1 << 16):  # a close on unread data would reset the connection
                pass

    def exchange(self, connection: socket.socket, file: IO[bytes]) -> bool:
        """Answer a request, and say whether another one may follow."""
        try:
            request = read_head(file)
            answer, headers = self.carry_out(request, file)
        except Refused as refused:
            content = json.dumps({"error": refused.reason}).encode()
            if "pages" in self.flaws:
                content = b"<title>Error</title>"
            if "unread" in self.flaws:
                respond(connection, refused.status, content)
                return True
            respond(connection, refused.status, content, "Connection: close", *self.kept(refused.headers))
            return False
        closes = request.version == b"1.0" or any(b"close" in one for one in request.values("connection"))
        said = ("Connection: close",) if "says close" in self.flaws else ()
        respond(connection, 201 if headers else 200, json.dumps(answer).encode(), *headers, *said)
        return not closes

    def kept(self, headers: tuple[str, ...]) -> tuple[str, ...]:
        return () if "no Allow" in self.flaws else headers

    def carry_out(self, request: Request, file: IO[bytes]) -> tuple[dict[str, object], tuple[str, ...]]:
        name = request.path.rpartition("/")[2]
        if request.path == "/usage":
            files = {"uploads": len(self.stored), "temporary": 0}
            return {"processes": [], "stored": files}, ()
        if request.path.startswith("/uploads/"):
            content = self.stored[name] if request.verb == "GET" else self.stored.pop(name)
            return {"size_bytes": len(content), "digest": xxhash.xxh3_128(content).hexdigest()}, ()
        if request.path != "/request-stream":
            raise Refused(404, "no such path")
        if request.verb not in UPLOADS:
            raise Refused(405, "uploads are by PUT and POST", "Allow: PUT, POST")
        limit = int(parse_qs(request.query).get("limit", ["1000000000"])[0])
        if "unread" in self.flaws and int((request.values("content-length") or [b"0"])[0]) > limit:
            raise Refused(413, "too large")
        content = b"".join(read_body(request, file, self.flaws))
        if len(content) > limit:
            raise Refused(413, "too large")
        if "decodes" in self.flaws and request.values("content-encoding") == [b"gzip"]:
            content = gzip.decompress(content)
        with self.lock:
            self.taken += 1
            name = str(self.taken)
            self.stored[name] = content
        return {"id": name}, (f"Location: /uploads/{name}",)


def respond(connection: socket.socket, status: int, content: bytes, *headers: str) -> None:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode() + content)


def read_head(file: IO[bytes]) -> Request:
    line = file.readline(MOST_LINE)
    if line == b"\r\n":  # RFC 9112, 2.2
        line = file.readline(MOST_LINE)
    if not line:
        raise EOFError
    if len(line) == MOST_LINE:
        raise Refused(414, "the URL is too long")
    found = re.fullmatch(rb"(" + TOKEN + rb") (/[!-~]*) HTTP/(\d\.\d)\r\n", line)
    if not found or re.search(rb"%00|%(?![0-9A-Fa-f]{2})", found[2]):
        raise Refused(400, "the request line is malformed")
    if not found[3].startswith(b"1."):
        raise Refused(505, "the version is not supported")
    headers, left = [], MOST_HEAD
    while (line := file.readline(left + 1)) != b"\r\n":
        left -= len(line)
        field = re.fullmatch(rb"(" + TOKEN + rb"):[ \t]*([^\0\r\n]*?)[ \t]*\r\n", line)
        if left <= 0:
            raise Refused(431, "the headers are too long")
        if not field:
            raise Refused(400, "a header is malformed")
        headers.append((field[1].decode().lower(), field[2]))
    url = urlsplit(found[2].decode())
    return Request(found[1].decode(), url.path, url.query, found[3], headers)


def read_body(request: Request, file: IO[bytes], flaws: Collection[str]) -> Iterator[bytes]:
    codings, lengths = request.values("transfer-encoding"), request.values("content-length")
    if request.values("content-range") and "parts" not in flaws:
        raise Refused(400, "only whole files are stored")
    if codings and (lengths or request.version == b"1.0"):
        raise Refused(400, "the end of the body is not certain")
    if codings and (len(codings) > 1 or codings[0].lower() != b"chunked") and "codings" not in flaws:
        raise Refused(501, "this transfer coding is not supported")
    if not codings and not lengths and "nothing" not in flaws:
        raise Refused(411, "a length is missing")
    if codings:
        yield from chunks(file, flaws)
    elif lengths:
        length = read_length(lengths, flaws)
        content = file.read(min(length, 1 << 30))
        if len(content) < length and "short" not in flaws:
            raise Refused(400, "the body ended early")
        yield content


def read_length(lengths: list[bytes], flaws: Collection[str]) -> int:
    if "int" in flaws:  # as many servers read it
        with suppress(ValueError):
            return max(0, int(lengths[0] or 0))
    elif len(lengths) == 1 and re.fullmatch(rb"[0-9]{1,500}", lengths[0]):
        return int(lengths[0])
    raise Refused(400, "the length is no number")


def chunks(file: IO[bytes], flaws: Collection[str]) -> Iterator[bytes]:
    while True:
        line = file.readline(MOST_LINE)
        found = SIZE.fullmatch(line)
        if ("last chunks" in flaws and not found) or ("cut" in flaws and not line):
            return
        size = int(found[1], 16) if found else 1 << 62
        if size >= 1 << 62:
            raise Refused(400, "a chunk has no size")
        if size == 0:
            break
        yield file.read(size)
        if file.read(2) != b"\r\n" and "cut" not in flaws:
            raise Refused(400, "a chunk ends elsewhere")
    while file.readline(MOST_LINE) not in (b"\r\n", b""):
        pass


@contextmanager
def strictly(*flaws: str) -> Iterator[StrictServer]:
    """On a free port, until the end."""
    server = StrictServer(flaws)
    with listen(server.take) as server.url:
        yield server
    for thread in server.threads:
        thread.join()
