"""A form's body, taken apart at its delimiters. Needs no other package.

Werkzeug's parser copies each byte of a form four times, and loses some. Here a parser gets the heads of the
parts, which are short; what lies between goes where it belongs from the buffer that it was read to.

A delimiter begins with CR LF (RFC 2046, 5.1.1). Werkzeug's parser takes a bare CR or LF for one, too: it cuts
a file that has its boundary there. It also takes the CR before the last delimiter for a byte of the file
where a read ends between that delimiter's last two dashes (pallets/werkzeug#3285). It reads 64 KiB at a time:
of 65,536 sizes of a file, one is stored with an extra byte, and a success. A parser of heads does neither.
"""

from collections.abc import Iterator
from typing import cast

HEAD_END = b"\r\n\r\n"
MOST_HEAD_BYTES = 1 << 20
"""Of a part's head, which is in memory as a whole."""


class HeadTooLong(Exception):
    """A part of a form with a head of more than MOST_HEAD_BYTES."""


class FormBody:
    """A form's body, to be read part by part: ``content``, ``head``, and so on until it ``is_over``.

    The first content is what stands before the first delimiter, and belongs to no part.
    """

    def __init__(self, blocks: Iterator[bytes | memoryview], boundary: str) -> None:
        """Read ``blocks``. A view is valid until the next block only, and begins where its buffer does."""
        self._blocks = blocks
        self._delimiter = f"\r\n--{boundary}".encode()
        self._block: bytes | bytearray = b"\r\n"  # the body's first line may be a delimiter
        self._at, self._end = 0, len(self._block)
        self.is_over = False
        """Whether the last delimiter was read, or the body ended before it."""

    def content(self) -> Iterator[memoryview]:
        """Yield what comes before the next delimiter, in pieces; each is valid until the next."""
        while True:
            found = self._block.find(self._delimiter, self._at, self._end)
            end = self._sure_end() if found < 0 else found
            if end > self._at:
                yield memoryview(self._block)[self._at : end]
                self._at = end
            if found >= 0 or not self._read_on():
                return

    def head(self) -> bytes:
        """Return the next delimiter, and the head behind it with its empty line. Raise HeadTooLong.

        Behind the last delimiter is no head. A body that ends too early gives what is left.
        """
        last = self._delimiter + b"--"
        while True:
            if self._block.startswith(last, self._at, self._end):
                self.is_over = True
                return self._take(self._at + len(last))
            if (found := self._block.find(HEAD_END, self._at, self._end)) >= 0:
                return self._take(found + len(HEAD_END))
            if self._end - self._at > MOST_HEAD_BYTES:
                raise HeadTooLong(f"the head of a part has over {MOST_HEAD_BYTES} bytes")
            if not self._read_on():
                self.is_over = True
                return self._take(self._end)

    def _sure_end(self) -> int:
        """Return where the block ends, or where a delimiter begins that the next block may complete."""
        last = self._block.rfind(b"\r", max(self._at, self._end - len(self._delimiter) + 1), self._end)
        is_torn = last >= 0 and self._delimiter.startswith(self._block[last : self._end])
        return last if is_torn else self._end

    def _take(self, end: int) -> bytes:
        piece, self._at = bytes(self._block[self._at : end]), end
        return piece

    def _read_on(self) -> bool:
        """Read on behind what is left; return whether there was more."""
        if self._at == self._end:
            block = next(self._blocks, b"")
            # A view has no find(), but what it views has.
            self._block = cast(bytearray, block.obj) if isinstance(block, memoryview) else block
            self._at, self._end = 0, len(block)
            return self._end > 0
        left = self._block[self._at : self._end]
        joined = bytearray(left)
        for block in self._blocks:
            joined += block
            if len(joined) > 2 * len(left):  # a body that comes byte by byte is not joined as often
                break
        self._block, self._at, self._end = joined, 0, len(joined)
        return self._end > len(left)
