"""gunicorn for large bodies. MALLOC_..., in compose.yaml, belong to it."""

import os
import socket
import struct
import time
from contextlib import suppress

from gunicorn.workers.gthread import ThreadWorker
from upload_app.gunicorn_body import read_into_blocks

bind = os.environ["BIND"]
wsgi_app = "upload_app.wsgi:application"
# False by default: gunicorn makes a control socket, with the same name for all servers of a user
# (25.1: in the working folder; since 25.2: in $XDG_RUNTIME_DIR or ~/.gunicorn)
control_socket_disable = True
workers = 2  # 1 by default: as many processes as the uWSGI deployments have
# 1 by default: a slow client holds a whole worker, and each client that stalls holds a thread. A worker
# accepts more clients than it has threads, even while the other worker is idle: 64 may stall at one worker.
threads = 72
limit_request_line = 8190  # 4094 by default; the app itself refuses a long URL, with a reason
limit_request_fields = 200  # 100 by default; the app limits all headers together
limit_request_field_size = 32768  # 8190 by default: a long cookie is refused
pre_request = read_into_blocks  # none by default: gunicorn copies each body three more times for the app


SILENCE = struct.pack("ll", int(os.environ["SILENCE_SECONDS"]), 0)


class Worker(ThreadWorker):
    """gthread, whose threads wait for clients to close: by default, the accepting one waits 2 s for each."""

    def handle(self, conn):
        """Answer the requests of a connection, and end it.

        By default, a thread waits for ever for a head or a body that stalls. Only a client that has sent no
        byte yet gives its thread back after 5 s (gunicorn 25.2 and later). The socket that listens could hand
        the limit down (socket(7)), but not to connections that came before a worker could set it there.
        """
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, SILENCE)
        kept = super().handle(conn)
        if kept is False:
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_WR)
                end = time.monotonic() + 2
                while (left := end - time.monotonic()) > 0:
                    conn.sock.settimeout(left)
                    if not conn.sock.recv(1 << 16):
                        break
            with suppress(OSError):  # what is shut ends the other wait at once
                conn.sock.shutdown(socket.SHUT_RD)
        return kept


worker_class = Worker  # sync by default: a worker is killed if an upload takes over 30 s, body included
