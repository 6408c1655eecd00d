"""What the lab asks of Locust's master, and what the master answers."""

import msgspec

from uploadlab.model.cells import Step
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.targets import TargetSpec

HEAD_START_SECONDS = 1.0
"""Slow users are in mid-upload before the users that are counted begin."""
PATIENCE_SECONDS = 10.0
"""After its time is up, a user does not wait longer for the uploads that a window needs."""
UNVERIFIED_BYTES = 4 << 30
"""What a worker's users leave on the server before they verify between uploads; not in the lab's steps."""
GRACE_SECONDS = 15.0
JOIN_SECONDS = 60.0
"""For workers to start, here or elsewhere."""
READY_SECONDS = 20.0
"""For workers to be ready for the next step."""
VERIFY_SECONDS = 600.0
"""For all that a step has stored, read back from disk."""


class LoadJob(msgspec.Struct, frozen=True):
    """A step to do, and where."""

    step: Step
    url: str
    budget_seconds: float
    foreign: TargetSpec | None = None
    targets: list[str] = []
    """All addresses that the run's steps send to: workers take no others."""
    specs: dict[str, TargetSpec] = {}
    """Those of the addresses that take uploads as they are."""
    most_bytes: int = 0
    """What all users together may send; 0: any number of bytes."""
    line: str = ""
    """``HOST:PORT`` where uploads connect, sealed by the lab for its workers; empty: to the URL."""

    @property
    def sending_seconds(self) -> float:
        """Return the time in which every user ends, even if its last upload takes its whole budget."""
        return HEAD_START_SECONDS + self.step.seconds + PATIENCE_SECONDS + self.slow_seconds

    @property
    def slow_seconds(self) -> float:
        """Return the time in which slow users end, after the others."""
        return self.budget_seconds + GRACE_SECONDS

    @property
    def most_seconds(self) -> float:
        """Return the time after which no answer will come."""
        return READY_SECONDS + self.sending_seconds + self.slow_seconds + VERIFY_SECONDS + GRACE_SECONDS


class StepResult(msgspec.Struct):
    """What a step showed, and the rows of its uploads."""

    result: LoadStep
    uploads: list[LoadUpload]
