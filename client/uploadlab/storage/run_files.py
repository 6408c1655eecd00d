"""Opens the files of run folders; no other module does. A run folder may come from anyone, so it is input.

Names stay below the folder. No link is followed there, no pipe or device is opened, and no more is read than
a limit. What is written in one step gets a new name first, which nobody can foresee.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from uploadlab.units import format_size

MOST_BYTES = 192 << 20
"""Of a file, unpacked: 100,000 uploads are 120 million bytes."""
NOT_FILES = {
    stat.S_ISLNK: "a link",
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


class RunFiles:
    """The files below a folder, by their names. The folder itself may be reached by a link.

    Methods raise OSError, whose ``strerror`` says what is wrong with the file.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str, most_bytes: int = MOST_BYTES) -> bytes:
        """Return the content of a file; a file with more bytes is an error."""
        with self._open(name) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes > most_bytes:
                raise OSError(errno.EFBIG, f"it is larger than {format_size(most_bytes)}", name)
            return file.read(size_bytes)

    def read_end(self, name: str, most_bytes: int) -> bytes:
        """Return the last bytes of a file, at most this number."""
        with self._open(name) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - most_bytes))
            return file.read(most_bytes)

    def size(self, name: str) -> int:
        """Return the bytes of a file; 0 if there is none, or no plain file."""
        with suppress(OSError), self._parent(name) as (folder, last):
            found = os.stat(last, dir_fd=folder, follow_symlinks=False)
            return found.st_size if stat.S_ISREG(found.st_mode) else 0
        return 0

    def owners(self, name: str) -> set[int]:
        """Return the users who own the folder and this file, as far as both are there."""
        found = set()
        with suppress(OSError), self._parent(name) as (folder, last):
            found.add(os.fstat(folder).st_uid)
            found.add(os.stat(last, dir_fd=folder, follow_symlinks=False).st_uid)
        return found

    def append(self, name: str) -> BinaryIO:
        """Return a file that is open for reading and for adding to, made if there is none.

        A file with a second name elsewhere is an error: what is added would show there, too.
        """
        flags = os.O_RDWR | os.O_APPEND
        with suppress(FileExistsError), self._parent(name, make=True) as (folder, last):
            fd = os.open(last, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
            _give(fd, folder)
            return open(fd, "a+b")
        file = self._open(name, flags, "a+b")
        if os.fstat(file.fileno()).st_nlink > 1:
            file.close()
            raise OSError(errno.EMLINK, "it has another name elsewhere; copy the folder first", name)
        return file

    def replace(self, name: str, content: bytes) -> None:
        """Write or replace a file in one step."""
        with self._parent(name, make=True) as (folder, last):
            new = f".{last}.{secrets.token_hex(8)}"
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
            try:
                with open(fd, "wb") as file:
                    _give(fd, folder)
                    file.write(content)
                os.replace(new, last, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException as error:
                with suppress(OSError):
                    os.unlink(new, dir_fd=folder)
                if isinstance(error, OSError):
                    raise OSError(error.errno, error.strerror, name) from None
                raise

    def remove(self, name: str) -> None:
        """Remove a file, or a link itself, if there is one."""
        with suppress(FileNotFoundError), self._parent(name) as (folder, last):
            os.unlink(last, dir_fd=folder)

    def make_folder(self, name: str) -> Path:
        """Return the path of a folder below this one, made if there is none."""
        with self._parent(f"{name}/x", make=True):
            return self._root / name

    def _open(self, name: str, flags: int = os.O_RDONLY, mode: str = "rb") -> BinaryIO:
        with self._parent(name) as (folder, last):
            # Looked at first, for opening alone may do something to a device.
            _require_file(os.stat(last, dir_fd=folder, follow_symlinks=False), name)
            # Another kind may have taken its place since: a pipe must not be waited for.
            fd = os.open(last, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            _require_file(os.fstat(fd), name)
            return cast(BinaryIO, open(fd, mode))
        except BaseException:
            os.close(fd)
            raise

    @contextmanager
    def _parent(self, name: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """Yield the open folder of a file and the file's own name."""
        *folders, last = _parts(name)
        if make:
            self._root.mkdir(parents=True, exist_ok=True)
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in folders:
                below = _folder_below(folder, part, make)
                os.close(folder)
                folder = below
            yield folder, last
        finally:
            os.close(folder)


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a name that stays below the folder; raise OSError for any other."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name or not name.isprintable():
        raise OSError(errno.EINVAL, "its name leads out of the run's folder, or is none", name)
    return path.parts


def _folder_below(folder: int, name: str, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
            made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            _give(made, folder)
            return made
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(errno.ENOTDIR, f"{_kind(found)} stands where a run has a folder", name)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)


def _require_file(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, f"{_kind(found)} stands where a run has a file", name)


def _kind(found: os.stat_result) -> str:
    return next((words for is_kind, words in NOT_FILES.items() if is_kind(found.st_mode)), "a file")


def _give(fd: int, folder: int) -> None:
    """Give what root makes in a run folder to the folder's owner, who may go on with the run."""
    if os.geteuid() == 0:
        owner = os.fstat(folder)
        with suppress(PermissionError):  # a container may lack the right
            os.fchown(fd, owner.st_uid, owner.st_gid)
