"""The ASGI entry for servers that call no WSGI app: the app through a2wsgi, with whole bodies."""

import os

from a2wsgi import WSGIMiddleware

from upload_app.asgi_body import WholeBodies
from upload_app.entry import make_application
from upload_app.settings import Settings
from upload_app.terminated import TerminatedBody

THREADS = 80
"""10 by default: each client that stalls in mid-body holds one."""

settings = Settings.from_environment(os.environ)
# The app itself must not linger: the last message of an answer has gone by then, and the connection with it.
wsgi_app = make_application(os.environ, lingers=False)
application = WholeBodies(
    WSGIMiddleware(TerminatedBody(wsgi_app), workers=THREADS),
    silence_seconds=float(os.environ.get("SILENCE_SECONDS", 30)),
    linger_seconds=settings.linger_seconds,
)
