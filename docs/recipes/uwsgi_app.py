"""app.py for uWSGI, with an input that ends by itself, chunks included; for forms, import their app instead.

uWSGI 2.0 gives chunks to those only who ask for them, and never says that its input ends. Flask then takes a
chunked body for empty; and of one with a length, it copies each block once more.
"""

import io

import uwsgi  # there is one inside uWSGI only
from werkzeug.exceptions import BadRequest

from app import app


class Chunks(io.RawIOBase):
    """The chunks of the current request as one stream."""

    rest = b""

    def readable(self):
        """It is there to be read."""
        return True

    def readinto(self, buffer):
        """Give of one chunk what fits; 0 after the last."""
        chunk = memoryview(self.rest or next_chunk())
        count = min(len(buffer), len(chunk))
        buffer[:count], self.rest = chunk[:count], chunk[count:]
        return count


def next_chunk():
    """Nothing after the last one."""
    try:
        return uwsgi.chunked_read()
    except OSError as error:  # over chunked-input-limit, over socket-timeout, or the client has gone
        raise BadRequest(f"the chunked body cannot be read: {error}") from None


def application(environ, start_response):
    """The app, as uwsgi.ini names it."""
    chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    sized = bool(environ.get("CONTENT_LENGTH"))
    if chunked and not sized:
        environ["wsgi.input"] = io.BufferedReader(Chunks())
    if chunked != sized:  # with both, one of them lies, and app.py refuses
        environ["wsgi.input_terminated"] = True
    return app(environ, start_response)
