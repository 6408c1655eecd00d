"""app.py behind gunicorn. The variables MALLOC_... count before Python starts: README.md has them."""

import socket
import struct
import threading
import time
from contextlib import suppress

from gunicorn.workers.gthread import ThreadWorker

from gunicorn_body import read_into_blocks

bind = "127.0.0.1:8000"  # the default; but where $PORT is set, all addresses
wsgi_app = "app:app"  # for forms: gunicorn app_form:app
workers = 2  # 1 by default: one process uses one processor
threads = 40  # 1 by default: one slow client would hold a whole worker, and each that stalls holds a thread
limit_request_line = 8190  # 4094 by default; the app refuses a long URL by itself, with a reason
limit_request_fields = 200  # 100 by default; the app bounds all of them together
limit_request_field_size = 32768  # 8190 by default: a long cookie would be refused
pre_request = read_into_blocks  # none by default: gunicorn copies a body three more times for the app
# False by default: makes a control socket, of one name for all that a user starts
# (25.1: in the working folder; since 25.2: in $XDG_RUNTIME_DIR or ~/.gunicorn)
control_socket_disable = True
HEAD_SECONDS = 30  # for a whole head
SILENCE_SECONDS = 30  # that a client may send nothing of a head or a body


class Worker(ThreadWorker):
    """gthread, whose threads wait for clients to close: by default, the accepting one waits 2 s for each."""

    def handle(self, conn):
        """Answer a request of a connection, and end it."""
        # By default, a thread waits for ever for a client that stalls; only one that has sent no byte yet
        # gives its thread back after 5 s (gunicorn 25.2 and later). The socket that listens could hand the
        # limit down (socket(7)), but not to connections that came before a worker could set it there.
        silence = struct.pack("ll", SILENCE_SECONDS, 0)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, silence)
        # No limit by default: a client that sends its head byte by byte would hold a thread for days.
        conn.head = threading.Timer(HEAD_SECONDS, shut, [conn.sock])
        conn.head.start()
        try:
            kept = super().handle(conn)
        finally:
            conn.head.cancel()
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

    def handle_request(self, req, conn):
        """Answer a request, whose head is there; the app has a clock of its own for the body."""
        conn.head.cancel()
        return super().handle_request(req, conn)


def shut(connection):
    """Let a client's connection end here."""
    with suppress(OSError):  # the client has gone
        connection.shutdown(socket.SHUT_RD)


worker_class = Worker  # sync by default: an upload over 30 s, body included, gets its worker killed
