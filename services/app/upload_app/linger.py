"""Reading on after a refusal: what the client still sends is thrown away, so that the answer reaches it.

A server that closes a connection on unread bytes resets it, and a client that is still sending may find
"connection reset" in place of the reason (RFC 9112, section 9.6). nginx's lingering_close does the same.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import IO, Any

from werkzeug.wsgi import ClosingIterator

BLOCK_BYTES = 1 << 16
REFUSED = 400
"""Statuses from here on may leave the body unread."""
SILENT = "linger.silent"
"""What an app sets in the environ for a client that was silent for too long: nobody waits for it again."""


class Linger:
    """WSGI middleware that lingers for ``seconds`` after each refusal; the answer itself is sent before.

    The clock is checked between reads: a client that trickles keeps its worker busy, as in any upload.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the app as WSGI does, and drop the rest of a body that it refused once its answer is sent."""
        refused = False

        def start(status: str, *more: Any) -> Any:
            nonlocal refused
            refused = int(status[:3]) >= REFUSED
            return start_response(status, *more)

        answer = self._app(environ, start)
        if not refused or SILENT in environ:
            return answer
        body, end = environ["wsgi.input"], time.monotonic() + self._seconds
        return ClosingIterator(answer, lambda: drain(body, end))


def drain(body: IO[bytes], end: float) -> None:
    """Read until the body ends, the time ``end`` has come, or the client has gone.

    A WSGI server's input ends by itself (PEP 3333). That of Flask's development server does not, but
    that server drops unread bytes on its own, as long as they keep coming.
    """
    with suppress(Exception):  # each server has exceptions of its own for a client that has gone
        while time.monotonic() < end and body.read(BLOCK_BYTES):
            pass
