"""A form with one file, read while it is sent."""

from collections.abc import Sequence
from typing import BinaryIO

ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""What browsers write in a form's names (HTML Standard, "multipart form data")."""


class SentForm:
    """A form's body as ``requests`` reads it: the head, the file's own blocks, and the end.

    requests-toolbelt's MultipartEncoder sends the same bytes, and copies each of them twice more.
    """

    def __init__(
        self,
        file: BinaryIO,
        size_bytes: int,
        boundary: str,
        field: str,
        name: str,
        others: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Send ``size_bytes`` of ``file`` as ``name`` in a field; ``others`` are fields before it."""
        parts = [f'name="{other.translate(ESCAPES)}"\r\n\r\n{value}\r\n' for other, value in others]
        place = f'name="{field.translate(ESCAPES)}"; filename="{name.translate(ESCAPES)}"'
        parts += [f"{place}\r\nContent-Type: application/octet-stream\r\n\r\n"]
        head = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {part}" for part in parts)
        self._file = file
        self._head, self._end = head.encode(), f"\r\n--{boundary}--\r\n".encode()
        self.len = len(self._head) + size_bytes + len(self._end)
        """Its bytes, by the name that requests looks for."""
        self.content_type = f"multipart/form-data; boundary={boundary}"

    def read(self, count: int = -1) -> bytes:
        """Return what comes next, as it lies there: the head whole, or a block of the file, or the end."""
        if self._head:
            piece, self._head = self._head, b""
        elif not (piece := self._file.read(count)):
            piece, self._end = self._end, b""
        return piece
