"""app.py, and POST /form for a browser's form with one file, in a field named "file", by a push parser.

The parser of the package "multipart" looks for the boundary and hands on what lies between, while it arrives.
Other fields of the form are skipped. Which part is the file: one_file.py.
"""

from flask import abort, request
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from app import BLOCK_BYTES, Body, app, store
from one_file import FormRefused, OneFile

MOST_PARTS = 1000  # no limit by default. A part's head is limited to 8 lines of 4 KiB each


@app.post("/form")
def form():
    """Store the file, a part of the form."""
    if request.mimetype != "multipart/form-data":
        abort(415, "send multipart/form-data")
    boundary = request.mimetype_params.get("boundary") or abort(400, "no boundary in the Content-Type")
    return store(lambda file: receive_form(file, boundary))


def receive_form(file, boundary):
    """Write the form's file to this one. Raise MultipartError for a form that is malformed or ends early."""
    body, choice = Body(), OneFile()
    parser = PushMultipartParser(boundary, max_segment_count=MOST_PARTS)
    for event in parser.parse_blocking(body.read, BLOCK_BYTES):
        if isinstance(event, MultipartSegment):
            part = choice.examine(event.headerlist)
            if part.filename and not part.is_chosen:
                abort(400, "send one file, in a field named 'file'")
        elif event and part.is_chosen:
            file.write(event)
    choice.require()
    body.finish()


@app.errorhandler(FormRefused)
def refuse_form(error):
    """Answer with the reason."""
    return {"error": str(error)}, 400


@app.errorhandler(MultipartError)
def malformed(error):
    """Answer with the parser's word for it."""
    return {"error": f"malformed form: {error}"}, 413 if isinstance(error, ParserLimitReached) else 400
