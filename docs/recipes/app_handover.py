"""Gives a file that nginx has stored its name: no byte goes through Python. For nginx-handover.conf only."""

import errno
import json
import os
import secrets
from pathlib import Path

from flask import Flask, abort, request
from werkzeug.exceptions import HTTPException

from digest import BodyDigest, DigestRefused
from folder import FOLDER, own_folder
from framing import StrictFraming

BLOCK_BYTES = 1 << 20
SPOOL = own_folder(FOLDER) / "tmp"  # client_body_temp_path

app = Flask(__name__)
app.wsgi_app = StrictFraming(app.wsgi_app)  # no success for a body whose end is not certain


@app.route("/upload", methods=["PUT", "POST"])
def upload():
    """Name the file. nginx calls when the body is complete; what is not taken from it, it removes."""
    upload_id = secrets.token_hex(16)  # a name that comes from a client may lead anywhere
    stored = FOLDER / upload_id
    # No header can have these names. A client that gets past nginx can still name only what nginx has stored.
    taken, size_bytes = request.environ["UPLOAD_FILE"], int(request.environ["UPLOAD_LENGTH"])
    # WSGI's text holds a byte in each character. A link is resolved, and so leads out of the folder.
    path = Path(os.fsdecode(taken.encode("latin-1"))).resolve()
    if path.parent != SPOOL or not path.is_file() or path.stat().st_size != size_bytes:
        abort(500, "the server in front has handed over no file of this size")
    check_digest(path)
    path.rename(stored)  # it is 0600, as nginx makes it
    return {"id": upload_id, "size_bytes": size_bytes}, 201


def check_digest(path):
    """Read the file only where the client has announced a digest."""
    digest = BodyDigest(dict(request.headers))
    if digest:
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    digest.check()


@app.errorhandler(DigestRefused)
def refuse_digest(error):
    """Answer with the reason."""
    return {"error": str(error)}, 400


@app.before_request
def refuse_other_sites():
    """A page of any site can have a browser send a file here, and its cookies with it (CSRF)."""
    origin = request.headers.get("Origin")
    own_site = request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    if not own_site or (origin and origin.partition("://")[2] != request.headers.get("Host")):
        abort(403, "sent by a page of another site")


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
