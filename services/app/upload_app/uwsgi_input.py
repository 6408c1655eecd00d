"""The WSGI entry for uWSGI's HTTP socket."""

from upload_app.uwsgi_body import TerminatedInput
from upload_app.wsgi import application as flask_app

application = TerminatedInput(flask_app)
