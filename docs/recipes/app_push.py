"""app.py, and POST /form for a browser's form with one file, in a field named "file", by a push parser.

The parser of the package "multipart" looks for the boundary and hands on what lies between, while it arrives.
Other fields of the form are skipped. Which part is the file: one_file.py.
"""

import io

from flask import abort, request
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from app import BLOCK_BYTES, app, store
from one_file import FormRefused, OneFile


@app.post("/form")
def form():
    """Store the file, a part of the form."""
    if request.mimetype != "multipart/form-data":
        abort(415, "send multipart/form-data")
    boundary = request.mimetype_params.get("boundary") or abort(400, "no boundary in the Content-Type")
    return store(lambda file: receive_form(file, boundary))


def receive_form(file, boundary):
    """Write the form's file to this one. Raise MultipartError for a form that is malformed or ends early."""
    body, choice = io.BufferedReader(request.stream), OneFile()
    for event in PushMultipartParser(boundary).parse_blocking(body.read, BLOCK_BYTES):
        if isinstance(event, MultipartSegment):
            part = choice.examine(event.headerlist)
            if not (part.is_field or part.is_chosen):
                abort(400, "send one file, in a field named 'file'")
        elif event and part.is_chosen:
            file.write(event)
    choice.require()
    finish()


def finish():
    """Read what follows the form; a body that ends before its announced end is a 400."""
    while request.stream.read(BLOCK_BYTES):
        pass
    # Some servers end a short body as if it were whole. A chunked one has no length to compare with.
    size_bytes = request.stream.tell()
    if request.content_length not in (None, size_bytes):
        abort(400, f"the body ended after {size_bytes} of {request.content_length} bytes")


@app.errorhandler(FormRefused)
def refuse_form(error):
    """Answer with the reason."""
    return {"error": str(error)}, 400


@app.errorhandler(MultipartError)
def malformed(error):
    """Answer with the parser's word for it."""
    return {"error": f"malformed form: {error}"}, 400
