"""How much may still be sent to a server of the user's own: ``--max-bytes`` counts all uploads of a run."""

from collections.abc import Sequence

from uploadlab.model.cells import Task
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Status
from uploadlab.model.runs import Run
from uploadlab.storage.run_folder import RunFolder

REQUEST_BYTES = 4096
"""Of an upload beside the file: its head, and a form's own lines."""


def left_bytes(target: Target, folder: RunFolder) -> int | None:
    """Return how much may still be sent to a target; None where nothing limits that."""
    if not (most_bytes := target.spec.max_bytes if target.spec else 0):
        return None
    sent_bytes = 0
    for row in folder.read_measurements():
        if _is_behind(target, row.deployment) and row.status is not Status.UNAVAILABLE:
            sent_bytes += row.size_bytes + REQUEST_BYTES
    for upload in folder.read_uploads():
        if _is_behind(target, upload.step_id.partition("/")[0]):
            sent_bytes += upload.sent_bytes + REQUEST_BYTES
    for check in folder.read_checks():
        if _is_behind(target, check.deployment):
            sent_bytes += (check.sent_bytes or 0) + REQUEST_BYTES
    return max(0, most_bytes - sent_bytes)


def _is_behind(target: Target, name: str) -> bool:
    """Return whether a name is of the target's server, over whatever link."""
    return name == target.behind or name.startswith(f"{target.behind}@")


def over_limit(target: Target) -> str:
    """Return why something more is not sent to a target, and what to type."""
    most_bytes = target.spec.max_bytes if target.spec else 0
    return f"--max-bytes {most_bytes / 1e6:g}MB of {target.behind} is used up: give more, or smaller --sizes"


def within_limits(run: Run, folder: RunFolder, tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """Return the uploads that may be sent, in their order, and those that would be too much for a target.

    No pair is warmed up that would not be measured then.
    """
    behind = {target.name: target.behind for target in run.targets}
    left = {target.behind: left_bytes(target, folder) for target in run.targets}
    may: list[Task] = []
    over: list[Task] = []
    for task in tasks:
        name, needed = behind[task.cell.deployment], task.cell.size_bytes + REQUEST_BYTES
        available = left[name]
        if available is None or needed <= available:
            may.append(task)
            left[name] = None if available is None else available - needed
        else:
            over.append(task)
    pairs = {_pair(task) for task in may if not task.warmup}
    return [task for task in may if _pair(task) in pairs], [task for task in over if not task.warmup]


def _pair(task: Task) -> tuple[str, str]:
    return task.cell.deployment, task.cell.method
