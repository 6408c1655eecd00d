"""app.py for uWSGI, whose input ends by itself, chunks included; for forms, import their app instead."""

from app import app
from uwsgi_body import TerminatedInput

application = TerminatedInput(app)
