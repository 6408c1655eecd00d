"""Locks on a range of a file's bytes, which hold against every other opening of it. Needs no other package.

They are Linux's "open file description locks" (fcntl(2)): they hold between threads and between processes,
end when the file is closed, also by a kill, and can be looked at without taking one.
"""

import fcntl
import os
import struct

RANGE = struct.Struct("@hhqqi0q")
"""struct flock of fcntl(2): kind, whence, start, length, process id, and padding."""


def lock_range(file: int, at: int = 0, count: int = 0) -> bool:
    """Lock bytes of a file that is open for writing; return False where another opening has one of them.

    ``count`` 0: all bytes from there on, also those that do not exist.
    """
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, RANGE.pack(fcntl.F_WRLCK, os.SEEK_SET, at, count, 0))
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as fcntl(2) has it
        return False
    return True


def is_range_locked(file: int) -> bool:
    """Return whether another opening of the file has a lock on any of its bytes."""
    found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, RANGE.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    return bool(RANGE.unpack(found)[0] != fcntl.F_UNLCK)
