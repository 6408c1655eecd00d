"""A form's body as Werkzeug's parser can read it without losing or adding a byte.

It takes the CR before the last delimiter for a byte of the file where a read ends between that delimiter's
last two dashes (pallets/werkzeug#3285). It reads 64 KiB at a time, so of 65,536 sizes of a file one is stored
with a byte too many, and a success. And it ends a file at its boundary after a bare CR or LF, where a
delimiter begins with both (RFC 2046, 5.1.1): what follows is lost, with a success.
"""

import re
from typing import Protocol

from upload_app.receivers import AmbiguousForm


class Readable(Protocol):
    """What a form is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes; none at the end."""


class StrictForm:
    """Reads a byte more where a read would end there, and refuses a file with such a line."""

    def __init__(self, body: Readable, boundary: str) -> None:
        self._body = body
        self._mark = f"--{boundary}".encode()
        self._torn = b"\r\n" + self._mark + b"-"
        self._alike = re.compile(rb"(?:(?<!\r)\n|\r)" + re.escape(self._mark))
        self._tail = b"\r\n"  # the body's first line is one, too

    def read(self, size: int = -1) -> bytes:
        """What the body gives, and one byte more at the form's end; raises AmbiguousForm, and as Body."""
        block = self._body.read(size)
        if self._ends_torn(block):
            last = self._body.read(1)
            self._ends_torn(last)
            return block + last
        return block

    def _ends_torn(self, block: bytes) -> bool:
        length = len(self._torn)
        # Few blocks have the mark, and a search for bytes is much faster than one for a pattern.
        if self._mark in self._tail + block[:length] or self._mark in block:
            new = max(0, len(self._tail) - len(self._mark))
            if self._alike.search(self._tail + block, new):
                raise AmbiguousForm
        self._tail = (self._tail + block[-length:])[-length:]
        return self._tail == self._torn
