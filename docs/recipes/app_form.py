"""app.py, and POST /form for a browser's form with one file, in a field named "file".

By default Werkzeug writes each file of a form to a temporary one, which save() then copies, and its decoder
copies each byte four times. Here the decoder sees the heads of the parts, and the file goes from the buffer
to its destination: form_body.py. Which part is the file: one_file.py.
"""

from functools import partial

from flask import abort, request
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData, State

from app import BLOCK_BYTES, Body, app, store
from form_body import FormBody, HeadTooLong
from one_file import FormRefused, OneFile

MOST_PARTS = 1000
MOST_BYTES = (
    4 << 20
)  # of heads that the decoder waits with: a line that looks like the first boundary, and is none


@app.post("/form")
def form():
    """Store the file, a part of the form."""
    if request.mimetype != "multipart/form-data":
        abort(415, "send multipart/form-data")
    boundary = request.mimetype_params.get("boundary") or abort(400, "no boundary in the Content-Type")
    return store(lambda file: receive_form(file, boundary))


def receive_form(file, boundary):
    """Write the form's file to this one. Raise FormRefused for a form that is malformed or ends early."""
    body, choice, part = Body(), OneFile(), None
    form_body = FormBody(iter(partial(body.read, BLOCK_BYTES), b""), boundary)
    decoder = MultipartDecoder(boundary.encode(), MOST_BYTES, max_parts=MOST_PARTS)
    while not form_body.is_over:
        for piece in form_body.content():
            if part and part.is_chosen:
                file.write(piece)
        decoder.receive_data(form_body.head())
        while not isinstance(event := next_event(decoder), NeedData):
            if isinstance(event, (Field, File)):
                part = choice.examine(event.headers)
                if part.filename and not part.is_chosen:
                    abort(400, "send one file, in a field named 'file'")
            elif isinstance(event, Data) and event.data:
                raise FormRefused("malformed form: a line with its boundary in it does not end with CR LF")
    if decoder.state is not State.EPILOGUE:
        raise FormRefused("malformed form: it ends before its last boundary")
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


@app.errorhandler(HeadTooLong)
def refuse_head(error):
    """Answer with the reason."""
    return {"error": str(error)}, 413
