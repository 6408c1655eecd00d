"""The folder of this host that a server stores uploads in: what has appeared there since."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from uploadlab.model.load import LoadUpload
from uploadlab.model.measurements import Status
from uploadlab.model.targets import TargetSpec
from uploadlab.sending.digests import OWN_DIGEST, SentFile, file_digest, sent_noise

APPEAR_SECONDS = 5.0
"""How long after the answer a file may take to appear."""
POLL_SECONDS = 0.05


class Shelf:
    """A folder with all below it, as it was before an upload."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._before = {path: _mark(found) for path, found in self._files()}

    def new_files(self) -> list[tuple[Path, int]]:
        """Return the files that have appeared or changed since, and their sizes, the newest first."""
        found = [(path, stat) for path, stat in self._files() if self._before.get(path) != _mark(stat)]
        found.sort(key=lambda item: item[1].st_mtime_ns, reverse=True)
        return [(path, stat.st_size) for path, stat in found]

    def copies(self, sent: SentFile, count: int = 1, seconds: float = APPEAR_SECONDS) -> list[Path]:
        """Return the new files with the bytes that were sent; wait a while until there are that many."""
        end = time.monotonic() + seconds
        known: dict[tuple[Path, int], bool] = {}
        while True:
            now = self.new_files()
            for item in now:
                if item[1] == sent.size_bytes and not known.get(item):
                    known[item] = self._is_copy(item[0], sent)
            found = [path for path, size_bytes in now if known.get((path, size_bytes))]
            if len(found) >= count or time.monotonic() > end:
                return found
            time.sleep(POLL_SECONDS)

    def _is_copy(self, path: Path, sent: SentFile) -> bool:
        try:
            return file_digest(str(path)) == sent.digest(OWN_DIGEST)
        except OSError:  # it may have been moved since
            return False

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = Path(folder) / name
                with suppress(OSError):
                    if path.is_file() and not path.is_symlink():
                        yield path, path.stat()


def _mark(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_mtime_ns, found.st_size


def missing_file(folder: str, size_bytes: int) -> str:
    """Return what is wrong where a success has left no such file."""
    return f"no new file of {size_bytes} bytes with the right content is in {folder}"


def without_folder(spec: TargetSpec) -> TargetSpec:
    """Return a spec without the folder: of uploads at once, no user can tell which file is whose."""
    return msgspec.structs.replace(spec, stored_dir="", clean_up=False) if spec.stored_dir else spec


def verify_on_shelf(shelf: Shelf, uploads: Sequence[LoadUpload], size_bytes: int, clean_up: bool) -> None:
    """Complete rows of uploads at once: as many are right as there are files with the right content."""
    accepted = [row for row in uploads if row.status is Status.UNVERIFIED]
    found = shelf.copies(sent_noise(size_bytes), len(accepted)) if accepted else []
    for number, row in enumerate(accepted):
        if number >= len(found):
            row.status, row.error = Status.WRONG, missing_file(shelf.folder, size_bytes)
            continue
        row.status, row.stored_bytes, row.digest_ok = Status.OK, size_bytes, True
        if clean_up:
            with suppress(OSError):
                found[number].unlink(missing_ok=True)
                row.removed = True
