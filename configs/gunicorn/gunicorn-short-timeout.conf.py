"""gunicorn.conf.py with a timeout of 1 s: a short and slow upload shows what 30 s do to a long one."""

import os

bind = os.environ["BIND"]
wsgi_app = "upload_app.wsgi:application"
control_socket_disable = True  # see gunicorn.conf.py
timeout = 1  # 30 by default: so long a sync worker may take for one request, the time of its body included
