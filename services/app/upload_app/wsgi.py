"""The WSGI entry of every server: ``upload_app.wsgi:application``."""

import os

from upload_app.app import create_app
from upload_app.settings import Settings

application = create_app(Settings.from_environment(os.environ))
