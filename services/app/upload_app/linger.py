"""Reading on after a refusal: what the client still sends is thrown away, so that the answer reaches it.

A server that closes a connection on unread bytes resets it, and a client that is still sending finds
"connection reset" in place of the reason (RFC 9112, section 9.6). nginx's lingering_close does the same.
"""

import time
from contextlib import suppress
from typing import IO

from flask import Flask, Response, request

BLOCK_BYTES = 1 << 16
REFUSED = 400
"""Statuses from here on may leave the body unread."""


def linger_after_refusals(app: Flask, seconds: float) -> None:
    """Linger for ``seconds`` after each refusal; the answer itself is sent before.

    The clock is checked between reads: a client that trickles keeps its worker busy, as in any upload.
    """

    @app.after_request
    def linger(response: Response) -> Response:
        if response.status_code >= REFUSED:
            body = request.environ["wsgi.input"]
            response.call_on_close(lambda: _drain(body, time.monotonic() + seconds))
        return response


def _drain(body: IO[bytes], end: float) -> None:
    """Read until the body ends, the time ``end`` has come, or the client has gone.

    A WSGI server's input ends by itself (PEP 3333). That of Flask's development server does not, but
    that server drains unread bytes on its own.
    """
    with suppress(Exception):  # each server has exceptions of its own for a client that has gone
        while time.monotonic() < end and body.read(BLOCK_BYTES):
            pass
