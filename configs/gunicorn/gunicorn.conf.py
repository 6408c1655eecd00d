"""gunicorn as a quick start has it: one sync worker, no settings."""

import os

bind = os.environ["BIND"]
wsgi_app = "upload_app.wsgi:application"
# False by default: gunicorn makes a control socket, with the same name for all servers of a user
# (25.1: in the working folder; since 25.2: in $XDG_RUNTIME_DIR or ~/.gunicorn)
control_socket_disable = True
