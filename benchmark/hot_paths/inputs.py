"""What servers hand to the app as ``wsgi.input``, read from a file."""

import io
from collections.abc import Callable
from typing import Any

Input = Callable[[io.BufferedReader], dict[str, Any]]


class ReadOnly:
    """No more than PEP 3333 promises, as of gunicorn and uWSGI."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.read = file.read
        self.readline = file.readline


def buffered(file: io.BufferedReader) -> dict[str, Any]:
    """A socket's file, whose length Werkzeug minds: it can read into the app's own buffer."""
    return {"wsgi.input": file}


def read_only(file: io.BufferedReader) -> dict[str, Any]:
    """A server's own reader, whose length Werkzeug minds."""
    return {"wsgi.input": ReadOnly(file)}


def chunked(file: io.BufferedReader) -> dict[str, Any]:
    """A server's own reader that knows its end: Werkzeug hands it on as it is."""
    framing = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    return {"wsgi.input": ReadOnly(file), **framing}


INPUTS: list[Input] = [buffered, read_only, chunked]


def read_through(file: io.BufferedReader, block_size: int) -> None:
    """Nothing else: what remains is the cost of the file, and of the harness."""
    buffer = bytearray(block_size)
    while file.readinto(buffer):
        pass
