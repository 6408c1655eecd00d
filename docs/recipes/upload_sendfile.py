"""Uploads a file by requests, without a copy in this program: python upload_sendfile.py FILE URL."""

import os
import socket
import time

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from sent_file import (
    BLOCK_BYTES,
    CONNECT_SECONDS,
    MOST_ANSWER_BYTES,
    PAUSES_SECONDS,
    SILENCE_SECONDS,
    Passing,
    SentFile,
    UploadError,
    main,
)

PIECE_BYTES = 4 << 20  # between two calls of progress; more of them cost CPU


def upload(path, url, progress=None, digest=False):
    """Send a file, if need be again from its start; returns the server's answer.

    With ``digest`` the server can compare the SHA-256. To compute it costs more CPU than to send the file.
    Raises UploadError, or OSError for a file that cannot be opened. Where only the answer was lost, a further
    attempt stores a second copy.
    """
    with SentFile(path, progress) as file:
        headers = file.headers(digest)
        for pause in PAUSES_SECONDS:
            try:
                return attempt(file, url, headers)
            except Passing:
                time.sleep(pause)
        return attempt(file, url, headers)


def attempt(file, url, headers):
    """Send the file once; raises UploadError, and Passing."""
    body = Pieces(file) if file.size_bytes else b""  # requests would send an empty file in chunks
    try:
        # A session of its own: uWSGI closes a connection after each answer without saying so.
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, Adapter())
            # No redirect: it could send the file to any host.
            how = {"timeout": (CONNECT_SECONDS, SILENCE_SECONDS), "allow_redirects": False, "stream": True}
            response = session.put(url, data=body, headers=headers, **how)
            status, content = response.status_code, response.raw.read(MOST_ANSWER_BYTES, decode_content=False)
    except requests.ReadTimeout as error:  # not to be repeated: the file may be stored
        raise UploadError(f"{url} took the file and gave no answer in time") from error
    except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
        raise Passing(f"{url}: {error}") from error
    except ValueError as error:  # of requests and of urllib3
        raise UploadError(f"{url} is no address: {error}; write http://HOST/PATH") from error
    return file.stored(url, status, content)


class Pieces:
    """The body of a request: it yields itself once for each piece, and the connection then calls ``send``.

    The system sends a piece by itself (``socket.sendfile``): no byte of it enters this program. TLS has to
    encrypt each byte here, so pieces are read then, by blocks: ``sendfile`` of a TLS socket would take 8 KiB.
    """

    def __init__(self, file):
        self.file, self.sent_bytes = file, 0

    def __len__(self):
        return self.file.size_bytes

    def __iter__(self):
        self.file.progress(0, self.file.size_bytes)
        while self.sent_bytes < self.file.size_bytes:
            yield self

    def send(self, sock):
        """Send the next piece; raises UploadError for a file that ends early."""
        at, left = self.sent_bytes, self.file.size_bytes - self.sent_bytes
        if type(sock) is socket.socket:  # one of TLS is of a class of its own
            # It begins at the offset, wherever the file is, and never sends what the file has grown by.
            count = sock.sendfile(self.file.file, at, min(PIECE_BYTES, left))
        else:
            block = os.pread(self.file.file.fileno(), min(BLOCK_BYTES, left), at)
            sock.sendall(block)
            count = len(block)
        if not count:
            raise UploadError(f"{self.file.path} ended after {at} of its {self.file.size_bytes} bytes")
        self.sent_bytes += count
        self.file.progress(self.sent_bytes, self.file.size_bytes)


class SendsPieces:
    """A connection of urllib3 that has pieces send themselves."""

    def send(self, data):
        """As in http.client, for a head or a block; and for a piece."""
        if isinstance(data, Pieces):
            data.send(self.sock)
        else:
            super().send(data)


class Plain(SendsPieces, HTTPConnection):
    """One without TLS."""


class Encrypted(SendsPieces, HTTPSConnection):
    """One over TLS."""


class PlainPool(HTTPConnectionPool):
    """Makes the connections without TLS."""

    ConnectionCls = Plain


class EncryptedPool(HTTPSConnectionPool):
    """Makes the connections over TLS."""

    ConnectionCls = Encrypted


class Adapter(HTTPAdapter):
    """As in requests, with these pools, also to a proxy."""

    def init_poolmanager(self, *args, **kwargs):
        """Without a proxy."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}

    def proxy_manager_for(self, *args, **kwargs):
        """Through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
        return manager


if __name__ == "__main__":
    main(upload)
