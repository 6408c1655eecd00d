"""The app for ASGI servers. ``stock`` is the adapter alone, ``application`` is with whole bodies."""

import os

from a2wsgi import WSGIMiddleware
from upload_app.asgi_body import WholeBodies

from benchmark.planted.app import LINGER_SECONDS, wrapped

THREADS = 20

stock = WSGIMiddleware(wrapped(os.environ), workers=THREADS)
# The app itself must not linger: the last message of an answer has gone by then, and the connection with it.
application = WholeBodies(
    WSGIMiddleware(
        wrapped({**os.environ, "PLANTED_INPUT": "terminated", "PLANTED_NO_LINGER": "1"}), workers=THREADS
    ),
    silence_seconds=120,
    linger_seconds=LINGER_SECONDS,
)
