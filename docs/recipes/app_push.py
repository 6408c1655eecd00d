"""app.py, and POST /form for a browser's form with one file, in a field named "file", by a push parser.

The parser of the package "multipart" looks for the boundary and hands on what lies between, while it arrives.
Other fields of the form are skipped.
"""

import io

from flask import abort, request
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from app import BLOCK_BYTES, app, store


@app.post("/form")
def form():
    """The file is a part of the form."""
    if request.mimetype != "multipart/form-data":
        abort(415, "send multipart/form-data")
    boundary = request.mimetype_params.get("boundary") or abort(400, "no boundary in the Content-Type")
    return store(lambda file: receive_form(file, boundary))


def receive_form(file, boundary):
    """Write the form's file to this one; raises MultipartError for a form that is malformed or ends early."""
    body, files = io.BufferedReader(request.stream), []
    for event in PushMultipartParser(boundary).parse_blocking(body.read, BLOCK_BYTES):
        if isinstance(event, MultipartSegment):
            part = event
            if part.filename is not None:
                files.append(part.name if part.filename else "")  # no name: no file was chosen
        elif event and part.filename:
            file.write(event)
    if files != ["file"]:
        abort(400, "send one file, in a field named 'file'")


@app.errorhandler(MultipartError)
def malformed(error):
    """The parser's word for it."""
    return {"error": f"malformed form: {error}"}, 400
