"""Stores the body of a request in blocks, as it arrives."""

from pathlib import Path
from uuid import uuid4

from flask import Flask, abort, request

app = Flask(__name__)
FOLDER = Path(__file__).parent / "uploads"
FOLDER.mkdir(exist_ok=True)


@app.route("/upload", methods=["POST", "PUT"])
def upload():
    """Store the body."""
    part = FOLDER / f"{uuid4().hex}.part"
    with open(part, "xb") as file:
        while block := request.stream.read(1 << 20):  # 1 MiB
            file.write(block)
    if request.content_length not in (None, part.stat().st_size):
        abort(400, "the body ended early")
    part.rename(part.with_suffix(""))  # only a complete file gets its name
    return "stored", 201
