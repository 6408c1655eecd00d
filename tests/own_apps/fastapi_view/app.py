"""Stores the file of a form, as FastAPI's documentation has it."""

import shutil
from pathlib import Path

from fastapi import FastAPI, UploadFile

app = FastAPI()
FOLDER = Path(__file__).parent / "uploads"
FOLDER.mkdir(exist_ok=True)


@app.post("/upload", status_code=201)
def upload(file: UploadFile):
    """Store the file."""
    with open(FOLDER / Path(file.filename).name, "wb") as stored:
        shutil.copyfileobj(file.file, stored)
