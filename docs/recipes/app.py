"""Stores the body of PUT or POST /upload in ../uploads/, under a random id: all of it, or nothing."""

import errno
import io
import json
import os
import secrets

from flask import Flask, abort, request
from werkzeug.exceptions import HTTPException

from digest import BodyDigest, DigestRefused
from folder import FOLDER, own_file, own_folder
from framing import StrictFraming
from linger import SILENT, Linger
from pace import PACE, Paced

BLOCK_BYTES = 1 << 20  # each read wakes the client once more; blocks that outgrow the cache are slower again
LINGER_SECONDS = 30  # as nginx lingers
# Of the system's errors; any other is a 500.
STATUSES = {errno.ENOSPC: 507, errno.EDQUOT: 507, errno.EFBIG: 413, errno.EMFILE: 503, errno.ENFILE: 503}

own_folder(FOLDER)
app = Flask(__name__)
# None by default. Keep one: without, gunicorn's input is no stream that BufferedReader takes.
app.config["MAX_CONTENT_LENGTH"] = 10 << 30
# No success for a body whose end is not certain. A client that is refused while it sends gets to see why.
# None holds its thread for days.
app.wsgi_app = Paced(Linger(StrictFraming(app.wsgi_app), LINGER_SECONDS))


@app.before_request
def refuse_other_sites():
    """A page of any site can have a browser send a file here, and its cookies with it (CSRF)."""
    origin = request.headers.get("Origin")
    own_site = request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    if not own_site or (origin and origin.partition("://")[2] != request.headers.get("Host")):
        abort(403, "sent by a page of another site")


@app.route("/upload", methods=["PUT", "POST"])
def upload():
    """The file is the body as it is."""
    return store(receive)


def receive(file):
    """Write the body to the file."""
    body = Body()
    # One buffer for all blocks: the system hands out new memory page by page.
    buffer = memoryview(bytearray(BLOCK_BYTES))
    while count := body.take(body.stream.readinto, buffer):
        file.write(buffer[:count])
    body.finish()


class Body:
    """The request's body. One that is malformed, or ends before its announced end, is a 400."""

    def __init__(self):
        # By itself request.stream copies each block twice in read(), and in readinto() may fill a part.
        self.stream = io.BufferedReader(request.stream)
        self.pace = request.environ[PACE]
        self.digest = BodyDigest(dict(request.headers))

    def read(self, size):
        """Return at most ``size`` bytes; none at the end."""
        return self.take(self.stream.read, size)

    def finish(self):
        """What follows the end of a form is read, and all that was announced has to be there."""
        while self.read(BLOCK_BYTES):
            pass
        # Some servers end a short body as if it were whole. A chunked one has no length to compare with.
        size_bytes = self.stream.tell()
        if request.content_length not in (None, size_bytes):
            abort(400, f"the body ended after {size_bytes} of {request.content_length} bytes")
        self.digest.check()  # what the client has announced; where it announces none, this does nothing

    def take(self, read, what):
        """Each server has errors of its own for a body that it cannot read to its end."""
        try:
            taken = read(what)
            self.digest.update(taken if isinstance(taken, bytes) else what[:taken])
            self.pace.received_bytes = self.stream.tell()
            return taken
        except HTTPException:
            raise
        except Exception as error:
            if isinstance(error, BlockingIOError | TimeoutError) or "timeout" in str(error):
                request.environ[SILENT] = True
                abort(408, "the client was silent for too long")
            abort(400, f"the body is malformed, or ended early: {error}")
        finally:
            if self.pace.too_slow:  # the reason why the body ended, whatever the server makes of it
                request.environ[SILENT] = True
                abort(408, "the upload was too slow, or took too long")


def store(write):
    """Have a new file written; it gets its name when it is complete, and is removed when it is not."""
    upload_id = secrets.token_hex(16)  # a name that comes from a client may lead anywhere
    part = FOLDER / f"{upload_id}.part"  # in the same folder: only within a filesystem is a rename atomic
    try:
        with open(part, "xb", opener=own_file) as file:
            write(file)
            size_bytes = file.seek(0, os.SEEK_END)
        part.replace(FOLDER / upload_id)
    finally:
        part.unlink(missing_ok=True)
    return {"id": upload_id, "size_bytes": size_bytes}, 201


@app.errorhandler(DigestRefused)
def refuse_digest(error):
    """Answer with the reason."""
    return {"error": str(error)}, 400


@app.errorhandler(HTTPException)
def refuse(error):
    """A reason that a program can read; by default it is a page."""
    response = error.get_response()  # with the headers that belong to it
    response.data, response.content_type = json.dumps({"error": error.description}), "application/json"
    return response


@app.errorhandler(OSError)
def fail(error):
    """Answer with the system's reason, such as a full disk, and log where it happened."""
    app.logger.error("not stored", exc_info=error)
    return {"error": f"not stored: {error.strerror}"}, STATUSES.get(error.errno, 500)
