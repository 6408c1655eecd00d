"""Uploads a file as a browser's form does: python upload_form.py FILE URL."""

import os
import secrets
from pathlib import Path

from upload import UploadError, main

ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})  # as browsers write a name


class Form:
    """A form with one file, as requests reads it; by its own files= it would be in memory as a whole."""

    def __init__(self, source, name):
        boundary = new_boundary()
        place = f'form-data; name="file"; filename="{name.translate(ESCAPES)}"'
        kind = "application/octet-stream"
        head = f"--{boundary}\r\nContent-Disposition: {place}\r\nContent-Type: {kind}\r\n\r\n"
        self.source, self.head, self.end = source, head.encode(), f"\r\n--{boundary}--\r\n".encode()
        self.len = len(self.head) + source.size_bytes + len(self.end)  # the name that requests looks for
        self.content_type = f"multipart/form-data; boundary={boundary}"

    def read(self, count=-1):
        """The head, then the file's own blocks, then the end: nothing is copied to be joined."""
        if self.head:
            piece, self.head = self.head, b""
        elif not (piece := self.source.read(count)):
            piece, self.end = self.end, b""
        return piece


def form(source):
    """What requests needs to send the file in a form."""
    if source.size_bytes is None:
        raise UploadError(f"{source.path} has no size, which a form needs: save its content to a file")
    sent = Form(source, os.fsencode(Path(source.path).name).decode(errors="replace"))  # a form has UTF-8
    return {"method": "POST", "data": sent, "headers": {"Content-Type": sent.content_type}}


def new_boundary():
    """As long as may be, of two characters; by default 32 hex digits.

    A parser looks for it in every byte of the file, and skips by its length where a byte is none of its
    characters.
    """
    return "".join(secrets.choice("01") for _ in range(70))


if __name__ == "__main__":
    main(form)
