"""What the lab has left on servers of the user's own."""

from collections.abc import Sequence
from typing import NamedTuple

from uploadlab.analysis.cells import GB
from uploadlab.model.checks import Check
from uploadlab.model.load import LoadUpload
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run

STAYS = (Status.OK, Status.UNVERIFIED, Status.WRONG)
"""How an upload ended that the server has accepted."""


class Remains(NamedTuple):
    """Accepted uploads that were not removed from a server."""

    target: str
    uploads: int
    size_bytes: int
    removal_failed: bool
    """Whether the lab was to remove them."""

    def __str__(self) -> str:
        what = "1 upload" if self.uploads == 1 else f"{self.uploads} uploads"
        were = "was" if self.uploads == 1 else "were"
        again = "the server refused to" if self.removal_failed else "--cleanup-url or --clean-up does that"
        return (
            f"{what}, {self.size_bytes / GB:.3g} GB, {were} not removed from {self.target}: delete "
            f"upload-lab-*.bin there, or what it made of that name; {again}."
        )


def left_behind(
    run: Run, rows: Sequence[Measurement], uploads: Sequence[LoadUpload], checks: Sequence[Check]
) -> list[Remains]:
    """Return what stays on each server of the user's own; nothing for those that are clean."""
    found = []
    for target in run.targets:
        if not target.foreign:
            continue
        timed = [row for row in rows if row.deployment == target.name]
        at_once = [row for row in uploads if row.step_id.startswith(f"{target.name}/")]
        sizes = [row.size_bytes for row in [*timed, *at_once] if row.status in STAYS and not row.removed]
        tried = [check for check in checks if check.deployment == target.name]
        count = len(sizes) + sum(check.left for check in tried)
        if count:
            size_bytes = sum(sizes) + sum(check.left_bytes for check in tried)
            found.append(Remains(target.name, count, size_bytes, target.foreign.removes))
    return found
