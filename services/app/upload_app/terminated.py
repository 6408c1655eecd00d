"""A WSGI input that ends by itself and says so, for servers that do one without the other. Needs no Flask.

Without ``wsgi.input_terminated`` Werkzeug gives the app an empty stream for a chunked body: a 2xx with no
byte stored. Of the server's own input only ``read`` is used: ``readline`` of a2wsgi 1.10.10 returns nothing
where nothing has arrived yet, and that of cheroot 11.1.2 never returns for a chunked body with a line break.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any

from upload_app.body import REST_BYTES, Readable


class TerminatedBody:
    """WSGI middleware for a server whose input does end with the body, or raises where the body is cut."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the app with its new input, as WSGI calls an app."""
        # Buffered: otherwise reading lines would cost one Python call a byte.
        environ["wsgi.input"] = io.BufferedReader(Readable(environ["wsgi.input"]), REST_BYTES)
        environ["wsgi.input_terminated"] = True
        return self._app(environ, start_response)
