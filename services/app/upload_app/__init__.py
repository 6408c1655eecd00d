"""The one Flask app that every deployment of the lab runs.

``routes`` speak HTTP, ``receivers`` take a body off the wire, ``storage`` puts it on disk; ``relay`` passes
it on to another deployment instead.
"""

from flask import Flask

from upload_app import errors, linger, routes
from upload_app.request import UploadRequest
from upload_app.settings import Settings
from upload_app.storage import Store


def create_app(settings: Settings) -> Flask:
    """The app, ready for any WSGI server."""
    app = Flask(__name__)
    app.request_class = UploadRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.max_content_length
    app.extensions["settings"] = settings
    app.extensions["store"] = Store(settings.data_dir)
    app.register_blueprint(routes.blueprint)
    errors.register(app)
    if settings.linger_seconds:
        linger.register(app, settings.linger_seconds)
    return app
