"""Uploads a file as a browser's form does: python upload_form.py FILE URL."""

import os
import secrets
from pathlib import Path

from requests_toolbelt import MultipartEncoder

from upload import UploadError, main


def form(source):
    """What requests needs to send the file in a form; by its own files= it would be in memory as a whole."""
    if source.size_bytes is None:
        raise UploadError(f"{source.path} has no size, which a form needs: save its content to a file")
    name = os.fsencode(Path(source.path).name).decode(errors="replace")  # a form has UTF-8
    encoder = MultipartEncoder({"file": (name, source, "application/octet-stream")}, boundary())
    return {"method": "POST", "data": encoder, "headers": {"Content-Type": encoder.content_type}}


def boundary():
    """As long as may be, of two characters; by default 32 hex digits.

    A parser looks for it in every byte of the file, and skips by its length where a byte is none of its
    characters.
    """
    return "".join(secrets.choice("01") for _ in range(70))


if __name__ == "__main__":
    main(form)
