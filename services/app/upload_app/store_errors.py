"""What an error of the system means for an upload: a status and a true sentence. Needs no Flask."""

import errno
import os

from upload_app.room import NoRoom

REASONS: dict[int, tuple[int, str]] = {
    errno.ENOSPC: (507, "no space left for this upload on the server"),
    errno.EDQUOT: (507, "the disk quota of this server is used up"),
    errno.EFBIG: (413, "too large: the file would exceed the largest file that this server may write"),
    errno.EMFILE: (503, "this server has too many open files for another upload now: try again later"),
    errno.ENFILE: (
        503,
        "this server's system has too many open files for another upload now: try again later",
    ),
    errno.ENOMEM: (503, "this server has too little memory for this upload now: try again later"),
    errno.EROFS: (500, "this server cannot store uploads: its file system is read-only"),
    errno.EACCES: (500, "this server cannot store uploads: it has no permission to write to its folder"),
    errno.EPERM: (500, "this server cannot store uploads: it has no permission to write to its folder"),
    errno.ENOENT: (500, "this server cannot store uploads: its folder, or a file in it, is gone"),
    errno.EIO: (500, "this server cannot store uploads: its disk fails with an input/output error"),
}
"""By the number that the system gives. 507: no room; 413: a limit for each file; 503: it may pass."""


def explain_store_error(error: OSError) -> tuple[int, str]:
    """Return the status and the sentence for an error of the system while files are read or written."""
    if isinstance(error, NoRoom):
        return REASONS[errno.ENOSPC][0], str(error.strerror)
    if error.errno in REASONS:
        return REASONS[error.errno]
    reason = os.strerror(error.errno) if error.errno else "the system gave no reason"
    return 500, f"this server's storage failed: {reason}"
