"""gunicorn-short-timeout.conf.py with threads: they do not wait for a body, and no worker is killed."""

import os

bind = os.environ["BIND"]
wsgi_app = "upload_app.wsgi:application"
control_socket_disable = True  # see gunicorn.conf.py
timeout = 1  # 30 by default
worker_class = "gthread"  # sync by default
threads = 4  # 1 by default
