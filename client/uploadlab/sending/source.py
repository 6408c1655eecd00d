"""A file while it is sent: as many bytes as were announced, or a fault at once."""

import os
import stat
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

BLOCK_BYTES = 1 << 20


class FileFault(OSError):
    """The file, not the connection, is why an upload failed."""


class AnnouncedFile:
    """An open file with the size that was announced.

    A server waits for bytes that a shorter file no longer has. What a longer file has now was not announced.
    """

    def __init__(self, file: BinaryIO, path: str, size_bytes: int) -> None:
        self._file, self._path, self._size_bytes = file, path, size_bytes
        self._at, self._end = 0, size_bytes

    @property
    def len(self) -> int:
        """How many bytes are left, by the name that requests and requests-toolbelt look for."""
        return self._end - self._at

    def read(self, count: int | None = -1) -> bytes:
        """Return the next block; raise FileFault if the file ends early or cannot be read."""
        wanted = self.len if count is None or count < 0 else min(count, self.len)
        try:
            block = self._file.read(wanted)
        except OSError as error:
            raise FileFault(f"cannot read {self._path}: {error.strerror}") from None
        if wanted and not block:
            raise shorter_file(self._path, self._at, self._size_bytes)
        self._at += len(block)
        return block

    @property
    def is_plain(self) -> bool:
        """Whether it is a file of the system's, not a pipe or something in memory."""
        try:
            return stat.S_ISREG(os.fstat(self.descriptor).st_mode)
        except (AttributeError, OSError, ValueError):  # what is not of the system has no number
            return False

    @property
    def position(self) -> int:
        """Where the next byte is read."""
        return self._at

    @property
    def descriptor(self) -> int:
        """The number by which the system knows the file, if it does."""
        return self._file.fileno()

    def skip(self, count: int) -> None:
        """Go on behind bytes that the system has sent; raise FileFault if the file ended before them."""
        if self.len and not count:
            raise shorter_file(self._path, self._at, self._size_bytes)
        self._at += count

    def find_place(self) -> None:
        """Have the next block read from behind what was skipped."""
        self._file.seek(self._at)

    def seek(self, position: int) -> int:
        """Go to a position, from which the announced bytes that follow are left."""
        self._at, self._end = position, self._size_bytes
        return self._file.seek(position)

    def select(self, start: int, count: int) -> None:
        """Go to a position, from which that many bytes are left: a piece that is sent by itself."""
        self.seek(start)
        self._end = start + count

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks that are left."""
        return iter(partial(self.read, BLOCK_BYTES), b"")


def shorter_file(path: str, left_bytes: int, size_bytes: int) -> FileFault:
    """Return the fault of a file that became shorter."""
    had = f"after {left_bytes} of its {size_bytes} bytes"
    return FileFault(f"{path} ended {had}: send it again when nothing changes it")
