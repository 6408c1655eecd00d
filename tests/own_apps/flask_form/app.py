"""Stores the file of a form, as Flask's documentation has it."""

from pathlib import Path
from uuid import uuid4

from flask import Flask, request

app = Flask(__name__)
FOLDER = Path(__file__).parent / "uploads"
FOLDER.mkdir(exist_ok=True)


@app.post("/upload")
def upload():
    """Store the file."""
    file = request.files["file"]
    file.save(FOLDER / uuid4().hex)
    return "stored", 201
