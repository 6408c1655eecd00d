"""The concurrent uploads of a run: step after step, each saved with its rows as soon as it is done."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from uploadlab.clock import now
from uploadlab.errors import LabError
from uploadlab.load.job import LoadJob, StepResult
from uploadlab.measuring.health import wait_idle
from uploadlab.measuring.limits import REQUEST_BYTES, left_bytes, over_limit
from uploadlab.measuring.over_links import close_line, open_line
from uploadlab.measuring.protocols import Watcher, Workbench
from uploadlab.measuring.time_left import watched
from uploadlab.model.cells import Step
from uploadlab.model.deployments import Target
from uploadlab.model.load import LoadStep
from uploadlab.model.measurements import Status
from uploadlab.planning.load_steps import in_order
from uploadlab.sending.server_usage import spooled_bytes
from uploadlab.sending.shelf import Shelf, verify_on_shelf, without_folder
from uploadlab.units import format_rate, format_size


class Crowd(Protocol):
    """Many users who upload at once: ``swarm.Swarm``, or a fake in tests."""

    def do(self, job: LoadJob) -> StepResult:
        """Do one step; raise LabError."""


class LoadStage:
    """The steps of concurrent uploads."""

    name = "steps"

    def __init__(self, bench: Workbench, crowd: Crowd) -> None:
        self._bench, self._crowd = bench, crowd
        self._links = {link.name: link for link in bench.run.links}
        self._behind = {target.name: target.behind for target in bench.run.targets}

    def remaining(self) -> list[Step]:
        """Return the steps that have not been done, in order; what could not be done is tried again."""
        run, steps = self._bench.run, self._bench.folder.read_steps()
        done = {step.step_id for step in steps if step.status is not Status.UNAVAILABLE}
        return [step for step in in_order(run.load, run.seed) if step.id not in done]

    def execute(self, items: Sequence[Step], watcher: Watcher) -> None:
        """Do these, saving after each; raise LabError."""
        left = list(items)
        for step in watched(items, len(items), watcher):
            done = self._do(step, left, watcher)
            left.remove(step)
            self._bench.folder.append_step(done.result, done.uploads)

    def _do(self, step: Step, left: Sequence[Step], watcher: Watcher) -> StepResult:
        run, explain, cell = self._bench.run, self._bench.explain, step.cell
        slow = f" beside {step.slow_users} at {format_rate(step.pace)}" if step.slow_users else ""
        size = format_size(cell.size_bytes)
        watcher.began(f"{cell.deployment} {cell.method} {size}, {step.users} users{slow}")
        (target,) = (target for target in run.targets if target.name == cell.deployment)
        most_bytes, too_much = self._most_bytes(step, left, target)
        if why := target.unavailable or explain(target.behind) or too_much:
            return _not_done(step, Status.UNAVAILABLE, why)
        urls = list(dict.fromkeys(target.url for target in run.targets if target.url))
        specs = {target.url: without_folder(target.foreign) for target in run.targets if target.foreign}
        job = LoadJob(step, target.url, run.budget_seconds, specs.get(target.url), urls, specs, most_bytes)
        folder = target.foreign.stored_dir if target.foreign else ""
        shelf = Shelf(folder) if folder else None
        done = self._done(job, target)
        if shelf and target.foreign:
            verify_on_shelf(shelf, done.uploads, cell.size_bytes, target.foreign.clean_up)
            stored_bytes = sum(row.stored_bytes or 0 for row in done.uploads)
            # Until now, all that was written counted, for nobody had looked.
            done.result.spooled_bytes = spooled_bytes(done.result.spooled_bytes, stored_bytes)
        elif target.foreign and not any(row.stored_bytes for row in done.uploads):
            done.result.spooled_bytes = None  # nobody knows how much of what was written is the files
        if why := explain(target.behind):
            done.result.status, done.result.error = Status.FAILED, why
        elif any(upload.status is Status.TIMEOUT for upload in done.uploads):
            wait_idle(self._bench, target, watcher)
        return done

    def _done(self, job: LoadJob, target: Target) -> StepResult:
        """Do a step: over the link if there is one, all users on the same line."""
        link, step = self._links.get(target.link), job.step
        if link is None:
            return self._crowd.do(job)
        try:
            line = open_line(self._bench, target, link, "load")
        except LabError as error:
            return _not_done(step, Status.FAILED, str(error))
        seconds = link.least_seconds((step.users + step.slow_users) * step.cell.size_bytes)
        try:
            return self._crowd.do(
                msgspec.structs.replace(
                    job, line=f"{line.host}:{line.port}", budget_seconds=job.budget_seconds + seconds
                )
            )
        finally:
            close_line(self._bench, line)

    def _most_bytes(self, step: Step, left: Sequence[Step], target: Target) -> tuple[int, str]:
        """Return how much a step may send, 0 for any number of bytes, and why it is not done if so.

        What a server of the user's own may still get is shared by the steps that are left.
        """
        available = left_bytes(target, self._bench.folder)
        if available is None:
            return 0, ""
        share = available // sum(self._behind[other.cell.deployment] == target.behind for other in left)
        each = step.cell.size_bytes + REQUEST_BYTES
        files = share // each
        too_much = over_limit(target) if files < step.users + step.slow_users else ""
        return files * step.cell.size_bytes, too_much


def _not_done(step: Step, status: Status, why: str) -> StepResult:
    """Return the row of a step that was not done."""
    return StepResult(LoadStep(step_id=step.id, started_at=now(), status=status, error=why), [])
