"""app.py, and POST /form for a browser's form with one file, in a field named "file".

By default Werkzeug writes each file of a form to a temporary one, which save() then copies. Here its decoder
writes the file to the destination and drops the rest. For large files app_push.py is faster. Which part is
the file: one_file.py.
"""

import io

from flask import abort, request
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData, State

from app import BLOCK_BYTES, app, store
from one_file import FormRefused, OneFile

PIECE_BYTES = 256 << 10
MOST_BYTES = 1 << 20  # of a part's head, or before the first boundary: the decoder keeps both in memory
MOST_PARTS = 1000


@app.post("/form")
def form():
    """Store the file, a part of the form."""
    if request.mimetype != "multipart/form-data":
        abort(415, "send multipart/form-data")
    boundary = request.mimetype_params.get("boundary") or abort(400, "no boundary in the Content-Type")
    return store(lambda file: receive_form(file, boundary.encode()))


def receive_form(file, boundary):
    """Write the form's file to this one. Raise FormRefused for a form that is malformed or ends early."""
    body, choice = WholeDelimiter(request.stream, boundary), OneFile()
    decoder = MultipartDecoder(boundary, MOST_BYTES, max_parts=MOST_PARTS)
    while decoder.state is not State.EPILOGUE:
        decoder.receive_data(body.read(PIECE_BYTES) or None)
        while not isinstance(event := next_event(decoder), NeedData):
            if isinstance(event, (Field, File)):
                part = choice.examine(event.headers)
                if not (part.is_field or part.is_chosen):
                    abort(400, "send one file, in a field named 'file'")
            elif isinstance(event, Data) and part.is_chosen:
                file.write(event.data)
    choice.require()
    finish()


def next_event(decoder):
    """Return what the decoder finds. Raise FormRefused where it finds a mistake."""
    try:
        return decoder.next_event()
    except ValueError as error:
        raise FormRefused(f"malformed form: {error}") from None


def finish():
    """Read what follows the form; a body that ends before its announced end is a 400."""
    while request.stream.read(BLOCK_BYTES):
        pass
    # Some servers end a short body as if it were whole. A chunked one has no length to compare with.
    size_bytes = request.stream.tell()
    if request.content_length not in (None, size_bytes):
        abort(400, f"the body ended after {size_bytes} of {request.content_length} bytes")


class WholeDelimiter:
    """A body whose reads never end between the two dashes that close a form.

    Werkzeug's decoder would take the line break before them for a part of the file: one size in 65,536 is
    stored with a byte too many (https://github.com/pallets/werkzeug/issues/3285).
    """

    def __init__(self, stream, boundary):
        self.stream = io.BufferedReader(stream)  # fills each read but the last
        self.torn = b"--" + boundary + b"-"

    def read(self, size):
        """Return a block, or one byte more."""
        block = self.stream.read(size)
        return block + self.stream.read(1) if block.endswith(self.torn) else block


@app.errorhandler(FormRefused)
def refuse_form(error):
    """Answer with the reason."""
    return {"error": str(error)}, 400
