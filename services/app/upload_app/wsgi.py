"""The entry of every server: ``upload_app.wsgi:application``. An app of the user's own may be an ASGI app."""

import os

from upload_app.entry import make_application

application = make_application(os.environ)
