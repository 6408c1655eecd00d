"""The sockets of Locust's fast client: without Nagle's delay and, for slow users, paced by the kernel."""

import socket
from typing import Any

from geventhttpclient.client import HTTPClient, HTTPClientPool

SO_MAX_PACING_RATE = 47
"""Linux, asm-generic/socket.h; Python has no name for it. TCP paces by itself, with any queueing."""
SEND_BUFFER_BYTES = 64 << 10
"""By default the system would take megabytes at once, and the client would look done long before."""


class Pool(HTTPClientPool):
    """The fast client's connections; with a pace none is faster than so many bytes a second."""

    def __init__(self, seconds: float, pace: int | None = None) -> None:
        """``seconds`` bound connecting and each silence; certificates are not checked, as in Locust."""
        super().__init__(insecure=True, connection_timeout=seconds, network_timeout=seconds)
        self._pace = pace

    def get_client(self, url: Any) -> HTTPClient:
        """As in the base class, with sockets that are set up as soon as they are connected."""
        client = super().get_client(url)
        client._connection_pool.after_connect = self._set_up
        return client

    def _set_up(self, connected: socket.socket) -> None:
        # As in requests: head and body are written apart, and the second would wait for the first.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._pace:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            connected.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, self._pace)
