"""The client's connections: one a request, in blocks that let the server be the limit."""

from collections.abc import Callable
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from uploadlab.catalogue.methods import BLOCK_BYTES

Watch = Callable[[str], None]
"""Is told ``connected``, then ``sent`` after each block, then ``answered``."""


def session(watch: Watch | None = None, block_bytes: int = BLOCK_BYTES) -> requests.Session:
    """A fresh session: uWSGI closes connections without saying so, so none is used twice."""
    new = requests.Session()
    new.trust_env = False  # no proxy and no .netrc between the lab and its target
    for scheme in ("http://", "https://"):
        new.mount(scheme, BlockAdapter(watch, block_bytes))
    return new


class BlockAdapter(HTTPAdapter):
    """Sends a file in blocks of that size: urllib3's own 16 KiB would make the client the limit."""

    def __init__(self, watch: Watch | None, block_bytes: int = BLOCK_BYTES) -> None:
        self._watch, self._block_bytes = watch, block_bytes
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As in requests, with a block size, and with someone who watches."""
        super().init_poolmanager(*args, blocksize=self._block_bytes, **kwargs)
        if self._watch:
            kinds = {"http": (HTTPConnectionPool, Watched), "https": (HTTPSConnectionPool, WatchedTLS)}
            self.poolmanager.pool_classes_by_scheme = {
                scheme: partial(_pool, kind, partial(connection, self._watch))
                for scheme, (kind, connection) in kinds.items()
            }


def _pool(kind: type[HTTPConnectionPool], connection: Any, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
    pool = kind(*args, **kwargs)
    pool.ConnectionCls = connection
    return pool


class _Watching(HTTPConnection):
    """Tells how far a request has got."""

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


class Watched(_Watching):
    """Over plain HTTP."""


class WatchedTLS(_Watching, HTTPSConnection):
    """Over TLS."""
