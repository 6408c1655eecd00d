"""WSGI middleware that cuts off an upload which is too slow, or takes too long. It needs no Flask.

A client that sends a byte a second is never silent, so that a bound on silence does not end it, and it would
hold a thread of the server for days. A server's read waits for a whole block: only another thread can look
at the clock meanwhile. It shuts the connection for reading, and the body ends early.
"""

import os
import socket
import threading
import time
from contextlib import suppress

from werkzeug.wsgi import ClosingIterator

PACE = "pace"
"""The name of a request's Pace in its environ."""
GRACE_SECONDS = 30
"""After that, an upload needs this rate on average; a block has to arrive in less time than that."""
LEAST_BYTES_A_SECOND = 64 << 10
MOST_SECONDS = 4 * 3600
"""For the whole upload, at any rate."""


class Paced:
    """Middleware. The app writes to ``environ[PACE].received_bytes`` how much of the body it has read."""

    def __init__(self, app):
        self._app = app

    def __call__(self, environ, start_response):
        """Call the app, and watch until its answer is sent, and what a client still sends is dropped."""
        pace = environ[PACE] = Pace(connection(environ))
        pace.start()
        try:
            return ClosingIterator(self._app(environ, start_response), pace.stop)
        except BaseException:
            pace.stop()
            raise


class Pace(threading.Thread):
    """The clock of one upload."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.received_bytes, self.too_slow = 0, False
        self._client, self._over = client, threading.Event()

    def run(self):
        """Shut the connection if the client falls behind."""
        began = time.monotonic()
        while not self._over.wait(1):
            seconds = time.monotonic() - began
            expected_bytes = (seconds - GRACE_SECONDS) * LEAST_BYTES_A_SECOND
            if seconds > MOST_SECONDS or self.received_bytes < expected_bytes:
                self.too_slow = True
                with suppress(OSError):  # the client has gone
                    self._client.shutdown(socket.SHUT_RD)
                break

    def stop(self):
        """End the watch."""
        self._over.set()
        self.join()  # before its connection is closed
        self._client.close()


def connection(environ):
    """The client's connection, by a descriptor of its own: the server's may soon be another client's."""
    for name in ("gunicorn.socket", "werkzeug.socket"):
        if name in environ:
            return socket.socket(fileno=os.dup(environ[name].fileno()))
    with suppress(ImportError):
        import uwsgi  # exists only inside a uWSGI process

        return socket.socket(fileno=os.dup(uwsgi.connection_fd()))
    return socket.socket()  # another server: the time counts between two blocks only
