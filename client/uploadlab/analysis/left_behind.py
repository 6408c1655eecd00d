"""What the lab has left on servers of the user's own."""

from collections.abc import Sequence
from typing import NamedTuple

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


def left_behind(
    run: Run, rows: Sequence[Measurement], uploads: Sequence[LoadUpload], checks: Sequence[Check]
) -> list[Remains]:
    """Return what stays on each server of the user's own, over all links; nothing of clean ones."""
    found = []
    for target in {target.behind: target for target in run.targets}.values():
        if not target.foreign:
            continue
        names = {other.name for other in run.targets if other.behind == target.behind}
        sizes = [row.size_bytes for row in rows if row.deployment in names and _stays(row)]
        begins = tuple(f"{name}/" for name in names)
        sizes += [row.size_bytes for row in uploads if row.step_id.startswith(begins) and _stays(row)]
        tried = [check for check in checks if check.deployment in names]
        count = len(sizes) + sum(check.left for check in tried)
        if count:
            size_bytes = sum(sizes) + sum(check.left_bytes for check in tried)
            found.append(Remains(target.behind, count, size_bytes, target.foreign.removes))
    return found


def _stays(row: Measurement | LoadUpload) -> bool:
    return row.status in STAYS and not row.removed
