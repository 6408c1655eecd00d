"""app.py, and POST /form for a browser's form with one file, in a field named "file".

By default Werkzeug writes each file of a form to a temporary one, which save() then copies. Here its decoder
writes the file to the destination and drops the rest. For large files app_push.py is faster. Which part is
the file: one_file.py.
"""

from flask import abort, request
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData, State

from app import Body, app, store
from one_file import FormRefused, OneFile
from strict_form import AmbiguousForm, StrictForm

PIECE_BYTES = 256 << 10
MOST_BYTES = 1 << 20  # of a part's head, or before the first boundary: the decoder keeps both in memory
MOST_PARTS = 1000


@app.post("/form")
def form():
    """Store the file, a part of the form."""
    if request.mimetype != "multipart/form-data":
        abort(415, "send multipart/form-data")
    boundary = request.mimetype_params.get("boundary") or abort(400, "no boundary in the Content-Type")
    return store(lambda file: receive_form(file, boundary))


def receive_form(file, boundary):
    """Write the form's file to this one. Raise FormRefused for a form that is malformed or ends early."""
    body, choice = Body(), OneFile()
    strict = StrictForm(body.read, boundary)
    decoder = MultipartDecoder(boundary.encode(), MOST_BYTES, max_parts=MOST_PARTS)
    while decoder.state is not State.EPILOGUE:
        decoder.receive_data(strict.read(PIECE_BYTES) or None)
        while not isinstance(event := next_event(decoder), NeedData):
            if isinstance(event, (Field, File)):
                part = choice.examine(event.headers)
                if part.filename and not part.is_chosen:
                    abort(400, "send one file, in a field named 'file'")
            elif isinstance(event, Data) and part.is_chosen:
                file.write(event.data)
    choice.require()
    body.finish()


def next_event(decoder):
    """Return what the decoder finds. Raise FormRefused where it finds a mistake."""
    try:
        return decoder.next_event()
    except ValueError as error:
        raise FormRefused(f"malformed form: {error}") from None


@app.errorhandler(FormRefused)
def refuse_form(error):
    """Answer with the reason."""
    return {"error": str(error)}, 400


@app.errorhandler(AmbiguousForm)
def refuse_boundary(_error):
    """Answer with the reason."""
    return {"error": "the file has the form's boundary after a bare CR or LF: choose another boundary"}, 400
