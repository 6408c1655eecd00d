"""Uploads on disk: all of a file under its final name, or nothing. Needs no Flask."""

import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import xxhash

from upload_app.range_lock import is_range_locked
from upload_app.room import Room

DIGESTS: dict[str, Callable[[], Any]] = {
    "xxh3_128": xxhash.xxh3_128,  # 10 GB/s and more, so that checking costs next to nothing
    "sha256": hashlib.sha256,
}
PARTIAL = ".part"
INFO = ".info"
"""What ends the name of the file that describes an unfinished upload, and that its writers lock."""


class Partial:
    """A file while it arrives, under a temporary name on the filesystem of its final name.

    Leaving the ``with`` block without ``commit`` removes the file.
    """

    def __init__(self, upload_id: str, file: BinaryIO, path: Path, directory: Path) -> None:
        self.id, self.file = upload_id, file
        self._path, self._directory = path, directory
        self._complete = False

    def size_bytes(self) -> int:
        """Return how many bytes are written so far."""
        self.file.flush()
        return os.fstat(self.file.fileno()).st_size

    def commit(self, fsync: bool = False) -> str:
        """Give the file its final name; return the upload's id.

        With ``fsync``, both file and name survive a power cut from here on.
        """
        self.file.flush()
        if fsync:
            os.fsync(self.file.fileno())
        # Before its lock goes, or a sweep might take it. Until all is done, an error also removes it there.
        self._path = self._path.rename(self._directory / self.id)
        self.file.close()
        if fsync:  # fsync(2) of a file does not put its name on disk
            folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self._complete = True
        return self.id

    def __enter__(self) -> "Partial":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        # Both are tried, whatever fails: a full disk also fails what is left to write when a file is closed,
        # and the answer is the first error.
        if not self._complete:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)  # before its lock goes: an unlocked file is left over
        with suppress(OSError):
            self.file.close()


class Store:
    """The uploads of one deployment: ``DATA_DIR/<id>``, unfinished ones in ``DATA_DIR/tmp``."""

    def __init__(self, directory: Path, reserve_bytes: int = 0) -> None:
        self.directory = directory
        self.room = Room(directory, reserve_bytes)
        self.temporary = directory / "tmp"
        self.unfinished = self.temporary / "resumable"
        """The folder of uploads that may go on later."""
        self.unfinished.mkdir(parents=True, exist_ok=True)
        self._mode = _mode_of_new_files()
        self._sweep()

    def partial(self) -> Partial:
        """Open a new upload to write into.

        Its file stays locked while its writer lives, so that it differs from a file that a killed
        process left.
        """
        while True:
            upload_id = secrets.token_hex(16)
            path = self.temporary / f"{upload_id}{PARTIAL}"
            file = open(path, "w+b")  # noqa: SIM115  closed by Partial
            partial = Partial(upload_id, file, path, self.directory)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)  # may wait for a moment while in_progress() looks
                if os.fstat(file.fileno()).st_nlink:
                    return partial
            except OSError:
                with partial:
                    raise
            file.close()  # a sweep came between opening and locking

    def adopt(self, path: Path) -> Partial:
        """Open an upload that the server in front has put into ``tmp``, with the rights of any other.

        Raise FileNotFoundError for a file elsewhere.
        """
        if self.temporary not in path.parents or ".." in path.parts:
            raise FileNotFoundError(errno.ENOENT, "not in the folder of this server's uploads", str(path))
        path.chmod(self._mode)  # nginx makes it 0600, for its own user alone
        return Partial(secrets.token_hex(16), open(path, "r+b"), path, self.directory)

    def size_bytes(self, upload_id: str) -> int:
        """Return the size of a stored upload; raise FileNotFoundError."""
        return self._path(upload_id).stat().st_size

    def digest(self, upload_id: str, algorithm: str) -> str:
        """Return the hex digest of a stored upload, read from disk; raise FileNotFoundError, KeyError."""
        with open(self._path(upload_id), "rb") as file:
            return hashlib.file_digest(file, DIGESTS[algorithm]).hexdigest()

    def delete(self, upload_id: str) -> None:
        """Remove a stored upload; raise FileNotFoundError."""
        self._path(upload_id).unlink()

    def in_progress(self) -> int:
        """Return how many uploads are being written now, by any process of this deployment."""
        streamed = sum(_is_locked(path) for path in self.temporary.glob(f"*{PARTIAL}"))
        return streamed + sum(_is_written_to(path) for path in self.unfinished.glob(f"*{INFO}"))

    def count(self) -> dict[str, int]:
        """Return how many uploads are stored, how many files (also spools of servers) are in ``tmp``.

        Uploads that may go on later are counted apart, and not as temporary files.
        """
        folders = ((folder, len(files)) for folder, _, files in os.walk(self.temporary))
        return {
            "uploads": sum(is_id(entry.name) for entry in os.scandir(self.directory)),
            "temporary": sum(count for folder, count in folders if folder != str(self.unfinished)),
            "unfinished": sum(1 for _ in self.unfinished.glob(f"*{INFO}")),
        }

    def _sweep(self) -> None:
        """Remove what killed processes of this deployment have left in mid-upload.

        A file that is still being written is locked. So a sweep does no harm where each worker starts the app
        by itself, beside others that receive uploads.
        """
        for path in self.temporary.glob(f"*{PARTIAL}"):
            with suppress(OSError), open(path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def _path(self, upload_id: str) -> Path:
        if not is_id(upload_id):  # never let a client's text become a path
            raise FileNotFoundError(upload_id)
        return self.directory / upload_id


def is_id(value: object) -> bool:
    """Return whether a value may be an upload's id."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32}", value) is not None


def _mode_of_new_files() -> int:
    umask = os.umask(0o077)  # there is no way to ask without setting it
    os.umask(umask)
    return 0o666 & ~umask


def _is_locked(path: Path) -> bool:
    with suppress(FileNotFoundError), open(path, "rb") as file:  # finished between listing and opening
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _is_written_to(path: Path) -> bool:
    with suppress(FileNotFoundError), open(path, "rb") as file:
        return is_range_locked(file.fileno())
    return False
