"""A form's body as Werkzeug's parser can read it without losing or adding a byte.

The parser takes the CR before the last delimiter for a byte of the file where a read ends between that
delimiter's last two dashes (pallets/werkzeug#3285). It reads 64 KiB at a time: of 65,536 sizes of a file, one
is stored with an extra byte, and a success. The parser also ends a file at its boundary after a bare CR or
LF, though a delimiter begins with both (RFC 2046, 5.1.1): what follows is lost, with a success.
"""

import re
from collections.abc import Callable


class AmbiguousForm(Exception):
    """A form that Werkzeug's parser would cut."""


class StrictForm:
    """A reader that never ends a block between those dashes, and rejects a file with its boundary in it."""

    def __init__(self, read_body: Callable[[int], bytes], boundary: str) -> None:
        self._read_body = read_body
        self._mark = f"--{boundary}".encode()
        self._torn = b"\r\n" + self._mark + b"-"
        self._alike = re.compile(rb"(?:(?<!\r)\n|\r)" + re.escape(self._mark))
        self._tail = b"\r\n"  # the body's first line may be a delimiter, too

    def read(self, size: int = -1) -> bytes:
        """Return a block, one byte longer at the form's end. Raise AmbiguousForm and what Body raises."""
        block = self._read_body(size)
        if self._ends_torn(block):
            last = self._read_body(1)
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
