"""A form's body of which no read ends within its last delimiter.

Werkzeug's parser takes the CR before that delimiter for a byte of the file where a read ends between the
delimiter's last two dashes (pallets/werkzeug#3285). It reads 64 KiB at a time, so of 65,536 sizes of a file
one is stored with a byte too many, and a success.
"""

from upload_app.receivers import Body


class Untorn:
    """Reads a byte more where a read would end there."""

    def __init__(self, body: Body, boundary: str) -> None:
        self._body = body
        self._torn = f"\r\n--{boundary}-".encode()
        self._tail = b"\r\n"  # the body's first line is one, too

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, and one more at the form's end; raises as Body does."""
        block = self._body.read(size)
        if self._ends_torn(block):
            last = self._body.read(1)
            self._ends_torn(last)
            return block + last
        return block

    def _ends_torn(self, block: bytes) -> bool:
        length = len(self._torn)
        self._tail = (self._tail + block[-length:])[-length:]
        return self._tail == self._torn
