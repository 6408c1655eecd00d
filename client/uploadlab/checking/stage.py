"""The checks of a run: all targets at once, each case after case, saved as soon as it is done."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from typing import NamedTuple

import msgspec

from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.registry import CaseKind
from uploadlab.checking.foreign import TRIAL, Taken, taken_kinds
from uploadlab.checking.limit_probes import limit_rows
from uploadlab.checking.probe import probes
from uploadlab.clock import now
from uploadlab.measuring.limits import REQUEST_BYTES, left_bytes, over_limit
from uploadlab.measuring.protocols import Watcher, Workbench
from uploadlab.measuring.time_left import watched
from uploadlab.model.checks import UNREAD, Check, Verdict
from uploadlab.model.deployments import CLIENT, Target
from uploadlab.model.targets import TargetSpec
from uploadlab.planning.check_cells import applies, routes


class CheckCell(NamedTuple):
    """A case at a target."""

    target: Target
    case: str


class CheckStage:
    """The cases of the compatibility check at each target."""

    name = "checks"

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._taken: dict[str, Taken] = {}
        self._left_bytes: dict[str, int | None] = {}
        self._one_large = threading.Lock()
        self._tried: dict[tuple[str, str], list[Check]] = {}
        """The rows of each target and case, those of before a run went on included."""

    def remaining(self) -> list[CheckCell]:
        """Return what was not tried, or could not be."""
        rows, run = self._bench.folder.read_checks(), self._bench.run
        done = {(row.deployment, row.case) for row in rows if row.verdict is not Verdict.UNAVAILABLE}
        return [
            CheckCell(target, case)
            for target in run.targets
            for case in run.checks
            if target.tier != CLIENT and not target.link
            if (target.name, case) not in done and applies(target, case)
        ]

    def execute(self, items: Sequence[CheckCell], watcher: Watcher) -> None:
        """Try these; raise LabError. Crowds come last: then no other case keeps this machine busy."""
        for row in self._bench.folder.read_checks():
            self._tried.setdefault((row.deployment, row.case), []).append(row)
        crowds = [cell for cell in items if CASES[cell.case].kind is CaseKind.CROWD]
        limits = [cell for cell in items if CASES[cell.case].kind is CaseKind.LIMIT]
        others = [cell for cell in items if cell not in (*crowds, *limits)]
        results = chain(
            self._at_once(others, self._in_turn),
            self._at_once(crowds, self._in_turn),
            self._at_once(limits, self._limits),
        )
        for rows in watched(results, len(items), watcher):
            watcher.began(f"{rows[0].deployment} {rows[0].case}")
            self._bench.folder.append_checks(rows)

    def _at_once(
        self, items: Sequence[CheckCell], try_cells: Callable[[Sequence[CheckCell]], Iterator[list[Check]]]
    ) -> Iterator[list[Check]]:
        """Try these, all targets at once; yield the rows of each as soon as they are there."""
        done: queue.SimpleQueue[list[Check] | BaseException] = queue.SimpleQueue()

        def try_all(cells: Sequence[CheckCell]) -> None:
            try:
                for rows in try_cells(cells):
                    done.put(rows)
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

    def _in_turn(self, cells: Sequence[CheckCell]) -> Iterator[list[Check]]:
        """Try the cells of a target one after the other."""
        for cell in cells:
            # Large files of several targets might not fit on the disk together.
            with self._one_large if CASES[cell.case].heavy else nullcontext():
                rows = self._try(cell)
            self._tried[cell.target.name, cell.case] = rows
            yield rows

    def _limits(self, cells: Sequence[CheckCell]) -> Iterator[list[Check]]:
        """Measure the limits of a target, which waits for silent clients of all cases at once."""
        target = cells[0].target
        if why := target.unavailable or self._bench.explain(target.name):
            return iter([[_untried(cell, Verdict.UNAVAILABLE, why)] for cell in cells])
        return ([row] for row in limit_rows(target, [cell.case for cell in cells]))

    def _try(self, cell: CheckCell) -> list[Check]:
        """Return all attempts of a case at a target, or a row that says why there is none."""
        target, case = cell
        if why := target.unavailable or self._bench.explain(target.name):
            return [_untried(cell, Verdict.UNAVAILABLE, why)]
        if shown := self._shown(cell):
            return shown
        order = self._bench.run.order
        large = bool(order and order.large)
        if spec := target.foreign:
            return self._try_foreign(cell, spec, large)
        return list(probes(target, case, large))

    def _shown(self, cell: CheckCell) -> list[Check]:
        """Return a row by what a larger upload to the target has shown; none if the case must be tried."""
        name = CASES[cell.case].shown_by
        rows = self._tried.get((cell.target.name, name), [])
        whole = [row for row in rows if row.code == UNREAD or row.sent_bytes == row.stored_bytes]
        if not whole or whole != rows:
            return []
        (row, *_) = whole
        return [_untried(cell, row.verdict, row.text, row.code, f"shown by {name}")]

    def _try_foreign(self, cell: CheckCell, spec: TargetSpec, large: bool) -> list[Check]:
        """Return all attempts at a server of the user's own, of the kinds of body that it takes."""
        target, case = cell
        is_first = target.name not in self._taken
        if is_first:
            self._left_bytes[target.name] = left_bytes(target, self._bench.folder)
            self._taken[target.name] = taken_kinds(target, spec)
        taken = self._taken[target.name]
        if not (taken.plain or taken.form):
            return [_untried(cell, Verdict.UNAVAILABLE, f"it accepts no upload: {taken.why}")]
        needed, available = _sent_bytes(cell, large, taken), self._left_bytes[target.name]
        if available is not None and needed > available:
            return [_untried(cell, Verdict.UNAVAILABLE, over_limit(target))]
        self._left_bytes[target.name] = None if available is None else available - needed
        rows = list(probes(target, case, large, taken.takes))
        rows = rows or [_untried(cell, Verdict.UNKNOWN, f"not tried: {taken.why}")]
        if is_first:
            first = rows[0]
            left, more = first.left + taken.left, taken.left * TRIAL.size_bytes
            rows[0] = msgspec.structs.replace(first, left=left, left_bytes=first.left_bytes + more)
        return rows


def _sent_bytes(cell: CheckCell, large: bool, taken: Taken) -> int:
    """Return how much the attempts of a case send to a server of the user's own."""
    made = [
        attempt
        for attempt in CASES[cell.case].attempts()
        if (large or not attempt.large) and taken.takes(attempt) and routes(cell.target, attempt)
    ]
    return sum(tried.body_bytes + REQUEST_BYTES for attempt in made for tried in (attempt, *attempt.after))


def _untried(cell: CheckCell, verdict: Verdict, why: str, code: str = "", label: str = "") -> Check:
    return Check(
        case=cell.case, deployment=cell.target.name, route="", label=label, started_at=now(),
        verdict=verdict, code=code, text=why,
    )  # fmt: skip
