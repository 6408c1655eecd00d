"""What the users of one worker have done: what they sent at once, whole rows once they are verified."""

import atexit
import shutil
import tempfile
import time
from functools import cached_property
from pathlib import Path

import msgspec
from gevent.event import Event

from uploadlab.catalogue.methods import OWN_METHODS
from uploadlab.catalogue.payloads import Payload, describe, write_payload
from uploadlab.model.load import LoadUpload
from uploadlab.model.measurements import ACCEPTED
from uploadlab.plain_text import OF_A_SERVER, plain
from uploadlab.sending import peak_memory as memory
from uploadlab.storage.decoding import MOST, is_sound

MOST_ROWS = 100_000
"""Of a report, which comes several times a second."""


class Sent(msgspec.Struct):
    """Bytes of one method: handed to the system, and of uploads that were accepted whole."""

    sent_bytes: int = 0
    good_bytes: int = 0

    def add(self, sent_bytes: int, good_bytes: int) -> None:
        """Count more."""
        self.sent_bytes += sent_bytes
        self.good_bytes += good_bytes


class WorkerReport(msgspec.Struct):
    """What a worker reports to its master every now and then; counted from the start of the test."""

    step_id: str
    """The lab's step that was carried out then; it may be the step before."""
    sent: dict[str, Sent]
    done: int
    """Users at full speed that will not send again."""
    slow_done: int
    cpu_seconds: float
    peak_rss_bytes: int | None
    uploads: list[LoadUpload]
    """Since the last report."""
    refusal: str = ""
    """Why the worker does not do what the master wants."""


def read_report(data: object) -> WorkerReport | None:
    """Return a worker's report in bounds; None for what is none."""
    try:
        report = msgspec.convert(data, WorkerReport)
    except (msgspec.ValidationError, RecursionError):
        return None
    figures = [report.done, report.slow_done, report.cpu_seconds, report.peak_rss_bytes or 0]
    figures += [count for sent in report.sent.values() for count in (sent.sent_bytes, sent.good_bytes)]
    known = report.sent.keys() <= OWN_METHODS.keys() and len(report.uploads) <= MOST_ROWS
    if not known or not all(0 <= figure <= MOST for figure in figures):
        return None
    report.uploads = [
        _plain_row(row) for row in report.uploads if is_sound(row) and row.method in OWN_METHODS
    ]
    report.refusal = plain(report.refusal)
    return report


def _plain_row(row: LoadUpload) -> LoadUpload:
    error = row.error and plain(row.error, OF_A_SERVER)
    return msgspec.structs.replace(row, user=plain(row.user, OF_A_SERVER), error=error)


class Ledger:
    """The account of one process. Users write into it; Locust's reports take it to the master."""

    def __init__(self) -> None:
        self.enough, self.verify = Event(), Event()
        """Set by the master: slow users end; all users verify what they have sent."""
        self._payloads: dict[str, Payload] = {}
        self.begin("")

    def begin(self, step_id: str) -> None:
        """Start to count from zero, for another test."""
        self.step_id = step_id
        self.refusal = ""
        """Why this worker does not do what its master wants."""
        self.users = self.done = self.slow_done = 0
        self.progress: dict[str, int] = {}
        """Uploads of each user at full speed that still sends."""
        self.unverified_bytes = 0
        self.begun_bytes = 0
        """Of all uploads that have begun."""
        self._sent: dict[str, Sent] = {}
        self.uploads: list[LoadUpload] = []
        """Rows that are complete, for the next report."""
        self._cpu_before = time.process_time()
        self._memory_known = memory.reset_peak()
        self.enough.clear()
        self.verify.clear()

    @cached_property
    def _folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="uploadlab-load-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def payload(self, size_bytes: int, file: str) -> Payload:
        """Return the file to send: the user's own if there is a name, or one of that size, written once."""
        key = file or f"{size_bytes}.bin"
        if key not in self._payloads:
            written = describe(Path(file)) if file else write_payload(self._folder / key, size_bytes)
            self._payloads[key] = written
        return self._payloads[key]

    def count(self, upload: LoadUpload) -> None:
        """Count what was sent, accepted or not."""
        good_bytes = upload.size_bytes if upload.status in ACCEPTED else 0
        self._sent.setdefault(upload.method, Sent()).add(upload.sent_bytes, good_bytes)

    def report(self) -> WorkerReport:
        """Return the account so far; each row is in one report only."""
        uploads, self.uploads = self.uploads, []
        peak = memory.peak_rss_bytes() if self._memory_known else None
        cpu_seconds = time.process_time() - self._cpu_before
        return WorkerReport(
            self.step_id, self._sent, self.done, self.slow_done, cpu_seconds, peak, uploads, self.refusal
        )
