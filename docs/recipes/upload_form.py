"""Uploads a file as a browser's form does: python upload_form.py FILE URL."""

import secrets
from pathlib import Path

from requests_toolbelt import MultipartEncoder

from upload import main


def form(file, _size_bytes):
    """What requests needs to send the file in a form; by its own files= it would be in memory as a whole."""
    part = (Path(file.name).name, file, "application/octet-stream")
    encoder = MultipartEncoder({"file": part}, boundary())
    return {"method": "POST", "data": encoder, "headers": {"Content-Type": encoder.content_type}}


def boundary():
    """As long as may be, of two characters; by default 32 hex digits.

    A parser looks for it in every byte of the file, and skips by its length where a byte is none of its
    characters.
    """
    return "".join(secrets.choice("01") for _ in range(70))


if __name__ == "__main__":
    main(form)
