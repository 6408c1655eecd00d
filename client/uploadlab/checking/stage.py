"""The checks of a run: all targets at once, each case after case, saved as soon as it is done."""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from typing import NamedTuple

from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.registry import CaseKind
from uploadlab.checking.probe import probes
from uploadlab.clock import now
from uploadlab.measuring.protocols import Watcher, Workbench
from uploadlab.measuring.time_left import watched
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Target
from uploadlab.planning.check_cells import applies


class CheckCell(NamedTuple):
    """A case at a target."""

    target: Target
    case: str


class CheckStage:
    """The cases of the compatibility check at each target."""

    name = "checks"

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def remaining(self) -> list[CheckCell]:
        """Return what was not tried, or could not be."""
        rows, run = self._bench.folder.read_checks(), self._bench.run
        done = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
        return [
            CheckCell(target, case)
            for target in run.targets
            for case in run.checks
            if (target.name, case) not in done and applies(target, case)
        ]

    def execute(self, items: Sequence[CheckCell], watcher: Watcher) -> None:
        """Try these; raise LabError. Crowds come last: then no other case keeps this machine busy."""
        crowds = [cell for cell in items if CASES[cell.case].kind is CaseKind.CROWD]
        others = [cell for cell in items if cell not in crowds]
        results = chain(self._at_once(others), self._at_once(crowds))
        for rows in watched(results, len(items), watcher):
            watcher.began(f"{rows[0].deployment} {rows[0].case}")
            self._bench.folder.append_checks(rows)

    def _at_once(self, items: Sequence[CheckCell]) -> Iterator[list[Check]]:
        """Try these, all targets at once; yield the rows of each as soon as they are there."""
        done: queue.SimpleQueue[list[Check] | BaseException] = queue.SimpleQueue()
        one_large = threading.Lock()

        def try_all(cells: Sequence[CheckCell]) -> None:
            try:
                for cell in cells:
                    # Large files of several targets might not fit on the disk together.
                    with one_large if CASES[cell.case].large else nullcontext():
                        done.put(self._try(cell))
            except BaseException as error:  # a defect of the lab's own, for the main thread to raise
                done.put(error)

        for name in dict.fromkeys(cell.target.name for cell in items):
            cells = [cell for cell in items if cell.target.name == name]
            # As daemons: a run that is stopped stops the servers, and does not wait for a stalled upload.
            threading.Thread(target=try_all, args=(cells,), daemon=True).start()
        for _ in items:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result

    def _try(self, cell: CheckCell) -> list[Check]:
        """Return all attempts of a case at a target, or a row that says why there is none."""
        target, case = cell
        if why := target.unavailable or self._bench.explain(target.name):
            row = Check(
                case=case,
                deployment=target.name,
                route="",
                label="",
                started_at=now(),
                verdict=Verdict.UNAVAILABLE,
                text=why,
            )
            return [row]
        order = self._bench.run.order
        return list(probes(target, case, large=bool(order and order.large)))
