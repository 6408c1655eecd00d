"""The client's connections: a new one for each request, in blocks that let the server be the limit."""

from collections.abc import Callable
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from uploadlab.catalogue.methods import BLOCK_BYTES
from uploadlab.private_urls import private_parts

Watch = Callable[[str], None]
"""Called with ``connected``, then ``sent`` after each block, then ``answered``."""


class TargetSession(requests.Session):
    """A session that adds the private parts of a target's URL; no answer or error shows them."""

    def request(self, method: str | bytes, url: str | bytes, *words: Any, **more: Any) -> requests.Response:
        """Send a request to an address that anyone may see."""
        private = private_parts(str(url))
        if private.login:
            more["headers"] = {**(more.get("headers") or {}), "Authorization": private.login}
        address = f"{url!s}?{private.query}" if private.query else url
        response = super().request(method, address, *words, **more)
        response.url = str(url)  # which HTTPError's text has
        return response


def session(watch: Watch | None = None, block_bytes: int = BLOCK_BYTES) -> requests.Session:
    """Return a fresh session: uWSGI closes connections without saying so, so none is used twice."""
    new = TargetSession()
    new.trust_env = False  # no proxy and no .netrc between the lab and its target
    for scheme in ("http://", "https://"):
        new.mount(scheme, BlockAdapter(watch, block_bytes))
    return new


def get(address: str, seconds: float) -> requests.Response:
    """Return a server's answer of success; raise RequestException."""
    with session() as connection:
        response = connection.get(address, timeout=seconds)
    response.raise_for_status()
    return response


class BlockAdapter(HTTPAdapter):
    """An adapter that sends blocks of that size: urllib3's own 16 KiB would make the client the limit."""

    def __init__(self, watch: Watch | None, block_bytes: int = BLOCK_BYTES) -> None:
        self._watch, self._block_bytes = watch, block_bytes
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Set the block size, too."""
        super().init_poolmanager(*args, blocksize=self._block_bytes, **kwargs)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return a pool whose connections are watched, if anyone watches."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if self._watch:
            pool.ConnectionCls = partial(_WatchedTLS if pool.scheme == "https" else _Watched, self._watch)
        return pool


class _Watched(HTTPConnection):
    """A connection that reports how far a request has got."""

    def __init__(self, watch: Watch, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch

    def connect(self) -> None:
        super().connect()
        self._watch("connected")

    def send(self, data: Any) -> None:
        super().send(data)
        self._watch("sent")

    def getresponse(self) -> Any:
        response = super().getresponse()
        self._watch("answered")
        return response


class _WatchedTLS(_Watched, HTTPSConnection):
    """The same over TLS."""
