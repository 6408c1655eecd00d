"""An upload that is written over and over.

So neither a disk is measured, nor how the system finds new memory for each upload.
"""

import io
from pathlib import Path

from upload_app.storage import Partial


class Kept(io.BufferedRandom):
    """A file that keeps its pages."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path, "r+"))

    def truncate(self, pos: int | None = None, /) -> int:
        """Not here: next time it would be longer again, on new pages."""
        return self.tell() if pos is None else pos


class InPlace(Partial):
    """An upload whose file is there before, and stays."""

    def __init__(self, path: Path) -> None:
        self.id = "0" * 32
        self.file = Kept(path)

    def commit(self, fsync: bool = False) -> str:
        """Leave it where it is; returns its id. A disk is not waited for, there is none."""
        self.file.close()
        return self.id

    def __exit__(self, *error: object) -> None:
        self.file.close()
