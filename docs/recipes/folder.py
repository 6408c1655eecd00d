"""The folder of the uploads: no other user of this host can read them, or put a file in their place."""

import os
import stat
from pathlib import Path

# Beside the folder of the code, not in it: what lies there may be served, or committed.
FOLDER = Path(__file__).resolve().parent.parent / "uploads"


def own_folder(path):
    """Return the folder, made if need be. Raise PermissionError if it is a link or others have rights."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{path} must be a folder of your own, for you alone: chmod 700 {path}")
    return path


def own_file(path, flags):
    """An opener for open(): by default, every user of this host may read a new file."""
    return os.open(path, flags, 0o600)
