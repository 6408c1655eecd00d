"""http.client: Python's own."""

import platform
import secrets
import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from uploadlab.sending.clients.frame import BLOCK_BYTES, Answer, Cannot, Upload, serve, way

ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""What browsers write in a form's names."""


def session(upload: Upload) -> closing[HTTPConnection]:
    """Return a connection with the library's own settings; it uses nothing of the environment."""
    parts = urlsplit(upload.url)
    blocks: dict[str, Any] = {"blocksize": BLOCK_BYTES} if upload.way.endswith("-1m") else {}
    if parts.scheme == "https":
        return closing(HTTPSConnection(parts.netloc, context=_context(upload), **blocks))
    return closing(HTTPConnection(parts.netloc, **blocks))


@way
def stream(connection: HTTPConnection, upload: Upload) -> Answer:
    """Send an open file by `request()`, with a Content-Length; it is read in blocks of 8 KiB."""
    with upload.open() as file:
        headers = upload.headers | upload.length
        connection.request(upload.verb, _path(upload.url), file, headers)
    return _answer(connection)


@way
def stream_1m(connection: HTTPConnection, upload: Upload) -> Answer:
    """Send an open file by `request()`, with a Content-Length, on a connection whose `blocksize` is 1 MiB."""
    return stream(connection, upload)


@way
def stream_sendfile(connection: HTTPConnection, upload: Upload) -> Answer:
    """Send the head, then the file by `socket.sendfile()`: no byte of it enters the program."""
    if isinstance(connection, HTTPSConnection):
        raise Cannot("over TLS socket.sendfile() reads and sends block by block, as any program")
    connection.putrequest(upload.verb, _path(upload.url))
    for name, value in (upload.headers | upload.length).items():
        connection.putheader(name, value)
    connection.endheaders()
    with upload.open() as file:
        connection.sock.sendfile(file)
    return _answer(connection)


@way
def chunked(connection: HTTPConnection, upload: Upload) -> Answer:
    """Send an open file by `request()` alone: without a Content-Length it goes in chunks of 8 KiB."""
    with upload.open() as file:
        connection.request(upload.verb, _path(upload.url), file, upload.headers)
    return _answer(connection)


@way
def form(connection: HTTPConnection, upload: Upload) -> Answer:
    """Send a generator of a form's head, blocks of 1 MiB, and its end: Python itself makes no form."""
    boundary = secrets.token_hex(16)
    parts = [f'name="{name.translate(ESCAPES)}"\r\n\r\n{value}\r\n' for name, value in upload.others]
    place = f'name="{upload.field.translate(ESCAPES)}"; filename="{upload.name.translate(ESCAPES)}"'
    parts += [f"{place}\r\nContent-Type: application/octet-stream\r\n\r\n"]
    head = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {part}" for part in parts).encode()
    end = f"\r\n--{boundary}--\r\n".encode()

    def content() -> Iterator[bytes]:
        yield head
        yield from upload.blocks()
        yield end

    headers = upload.headers | {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + upload.size_bytes + len(end)),
    }
    connection.request(upload.verb, _path(upload.url), content(), headers)
    return _answer(connection)


CANNOT = {"form-docs": "its documentation shows no form"}
LACKS = {
    "expect": "http.client does not wait for 100 Continue: it sends the body at once",
    "login": "http.client has no digest authentication",
}


def get(connection: HTTPConnection, url: str) -> None:
    """Use the connection once."""
    connection.request("GET", _path(url))
    connection.getresponse().read()


def _context(upload: Upload) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=upload.ca_file or None)
    if upload.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _path(url: str) -> str:
    parts = urlsplit(url)
    return SplitResult("", "", parts.path or "/", parts.query, "").geturl()


def _answer(connection: HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, response.read(), response.getheader("Location"))


if __name__ == "__main__":
    serve(session, get, {"Python": platform.python_version()}, lacks=LACKS)
