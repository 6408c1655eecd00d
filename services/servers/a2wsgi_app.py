"""The Flask app for ASGI servers, as a2wsgi's quick start has it."""

from a2wsgi import WSGIMiddleware
from upload_app.wsgi import application as flask_app

application = WSGIMiddleware(flask_app)  # type: ignore[arg-type]  # it has types of its own
