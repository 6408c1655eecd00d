"""Whether anything but a whole upload is ever seen under a final name."""

import os
import threading
from contextlib import suppress
from pathlib import Path

from uploadlab.catalogue.payloads import Payload
from uploadlab.sending.digests import file_digest

POLL_SECONDS = 0.003
NAME_CHARACTERS = 32
"""Of an upload's final name."""


class Watch:
    """A thread that looks at the final names in a data folder again and again, until it has to stop."""

    def __init__(self, data_dir: Path, payload: Payload) -> None:
        self._data_dir, self._payload = data_dir, payload
        self._seen: set[str] = set()
        self._stop = threading.Event()
        self.looks = 0
        self.partial = ""
        """The first file that was not the whole upload when it was first seen; empty: none."""
        self.whole = 0
        """Files that were."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look once more, and end."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            last = self._stop.wait(POLL_SECONDS)
            self._look()
            if last:
                return

    def _look(self) -> None:
        self.looks += 1
        for entry in os.scandir(self._data_dir):
            if len(entry.name) != NAME_CHARACTERS or entry.name in self._seen:
                continue
            with suppress(FileNotFoundError):  # it was removed after it had been verified
                size_bytes = entry.stat().st_size
                digest = file_digest(entry.path)
                self._seen.add(entry.name)
                if size_bytes == self._payload.size_bytes and digest == self._payload.digest:
                    self.whole += 1
                elif not self.partial:
                    self.partial = f"{entry.name}: {size_bytes} of {self._payload.size_bytes} bytes"
