"""Uploads on disk: all of a file under its final name, or nothing."""

import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import xxhash

DIGESTS: dict[str, Callable[[], Any]] = {
    "xxh3_128": xxhash.xxh3_128,  # 10 GB/s and more, so that checking costs next to nothing
    "sha256": hashlib.sha256,
}
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a full disk or a used-up quota."""
PARTIAL = ".part"
_ID = re.compile(r"[0-9a-f]{32}")


class Partial:
    """A file while it arrives, under a temporary name on the filesystem of its final one.

    Leaving the ``with`` block without ``commit`` removes it. It stays locked as long as its
    writer lives, so that one left by a killed process can be told from one in work.
    """

    def __init__(self, directory: Path, temporary: Path) -> None:
        self._directory = directory
        while True:
            self.id = _new_id()
            self._path = temporary / f"{self.id}{PARTIAL}"
            self.file: BinaryIO = open(self._path, "w+b")  # noqa: SIM115  closed by __exit__
            fcntl.flock(self.file, fcntl.LOCK_EX)  # may wait for a glance of in_progress()
            if os.fstat(self.file.fileno()).st_nlink:
                break
            self.file.close()  # a sweep came between the two lines above

    @classmethod
    def adopt(cls, directory: Path, path: Path) -> "Partial":
        """A file that a server has written, whole, on that filesystem; raises FileNotFoundError."""
        adopted = cls.__new__(cls)
        adopted._directory, adopted._path, adopted.id = directory, path, _new_id()
        adopted.file = open(path, "r+b")  # noqa: SIM115  closed by __exit__
        return adopted

    def size_bytes(self) -> int:
        """Bytes written so far."""
        self.file.flush()
        return os.fstat(self.file.fileno()).st_size

    def commit(self, fsync: bool = False) -> str:
        """Give the file its final name; returns the upload's id.

        With ``fsync``, both outlive a power cut from here on.
        """
        self.file.flush()
        if fsync:
            os.fsync(self.file.fileno())
        self._path.rename(self._directory / self.id)  # before its lock goes, or a sweep might take it
        self.file.close()
        if fsync:
            _fsync_folder(self._directory)
        return self.id

    def __enter__(self) -> "Partial":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._path.unlink(missing_ok=True)  # before its lock goes: what is not locked is left over
        self.file.close()


class Store:
    """The uploads of one deployment: ``DATA_DIR/<id>``, unfinished ones in ``DATA_DIR/tmp``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.temporary = directory / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def partial(self) -> Partial:
        """A new upload to write into."""
        return Partial(self.directory, self.temporary)

    def adopt(self, path: Path) -> Partial:
        """An upload that the server in front has taken into ``tmp``; raises FileNotFoundError."""
        if self.temporary not in path.parents or ".." in path.parts:
            raise FileNotFoundError(path)
        return Partial.adopt(self.directory, path)

    def size_bytes(self, upload_id: str) -> int:
        """Size of a stored upload; raises FileNotFoundError."""
        return self._path(upload_id).stat().st_size

    def digest(self, upload_id: str, algorithm: str) -> str:
        """Hex digest of a stored upload, read from disk; raises FileNotFoundError, KeyError."""
        with open(self._path(upload_id), "rb") as file:
            return hashlib.file_digest(file, DIGESTS[algorithm]).hexdigest()

    def delete(self, upload_id: str) -> None:
        """Remove a stored upload; raises FileNotFoundError."""
        self._path(upload_id).unlink()

    def in_progress(self) -> int:
        """How many uploads are being written now, by any process of this deployment."""
        return sum(_is_locked(path) for path in self._partials())

    def count(self) -> dict[str, int]:
        """How many uploads are stored, and how many files lie in ``tmp``, spools of servers included."""
        names = [entry.name for entry in os.scandir(self.directory)]
        return {
            "uploads": sum(is_id(name) for name in names),
            "temporary": sum(len(files) for _, _, files in os.walk(self.temporary)),
        }

    def _sweep(self) -> None:
        """Remove what killed processes of this deployment have left in mid-upload.

        Whatever is still being written is locked. So it does no harm where each worker starts the app by
        itself, beside others that are at work.
        """
        for path in self._partials():
            with suppress(OSError), open(path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def _partials(self) -> Iterator[Path]:
        return self.temporary.glob(f"*{PARTIAL}")

    def _path(self, upload_id: str) -> Path:
        if not is_id(upload_id):  # never let a client's text become a path
            raise FileNotFoundError(upload_id)
        return self.directory / upload_id


def _new_id() -> str:
    return secrets.token_hex(16)


def is_id(value: object) -> bool:
    """Whether it may be an upload's id."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _fsync_folder(folder: Path) -> None:
    """Have the names in it on disk; fsync(2) of a file does not do that."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_locked(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # finished between listing and opening
        return False
    return False
