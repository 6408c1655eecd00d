"""What Locust's fast client works with: bodies in blocks of our size, and sockets that can be paced."""

import socket
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import geventhttpclient.client
from gevent import ssl
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.response import HTTPParseError, HTTPSocketPoolResponse

from uploadlab.catalogue.methods import BLOCK_BYTES
from uploadlab.errors import problem_of
from uploadlab.private_urls import Private
from uploadlab.sending.connections import ANSWER_BYTES, Through
from uploadlab.sending.limited_answer import AnswerFault
from uploadlab.units import format_size

UNGUARDED = Private()
SO_MAX_PACING_RATE = 47
"""Linux, asm-generic/socket.h; Python has no name for it. TCP paces by itself, with any queueing."""


class SizedBody:
    """A body of known length that is read in blocks.

    The fast client would send an object without ``len()`` chunked, and asks for 8 KiB at a time.
    """

    def __init__(self, body: Any, size_bytes: int) -> None:
        self._body, self._size_bytes = body, size_bytes

    def __len__(self) -> int:
        return self._size_bytes

    def read(self, _: int) -> bytes:
        """Return the next block of our size, not of the size that the client asks for."""
        return bytes(self._body.read(BLOCK_BYTES))


def for_fast_client(body: Any, file_bytes: int) -> Any:
    """Return the body of a method for Locust's fast client: the same bytes, in the same framing."""
    if not hasattr(body, "read"):  # a generator is meant to go chunked, and bytes go at once
        return body
    return SizedBody(body, getattr(body, "len", file_bytes))


class Pool(HTTPClientPool):
    """The fast client's connections; with a pace none sends more than this many bytes a second."""

    def __init__(
        self, seconds: float, pace: int | None, private: Private = UNGUARDED, through: Through = None
    ) -> None:
        """Limit connecting and each silence to ``seconds``; ``private`` says how certificates are checked.

        Connections are made ``through`` a line if there is one.
        """
        super().__init__(
            insecure=private.insecure,
            ssl_context_factory=partial(_context, private),
            connection_timeout=seconds,
            network_timeout=seconds,
        )
        self._pace, self._through = pace, through

    def get_client(self, url: Any) -> HTTPClient:
        """Return a client as the base class does, whose sockets are set up once they are connected."""
        client = super().get_client(url)
        pool = client._connection_pool
        pool.after_connect = self._set_up
        if self._through:  # Host and the certificate's name are still those of the URL
            pool._connection_host, pool._connection_port = self._through
        return client

    def _set_up(self, connected: socket.socket) -> None:
        # As in requests: head and body are written apart, and the second would wait for the first.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._pace:
            # By default the system takes megabytes at once, and the client would look done long before.
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
            connected.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, self._pace)


def _context(private: Private, cafile: str | None = None) -> ssl.SSLContext:
    """Return how a server's certificate is checked; ``cafile`` has the usual authorities."""
    context = ssl.create_default_context(cafile=private.ca_file or cafile)
    if private.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class LimitedResponse(HTTPSocketPoolResponse):
    """An answer of the fast client that ends once it is too long: head and body."""

    fed_bytes = 0

    def feed(self, data: Any) -> None:
        """Take more of the answer; raise AnswerFault beyond the limit."""
        self.fed_bytes += len(data)
        if self.fed_bytes > ANSWER_BYTES:
            raise AnswerFault(f"the answer is longer than {format_size(ANSWER_BYTES)}")
        super().feed(data)


geventhttpclient.client.HTTPSocketPoolResponse = LimitedResponse  # what its clients make of an answer
# By default it sends a PUT again where the connection ends; its body has been read by then, and the server
# would wait for it as long as it likes.
geventhttpclient.client.IDEMPOTENT_METHODS = frozenset()


def answer_body(answer: Any) -> bytes:
    """Return the content of an answer as it came: decompressed it could fill the memory."""
    response = getattr(answer, "_response", None)
    try:
        return bytes(response.read()) if response else b""
    except (OSError, HTTPParseError) as error:
        raise AnswerFault(problem_of(error)) from None


def guard_session(session: Any) -> None:
    """Have Locust's fast session keep no cookie, and leave every answer to ``answer_body``.

    Of a status that it does not like, it would read and decompress the whole content at once.
    """
    session.cookiejar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.client.valid_response_codes = frozenset(range(1000))
