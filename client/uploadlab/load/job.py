"""What the lab asks of Locust's master, and what it answers."""

import msgspec

from uploadlab.model.cells import Step
from uploadlab.model.deployments import Foreign
from uploadlab.model.load import LoadStep, LoadUpload

HEAD_START_SECONDS = 1.0
"""For slow users to be in mid-upload before those that are counted begin."""


PATIENCE_SECONDS = 10.0
"""After its time is up, a user does not wait longer for the uploads that a window needs."""


UNVERIFIED_BYTES = 4 << 30
"""What a worker's users leave on the server before they verify between uploads; not in the lab's steps."""


GRACE_SECONDS = 5.0


JOIN_SECONDS = 20.0


VERIFY_SECONDS = 600.0
"""For all that a step has stored, read back from disk."""


class Job(msgspec.Struct, frozen=True):
    """A step to do, and where."""

    step: Step
    url: str
    budget_seconds: float
    foreign: Foreign | None = None

    @property
    def sending_seconds(self) -> float:
        """By then even a user whose last upload runs into its budget has ended."""
        return HEAD_START_SECONDS + self.step.seconds + PATIENCE_SECONDS + self.budget_seconds + GRACE_SECONDS

    @property
    def slow_seconds(self) -> float:
        """By then slow users have ended, after the others."""
        return self.budget_seconds + GRACE_SECONDS

    @property
    def most_seconds(self) -> float:
        """By then there is an answer, or none will come."""
        return JOIN_SECONDS + self.sending_seconds + self.slow_seconds + VERIFY_SECONDS + GRACE_SECONDS


class Done(msgspec.Struct):
    """What a step came to."""

    result: LoadStep
    uploads: list[LoadUpload]
