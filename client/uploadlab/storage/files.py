"""The files of a run folder: their names, and how each is read whether it is packed or not."""

import errno
import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from uploadlab.errors import LabError
from uploadlab.storage.run_files import MOST_BYTES, RunFiles
from uploadlab.units import format_size

RUN_FILE = "run.json"
ORDER_FILE = "order.json"
"""What the host leaves for the client's container."""
MEASUREMENTS = "measurements.jsonl"
REPORT = "report.html"
SUMMARY = "summary.json"
"""What the viewer's list shows of a run, written with the report."""
LOGS = "logs"
PROFILES = "profiles"
PROFILED = "profiles.jsonl"
LOAD_UPLOADS = "load/uploads.jsonl"
LOAD_STEPS = "load/steps.jsonl"
CHECKS = "checks.jsonl"
MOST_LINE_BYTES = 1 << 20
MOST_LINES = 200_000
"""Of a file: twenty times as many as the largest that is kept with the lab has."""
GZIP = 16 + zlib.MAX_WBITS
"""What zlib calls gzip's format."""


class Unreadable(LabError):
    """A file of rows that is damaged, no plain file, or too large."""

    def __init__(self, name: str, problem: str, damaged: bool = False) -> None:
        self.problem = problem
        what = "is damaged" if damaged else "is not read"
        super().__init__(f"{name} {what} ({problem}): copy it from its source again")
        self.notice = f"{name} {what} and left out." if damaged else f"{name} is left out: {problem}."
        """What a report says."""


def packed(name: str) -> str:
    """Return the name that ``gzip`` gives to a file, as in runs that are kept in git."""
    return f"{name}.gz"


def size_of(files: RunFiles, name: str) -> int:
    """Return the bytes of a file and of its packed form; 0 if there is neither."""
    return files.size(name) + files.size(packed(name))


def content_of(files: RunFiles, name: str) -> bytes:
    """Return the bytes of a file, packed or not; none if there is no file. Raises Unreadable."""
    archive = packed(name)
    try:
        try:
            content = files.read(name)
        except FileNotFoundError:
            content = unpacked(files, name)
    except FileNotFoundError:
        return b""
    except OSError as error:
        where = archive if error.filename == archive else name
        raise Unreadable(where, str(error.strerror)) from None
    if content.count(b"\n") > MOST_LINES:
        raise Unreadable(name, f"it has more than {MOST_LINES} lines")
    return content


def unpacked(files: RunFiles, name: str, most_bytes: int = MOST_BYTES) -> bytes:
    """Return what a packed file holds, at most this number of bytes; raise OSError, Unreadable."""
    archive, unpacking = packed(name), zlib.decompressobj(GZIP)
    try:
        content = unpacking.decompress(files.read(archive), most_bytes + 1)
    except zlib.error as error:
        raise Unreadable(archive, str(error), damaged=True) from None
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {format_size(most_bytes)} unpacked", archive)
    if not unpacking.eof or unpacking.unused_data:
        raise Unreadable(archive, "it does not end where its content ends", damaged=True)
    return content


def unpack(files: RunFiles, name: str) -> None:
    """Restore a packed file, so that lines can be appended to it. Raises LabError, OSError."""
    if files.size(packed(name)) and not files.size(name):
        files.replace(name, content_of(files, name))
    files.remove(packed(name))


def whole_lines(content: bytes) -> Iterator[bytes]:
    """Yield the lines of a file without a last line that was cut short by a kill."""
    begin = 0
    while end := content.find(b"\n", begin) + 1:
        yield content[begin : end - 1]
        begin = end


def drop_torn_line(file: BinaryIO, name: str) -> None:
    """Remove a last line that a kill cut short, and go to the end; raise OSError."""
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(max(0, size_bytes - 1))
    if file.read(1) in (b"", b"\n"):  # as it is before nearly every row
        return
    begin = max(0, size_bytes - MOST_LINE_BYTES)
    file.seek(begin)
    end = file.read(MOST_LINE_BYTES).rfind(b"\n") + 1
    if begin and not end:
        raise OSError(errno.EINVAL, "its last line is longer than any of a run", name)
    file.truncate(begin + end)
