"""Stores the body of a request in blocks, as it arrives."""

import uuid
from pathlib import Path

from flask import Flask, request

app = Flask(__name__)
FOLDER = Path(__file__).parent / "uploads"
FOLDER.mkdir(exist_ok=True)


@app.route("/upload", methods=["POST", "PUT"])
def upload():
    """Store the body."""
    with open(FOLDER / uuid.uuid4().hex, "wb") as file:
        while block := request.stream.read(1 << 16):
            file.write(block)
    return "stored", 201
