"""The app, put together from its parts."""

import tempfile
from contextlib import suppress

from flask import Flask

from upload_app import errors, parts_routes, resumable_routes, routes
from upload_app.cross_site import Hosts, SameSite
from upload_app.form_request import UploadRequest
from upload_app.framing import StrictFraming
from upload_app.linger import Linger
from upload_app.settings import Settings
from upload_app.storage import Store
from upload_app.unfinished_uploads import UnfinishedUploads


def create_app(settings: Settings) -> Flask:
    """Return the app, ready for any WSGI server."""
    app = Flask(__package__)
    with suppress(OSError):
        tempfile.gettempdir()  # looked for once: not when no descriptor is left, which it takes for no folder
    app.request_class = UploadRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.max_content_length
    app.extensions["settings"] = settings
    app.extensions["store"] = store = Store(settings.data_dir, settings.reserve_bytes)
    app.extensions["unfinished"] = UnfinishedUploads(
        store, settings.resumable_seconds, settings.most_open_uploads
    )
    for module in (routes, resumable_routes, parts_routes):
        app.register_blueprint(module.blueprint)
    errors.answer_errors(app)
    if settings.strict_framing:
        app.wsgi_app = StrictFraming(app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents it
    app.wsgi_app = SameSite(app.wsgi_app, Hosts.of(settings))  # type: ignore[method-assign]
    if settings.linger_seconds:
        app.wsgi_app = Linger(app.wsgi_app, settings.linger_seconds)  # type: ignore[method-assign]
    return app
