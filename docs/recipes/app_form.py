"""app.py, and POST /form for a browser's form with one file, in a field named "file".

By default Werkzeug writes a form's file to a temporary one, which save() then copies. Here its parser writes
to the destination. For large files app_push.py is faster.
"""

import io

from flask import Request, abort, request

from app import app, store

ONE_FILE = "send one file, in a field named 'file'"


@app.post("/form")
def form():
    """The file is a part of the form."""
    if request.mimetype != "multipart/form-data":  # others are read into memory, up to the limit
        abort(415, "send multipart/form-data")
    return store(receive_form)


def receive_form(file):
    """Have the form parsed into the file."""
    request.destination = file
    if not request.files.get("file"):
        abort(400, ONE_FILE)


class FormRequest(Request):
    """Says where the parser reads from and writes to."""

    destination = None

    def _get_file_stream(self, *_args, **_kwargs):
        """Werkzeug's hook for what a file part is written to."""
        if self.destination is None:
            abort(400, ONE_FILE)
        file, self.destination = self.destination, None
        return file

    def _get_stream_for_parsing(self):
        return WholeDelimiter(super()._get_stream_for_parsing(), self.mimetype_params.get("boundary", ""))


class WholeDelimiter:
    """Never ends a read between the two dashes that close a form.

    Werkzeug's parser would take the line break before them for a part of the file: one size in 65,536 is
    stored with a byte too many (https://github.com/pallets/werkzeug/issues/3285).
    """

    def __init__(self, stream, boundary):
        self.stream = io.BufferedReader(stream)  # fills each read but the last
        self.torn = f"--{boundary}-".encode()

    def read(self, size=-1):
        """As of any stream, or one byte more."""
        block = self.stream.read(size)
        return block + self.stream.read(1) if block.endswith(self.torn) else block


app.request_class = FormRequest
