"""The checks of a run: all targets at once, each case after case, saved as soon as it is done."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import NamedTuple

from uploadlab.catalogue.cases import CASES
from uploadlab.checking.probe import probes
from uploadlab.clock import now
from uploadlab.measuring.protocols import Watcher
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Target
from uploadlab.model.runs import Run
from uploadlab.planning.check_cells import applies
from uploadlab.storage.run_folder import RunFolder


class Cell(NamedTuple):
    """A case at a target."""

    target: Target
    case: str


Explain = Callable[[str], str]
"""Why a deployment has died; empty if it has not."""


Done = queue.SimpleQueue[list[Check] | BaseException]


def remaining(run: Run, folder: RunFolder) -> list[Cell]:
    """What has not been tried, or could not be."""
    rows = folder.read_checks()
    done = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    cells = [Cell(target, case) for target in run.targets for case in run.checks if applies(target, case)]
    return [one for one in cells if (one.target.name, one.case) not in done]


def execute(cells: Sequence[Cell], explain: Explain, folder: RunFolder, watcher: Watcher) -> None:
    """Do these; raises LabError."""
    began, left = time.monotonic(), len(cells)
    done: Done = queue.SimpleQueue()
    one_large = threading.Lock()
    for name in dict.fromkeys(cell.target.name for cell in cells):
        mine = [cell for cell in cells if cell.target.name == name]
        # As daemons: whoever stops the run stops the servers, and does not wait for a stalled upload.
        threading.Thread(target=_do_all, args=(mine, explain, one_large, done), daemon=True).start()
    while left:
        rows = done.get()
        if isinstance(rows, BaseException):
            raise rows
        left -= 1
        watcher.began(f"{rows[0].deployment} {rows[0].case}")
        folder.append_checks(rows)
        watcher.ended(left, (time.monotonic() - began) / (len(cells) - left) * left)


def _do_all(cells: Sequence[Cell], explain: Explain, one_large: threading.Lock, done: Done) -> None:
    try:
        for cell in cells:
            # All their gigabytes would have to fit on the disk together.
            with one_large if CASES[cell.case].large else nullcontext():
                done.put(_do(cell, explain))
    except BaseException as error:  # a defect of the lab's own, for the main thread to raise
        done.put(error)


def _do(cell: Cell, explain: Explain) -> list[Check]:
    """All attempts of a case at a target, or why there is none."""
    if why := cell.target.unavailable or explain(cell.target.name):
        return [
            Check(
                case=cell.case,
                deployment=cell.target.name,
                route="",
                label="",
                started_at=now(),
                verdict=Verdict.UNAVAILABLE,
                text=why,
            )
        ]
    return list(probes(cell.target, cell.case))
