"""The ASGI entry for servers that call no WSGI app: the Flask app through a2wsgi, with whole bodies."""

import os
from dataclasses import replace

from a2wsgi import WSGIMiddleware

from upload_app.app import create_app
from upload_app.asgi_body import WholeBodies
from upload_app.settings import Settings
from upload_app.terminated import TerminatedBody

THREADS = 80
"""10 by default: each client that stalls in mid-body holds one."""

settings = Settings.from_environment(os.environ)
# The app itself must not linger: the last message of an answer has gone by then, and the connection with it.
flask_app = create_app(replace(settings, linger_seconds=0))
application = WholeBodies(
    WSGIMiddleware(TerminatedBody(flask_app), workers=THREADS),
    silence_seconds=float(os.environ.get("SILENCE_SECONDS", 30)),
    linger_seconds=settings.linger_seconds,
)
