"""The free space of a disk, of which a reserve is kept for others. Needs no other package."""

import errno
import os
from pathlib import Path

FREE_FILES = 1000
"""Files that must still fit on the disk where a reserve is kept: empty uploads take no bytes, but names."""


class NoRoom(OSError):
    """An upload that would leave less than the reserve; its ``strerror`` is the reason."""


class Room:
    """The disk of a folder, which others use, too."""

    def __init__(self, folder: Path, reserve_bytes: int = 0) -> None:
        self._folder, self._reserve_bytes = folder, reserve_bytes

    def require(self, more_bytes: int = 0) -> None:
        """Raise NoRoom if that many more bytes would leave less than the reserve; without one, do nothing.

        Several uploads may each find room for themselves alone: look again while a body arrives.
        """
        if not self._reserve_bytes:
            return
        disk = os.statvfs(self._folder)
        if disk.f_blocks and disk.f_bavail * disk.f_frsize - more_bytes < self._reserve_bytes:
            kept = f"{self._reserve_bytes} bytes"
        elif disk.f_files and disk.f_favail < FREE_FILES:  # both are 0 where a filesystem does not count them
            kept = f"room for {FREE_FILES} files"
        else:
            return
        raise NoRoom(errno.ENOSPC, f"no space left for this upload on the server, which keeps {kept} free")
