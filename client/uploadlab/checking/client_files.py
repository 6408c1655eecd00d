"""The files that clients are given to send, and what is right to send of them."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from uploadlab.catalogue.client_registry import ClientAttempt, Resize
from uploadlab.catalogue.payloads import blocks
from uploadlab.checking.client_oracle import HandedOver
from uploadlab.sending.clients.sources import OFFSET_BYTES
from uploadlab.units import MIB

LINE = "Zeile f\u00fcr Zeile, \u6587\u5b57 \u2713\n".encode()
"""Of a file that is text: letters of two and three bytes."""


class GivenFile(NamedTuple):
    """A file as a client is given it."""

    path: Path
    handed_over: list[HandedOver]
    """What is right to send of it, as it was then."""
    changes: bool

    def expected(self) -> list[HandedOver]:
        """Return what is right to send of it, as it was and as it is: it may have changed meanwhile."""
        return [*self.handed_over, *([_digested(self.path)] if self.changes else [])]


class ClientFiles:
    """Files in a folder, each made once, and what of them a client may send."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._made: dict[tuple[int, bool], tuple[Path, HandedOver]] = {}

    def make(self, attempts: Iterable[ClientAttempt]) -> None:
        """Write what these need, before clients ask for it in threads; raise OSError."""
        for attempt in attempts:
            self._file(attempt)

    def remove(self) -> None:
        """Remove all files."""
        for path, _ in self._made.values():
            path.unlink(missing_ok=True)

    @contextmanager
    def given(self, attempt: ClientAttempt) -> Iterator[GivenFile]:
        """Yield the file of an attempt; a file that will change is the attempt's own."""
        path, whole = self._file(attempt)
        handed_over = [whole]
        if attempt.source == "offset":
            handed_over.append(_digested(path, OFFSET_BYTES))
        if not any(isinstance(step, Resize) for turn in attempt.turns for step in turn):
            yield GivenFile(path, handed_over, changes=False)
            return
        own = self._folder / f"client-{next(self._numbers)}"
        try:
            shutil.copyfile(path, own)
            yield GivenFile(own, handed_over, changes=True)
        finally:
            own.unlink(missing_ok=True)

    def _file(self, attempt: ClientAttempt) -> tuple[Path, HandedOver]:
        is_text = attempt.source == "text"
        key = attempt.size_bytes, is_text
        if key not in self._made:
            path = self._folder / f"client-{'text' if is_text else 'noise'}-{attempt.size_bytes}"
            with open(path, "wb") as file:
                if is_text:
                    file.write(LINE * (attempt.size_bytes // len(LINE)))
                else:
                    file.writelines(blocks(attempt.size_bytes))
            self._made[key] = path, _digested(path)
        return self._made[key]


def _digested(path: Path, start: int = 0) -> HandedOver:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(start)
        while block := file.read(MIB):
            digest.update(block)
    return HandedOver(os.path.getsize(path) - start, digest.hexdigest())  # noqa: PTH202
