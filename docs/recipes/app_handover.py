"""Gives a file that nginx has stored its name: no byte goes through Python. For nginx-handover.conf only."""

import errno
import json
import os
import secrets
from pathlib import Path

from flask import Flask, request
from werkzeug.exceptions import HTTPException

from framing import StrictFraming

FOLDER = Path(__file__).parent / "uploads"
UMASK = os.umask(0o077)  # there is no way to ask without setting it
os.umask(UMASK)

app = Flask(__name__)
app.wsgi_app = StrictFraming(app.wsgi_app)  # no success for a body whose end is not certain


@app.route("/upload", methods=["PUT", "POST"])
def upload():
    """Name the file. nginx calls when the body is complete; what is not taken from it, it removes."""
    upload_id = secrets.token_hex(16)  # a name that comes from a client may lead anywhere
    stored = FOLDER / upload_id
    if taken := request.environ["UPLOAD_FILE"]:
        path = Path(os.fsdecode(taken.encode("latin-1")))  # WSGI's text holds a byte in each character
        path.chmod(0o666 & ~UMASK)  # nginx makes it 0600, for its own user alone
        path.rename(stored)
    else:
        stored.touch()  # of a body without length and chunks nginx makes none; an empty one has a file
    return {"id": upload_id, "size_bytes": stored.stat().st_size}, 201


@app.errorhandler(HTTPException)
def refuse(error):
    """Answer with a reason that a program can read; by default it is a page."""
    response = error.get_response()  # with the headers that belong to it
    response.data, response.content_type = json.dumps({"error": error.description}), "application/json"
    return response


@app.errorhandler(OSError)
def fail(error):
    """Answer with the system's reason, and log where it happened."""
    app.logger.error("not stored", exc_info=error)
    status = 507 if error.errno in (errno.ENOSPC, errno.EDQUOT) else 500
    return {"error": f"not stored: {error.strerror}"}, status
