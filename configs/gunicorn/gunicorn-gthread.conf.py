"""gunicorn for large bodies. MALLOC_..., in compose.yaml, belong to it."""

import os
import socket
import struct

bind = os.environ["BIND"]
wsgi_app = "upload_app.wsgi:application"
control_socket_disable = True  # on by default: a socket in the home folder, shared by every gunicorn
worker_class = "gthread"  # sync by default: an upload over 30 s, body included, gets its worker killed
workers = 2  # 1 by default: as many processes as the uWSGI deployments have
threads = 40  # 1 by default: one slow client would hold a whole worker, and each that stalls holds a thread
limit_request_line = 8190  # 4094 by default; the app refuses a long URL by itself, with a reason
limit_request_fields = 200  # 100 by default; the app bounds all of them together
limit_request_field_size = 32768  # 8190 by default: a long cookie would be refused


def post_worker_init(worker):
    """Bound a client's silence: by default, a thread waits for ever for a head or a body that stalls.

    Connections inherit it from the socket that accepts them (socket(7)).
    """
    silence = struct.pack("ll", int(os.environ["SILENCE_SECONDS"]), 0)
    for listener in worker.sockets:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, silence)
