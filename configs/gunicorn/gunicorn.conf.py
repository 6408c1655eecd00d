"""gunicorn as a newcomer has it: one sync worker, no settings."""

import os

bind = os.environ["BIND"]
wsgi_app = "upload_app.wsgi:application"
control_socket_disable = True  # on by default: a socket in the home folder, shared by every gunicorn
