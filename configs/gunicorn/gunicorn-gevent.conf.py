"""gunicorn with gevent, for large bodies."""

import os

from gunicorn.workers.ggevent import GeventWorker
from upload_app.gunicorn_body import read_into_blocks

bind = os.environ["BIND"]
wsgi_app = "upload_app.wsgi:application"
# False by default: gunicorn makes a control socket, with the same name for all servers of a user
control_socket_disable = True
workers = 2  # 1 by default: the greenlets of a worker share one processor
limit_request_line = 8190  # 4094 by default; the app itself refuses a long URL, with a reason
limit_request_fields = 200  # 100 by default; the app limits all headers together
limit_request_field_size = 32768  # 8190 by default: a long cookie is refused
pre_request = read_into_blocks  # none by default: gunicorn copies each body three more times for the app


class Worker(GeventWorker):
    """gevent, which by default waits for ever for a body that stalls."""

    def handle(self, listener, client, addr):
        """Answer the requests of a connection, and bound its client's silence."""
        client.settimeout(float(os.environ["SILENCE_SECONDS"]))
        super(GeventWorker, self).handle(listener, client, addr)  # whose own would take the bound away again


worker_class = Worker  # sync by default
