"""The concurrent uploads of a run: step after step, each saved with its rows as soon as it is done."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from uploadlab.clock import now
from uploadlab.load.job import Done, Job
from uploadlab.measuring.protocols import Sender, Watcher
from uploadlab.measuring.uploads import IDLE_GRACE_SECONDS
from uploadlab.model.cells import Step
from uploadlab.model.deployments import Target
from uploadlab.model.load import LoadStep
from uploadlab.model.measurements import Status
from uploadlab.model.runs import Run
from uploadlab.planning.load_steps import in_order
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import format_rate, format_size


class Crowd(Protocol):
    """What uploads from many users at once: ``swarm.Swarm``, or a fake one in tests."""

    def do(self, job: Job) -> Done:
        """One step."""


class Bench(NamedTuple):
    """What steps are done with."""

    crowd: Crowd
    sender: Sender
    explain: Callable[[str], str]
    """Why a deployment has died; empty if it has not."""


def remaining(run: Run, folder: RunFolder) -> list[Step]:
    """The steps that have not been done, in order; those that could not be are tried again."""
    done = {one.step_id for one in folder.read_steps() if one.status is not Status.UNAVAILABLE}
    return [step for step in in_order(run.load, run.seed) if step.id not in done]


def execute(run: Run, steps: Sequence[Step], bench: Bench, folder: RunFolder, watcher: Watcher) -> None:
    """Do these; raises LabError."""
    targets = {target.name: target for target in run.targets}
    began = time.monotonic()
    for number, step in enumerate(steps, 1):
        watcher.began(told(step))
        done = _do(run, step, targets[step.cell.deployment], bench, watcher)
        folder.append_step(done.result, done.uploads)
        left = len(steps) - number
        watcher.ended(left, (time.monotonic() - began) / number * left)


def told(step: Step) -> str:
    """``flask request.stream 16 MiB, 8 users``."""
    cell = step.cell
    text = f"{cell.deployment} {cell.method} {format_size(cell.size_bytes)}, {step.users} users"
    return text + (f" beside {step.slow_users} at {format_rate(step.pace)}" if step.slow_users else "")


def _do(run: Run, step: Step, target: Target, bench: Bench, watcher: Watcher) -> Done:
    if why := target.unavailable or bench.explain(target.name):
        result = LoadStep(step_id=step.id, started_at=now(), status=Status.UNAVAILABLE, error=why)
        return Done(result, [])
    done = bench.crowd.do(Job(step, target.url, run.budget_seconds, target.foreign))
    if why := bench.explain(target.name):
        done.result.status, done.result.error = Status.FAILED, why
    elif any(one.status is Status.TIMEOUT for one in done.uploads) and not target.foreign:
        patience = run.budget_seconds + IDLE_GRACE_SECONDS
        if not bench.sender.wait_idle(target.url, patience):
            watcher.note(f"{target.name} is still busy with an upload that was cut off")
    return done
