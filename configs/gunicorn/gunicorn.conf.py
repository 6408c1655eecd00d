"""gunicorn as a newcomer has it: one sync worker, no settings."""

import os

bind = os.environ["BIND"]
wsgi_app = "upload_app.wsgi:application"
# False by default: makes a control socket, of one name for all that a user starts
# (25.1: in the working folder; since 25.2: in $XDG_RUNTIME_DIR or ~/.gunicorn)
control_socket_disable = True
