"""Requests as bytes, for what no HTTP library sends."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    "Content-Length: {length}\r\nConnection: close\r\n\r\n"
)


def send_and_close(url: str, body: bytes, missing: int) -> int | None:
    """Announce more bytes than are sent, end there, and return the answer's status; None if there is none."""
    address = urlsplit(url)
    path = f"{address.path}?{address.query}" if address.query else address.path
    with socket.create_connection((address.hostname, address.port or 80), timeout=60) as connection:
        connection.sendall(HEAD.format(path=path, length=len(body) + missing).encode() + body)
        connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            answer = connection.makefile("rb").readline().split()
            return int(answer[1]) if answer else None
    return None
