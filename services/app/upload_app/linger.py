"""After a refusal, what the client still sends is read and thrown away, so that the answer reaches it.

A server that closes a connection on unread bytes resets it, and a client that is still sending finds
"connection reset" in place of the reason (RFC 9112, section 9.6). nginx has the same cure, lingering_close.
"""

import time
from typing import IO

from flask import Flask, Response, request

BLOCK_BYTES = 1 << 16
REFUSED = 400
"""Statuses from here on may leave the body unread."""


def register(app: Flask, seconds: float) -> None:
    """Linger for ``seconds`` after each refusal; the answer itself is sent before.

    The clock is looked at between reads: a client that trickles holds its worker on, as by any upload.
    """

    @app.after_request
    def linger(response: Response) -> Response:
        if response.status_code >= REFUSED:
            body = request.environ["wsgi.input"]
            response.call_on_close(lambda: _drain(body, time.monotonic() + seconds))
        return response


def _drain(body: IO[bytes], end: float) -> None:
    """Read to the end of the body, by then or when the client has gone.

    A WSGI server's input ends by itself (PEP 3333); that of Flask's development server does not, but
    that server drains what is left unread on its own.
    """
    try:
        while time.monotonic() < end and body.read(BLOCK_BYTES):
            pass
    except Exception:  # noqa: S110  each server has exceptions of its own for a client that has gone
        pass
