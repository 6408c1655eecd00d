"""gunicorn for large bodies. MALLOC_..., in compose.yaml, belong to it."""

import os

bind = os.environ["BIND"]
wsgi_app = "upload_app.wsgi:application"
control_socket_disable = True  # on by default: a socket in the home folder, shared by every gunicorn
worker_class = "gthread"  # sync by default: an upload over 30 s, body included, gets its worker killed
workers = 2  # 1 by default: as many processes as the uWSGI deployments have
threads = 4  # 1 by default: one slow client would hold a whole worker
