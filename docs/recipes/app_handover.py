"""Gives a file that nginx has stored its name: no byte goes through Python. For nginx-handover.conf only."""

import secrets
from pathlib import Path

from flask import Flask, request

FOLDER = Path(__file__).parent / "uploads"

app = Flask(__name__)


@app.route("/upload", methods=["PUT", "POST"])
def upload():
    """nginx calls when the body is complete; what is not taken from it, it removes."""
    upload_id = secrets.token_hex(16)  # a name that comes from a client may lead anywhere
    stored = FOLDER / upload_id
    if taken := request.environ["UPLOAD_FILE"]:
        Path(taken).rename(stored)
    else:
        stored.touch()  # nginx makes no file of an empty body
    return {"id": upload_id, "size_bytes": stored.stat().st_size}, 201
