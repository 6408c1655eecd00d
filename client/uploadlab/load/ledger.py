"""What the users of one worker have done: what they sent at once, whole rows once they are verified."""

import atexit
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from gevent.event import Event

from uploadlab.catalogue.payloads import Payload, describe, write_payload
from uploadlab.model.load import LoadUpload
from uploadlab.model.measurements import ACCEPTED
from uploadlab.sending import peak_memory as memory


class Sent(msgspec.Struct):
    """Of one method: bytes handed to the system, and those of uploads that were accepted whole."""

    sent_bytes: int = 0
    good_bytes: int = 0


class Report(msgspec.Struct):
    """What a worker tells its master every now and then; counted from the start of the test."""

    step_id: str
    """Of the lab's: what is told may be of the one before."""
    sent: dict[str, Sent]
    done: int
    """Users at full speed that will not send again."""
    slow_done: int
    cpu_seconds: float
    peak_rss_bytes: int | None
    uploads: list[LoadUpload]
    """Since the last report."""


class Ledger:
    """One a process. Users write into it; Locust's reports take it to the master."""

    def __init__(self) -> None:
        self.enough, self.verify = Event(), Event()
        """Told by the master: slow users shall end; all users shall verify what they have sent."""
        self._payloads: dict[str, Payload] = {}
        self._folder: Path | None = None
        self.begin("")

    def begin(self, step_id: str) -> None:
        """A test starts: count anew."""
        self.step_id = step_id
        self.users = self.done = self.slow_done = 0
        self.progress: dict[str, int] = {}
        """Uploads of each user at full speed that still sends."""
        self.unverified_bytes = 0
        self._sent: dict[str, Sent] = {}
        self._uploads: list[LoadUpload] = []
        self._cpu_before = time.process_time()
        self._memory_known = memory.reset_peak()
        self.enough.clear()
        self.verify.clear()

    def payload(self, size_bytes: int, file: str | None) -> Payload:
        """The file to send: the user's own, or one of that size, written once."""
        key = file or str(size_bytes)
        if key not in self._payloads:
            self._payloads[key] = describe(Path(file)) if file else self._write(size_bytes)
        return self._payloads[key]

    def count(self, upload: LoadUpload) -> None:
        """Something was sent, and accepted or not."""
        sent = self._sent.setdefault(upload.method, Sent())
        sent.sent_bytes += upload.sent_bytes
        sent.good_bytes += upload.size_bytes if upload.status in ACCEPTED else 0

    def keep(self, upload: LoadUpload) -> None:
        """A row that is complete."""
        self._uploads.append(upload)

    def report(self) -> dict[str, Any]:
        """What there is to tell, as a message can hold it; each row is told once."""
        uploads, self._uploads = self._uploads, []
        peak = memory.peak_rss_bytes() if self._memory_known else None
        cpu_seconds = time.process_time() - self._cpu_before
        report = Report(self.step_id, self._sent, self.done, self.slow_done, cpu_seconds, peak, uploads)
        return dict(msgspec.to_builtins(report))

    def _write(self, size_bytes: int) -> Payload:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="uploadlab-load-"))
            atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        return write_payload(self._folder / f"{size_bytes}.bin", size_bytes)
