"""One upload that may go on later: its bytes so far, and what its client has announced. Needs no Flask.

It has two files in ``DATA_DIR/tmp/resumable``. ``<id>.part`` holds its bytes. ``<id>.info`` holds a head,
and behind it a byte for each part that is whole. A request that writes to an upload locks the info file, or
the byte of one part. The data file gets its final name under that lock, once all bytes are there.
"""

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from upload_app.range_lock import lock_range

HEAD_BYTES = 4096
"""Of an info file, in one page: a kill does not tear what is written there at once."""


class UploadRefused(Exception):
    """A request about an unfinished upload that is refused: a status, the reason, and headers."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, dict(headers or {})


class UploadPaths(NamedTuple):
    """Where the files of an upload are."""

    data: Path
    info: Path
    final: Path


@dataclass(frozen=True)
class Announcement:
    """What a client has said of an upload before it sends it."""

    size_bytes: int
    part_bytes: int = 0
    """The size of each part but the last; 0: it has no parts, and is sent from its start to its end."""
    metadata: str = ""
    created: float = 0.0
    """In seconds since 1970."""
    checked_bytes: int | None = None
    """How many bytes count while those behind them wait for a check. None: all count."""

    @property
    def parts(self) -> int:
        """Return how many parts it has."""
        return -(-self.size_bytes // self.part_bytes) if self.part_bytes else 0

    def size_of_part(self, number: int) -> int:
        """Return how many bytes a part has; the first is 0."""
        return min(self.part_bytes, self.size_bytes - number * self.part_bytes)


class UnfinishedUpload:
    """An upload whose files are open. Its lock stays until it is closed."""

    def __init__(self, paths: UploadPaths, info: int, data: int) -> None:
        self.id, self._paths, self._info, self._data = paths.final.name, paths, info, data

    @classmethod
    def make(cls, paths: UploadPaths, announced: Announcement) -> "UnfinishedUpload | None":
        """Make the files of a new upload, and lock it; return None where a sweep takes it for an old one."""
        info, data = os.open(paths.info, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), -1
        try:
            if not lock_range(info) or not os.fstat(info).st_nlink:
                os.close(info)
                return None
            data = os.open(paths.data, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            upload = cls(paths, info, data)
            upload._announce(announced)
        except BaseException:  # such as a full disk
            for path in (paths.data, paths.info):
                path.unlink(missing_ok=True)
            for file in {info, data} - {-1}:
                os.close(file)
            raise
        return upload

    @classmethod
    def open(cls, paths: UploadPaths) -> "UnfinishedUpload":
        """Open the files of an upload; raise FileNotFoundError where it is gone."""
        info = os.open(paths.info, os.O_RDWR)
        try:
            return cls(paths, info, os.open(paths.data, os.O_RDWR))
        except BaseException:
            os.close(info)
            raise

    def lock(self, part: int | None = None) -> None:
        """Lock the upload, or one of its parts. Raise UploadRefused where another has the lock."""
        at, count = (0, 0) if part is None else (HEAD_BYTES + part, 1)
        if not lock_range(self._info, at, count):
            reason = "another request is writing to this upload: try again later"
            raise UploadRefused(423, reason, {"Retry-After": "1"})

    def is_there(self) -> bool:
        """Return whether the files are still those of this upload: it was neither removed nor finished."""
        return bool(os.fstat(self._info).st_nlink)

    def read(self) -> Announcement:
        """Return what its client has announced; raise ValueError where a kill came before."""
        return Announcement(**json.loads(os.pread(self._info, HEAD_BYTES, 0)))

    def size_bytes(self) -> int:
        """Return how many bytes are on disk."""
        return os.fstat(self._data).st_size

    def written(self) -> float:
        """Return when the last byte came, or when the upload was made, in seconds since 1970."""
        return os.fstat(self._data).st_mtime

    def write(self, block: bytes | memoryview, at: int) -> int:
        """Write a block to its place; return its size. What fits of it stays on a full disk."""
        left = memoryview(block)
        while left:
            count = os.pwrite(self._data, left, at)
            left, at = left[count:], at + count
        return len(block)

    def truncate(self, size_bytes: int) -> None:
        """Drop the bytes from there on."""
        os.ftruncate(self._data, size_bytes)

    def await_check(self, checked_bytes: int | None) -> None:
        """Note on disk that only the first ``checked_bytes`` bytes count; None: all of them."""
        self._announce(replace(self.read(), checked_bytes=checked_bytes))

    def settle(self) -> int:
        """Drop bytes whose check a kill has prevented; return how many bytes count. The upload is locked."""
        checked_bytes = self.read().checked_bytes
        if checked_bytes is not None:
            self.truncate(checked_bytes)
            self.await_check(None)
        return self.size_bytes()

    def missing(self) -> list[int]:
        """Return the numbers of the parts that are not whole."""
        done = os.pread(self._info, self.read().parts, HEAD_BYTES)
        return [number for number in range(self.read().parts) if done[number : number + 1] != b"\1"]

    def has_part(self, number: int) -> bool:
        """Return whether a part is whole."""
        return os.pread(self._info, 1, HEAD_BYTES + number) == b"\1"

    def count_part(self, number: int, fsync: bool) -> None:
        """Note that a part is whole; with ``fsync``, only once its bytes would survive a power cut."""
        if fsync:
            os.fsync(self._data)
        os.pwrite(self._info, b"\1", HEAD_BYTES + number)

    def commit(self, fsync: bool) -> None:
        """Give the data file its final name. With ``fsync``, both then survive a power cut."""
        if fsync:
            os.fsync(self._data)
        self._paths.data.rename(self._paths.final)
        if fsync:  # fsync(2) of a file does not put its name on disk
            folder = os.open(self._paths.final.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self._paths.info.unlink(missing_ok=True)  # after a kill just before, a sweep does it

    def remove(self) -> None:
        """Remove the upload."""
        self._paths.data.unlink(missing_ok=True)
        self._paths.info.unlink(missing_ok=True)  # the last: a sweep looks for it

    def close(self) -> None:
        """Close the files, which ends the lock."""
        os.close(self._data)
        os.close(self._info)

    def _announce(self, announced: Announcement) -> None:
        head = json.dumps(asdict(announced)).encode().ljust(HEAD_BYTES)
        if os.pwrite(self._info, head, 0) < HEAD_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
