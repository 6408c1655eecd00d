"""The commands that repeat a run or go on with it, as far as run.json says."""

import re
import shlex
from collections.abc import Iterable, Sequence
from typing import TypeVar

from uploadlab.catalogue.cases import CASES
from uploadlab.model.comparison import Comparison
from uploadlab.model.deployments import EXTERNAL, REFERENCE
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Section
from uploadlab.storage.reader import UNKNOWN, StoredRun
from uploadlab.units import GIB, KIB, MIB

PROGRAM = "./scripts/run-matrix.sh"


KNOBS = {"knobs", "knobs-check"}
"""Runs of ``scripts/knobs``: their deployments are in no compose.yaml."""


Value = TypeVar("Value")


def commands(stored: StoredRun) -> Section | None:
    """What to type."""
    run = stored.run
    if run.plan == UNKNOWN:
        return None
    texts = {"The same again": _again(run)}
    if not run.comparison and (missing := _missing(run, stored.rows)):
        texts[f"What is missing: {missing} uploads"] = _joined([PROGRAM, "--resume", run.id])
    texts["This report"] = _joined([PROGRAM, "--report", run.id])
    intro = "From the root of the checkout."
    if not (run.checks or run.comparison or run.plan in KNOBS):
        intro += " The seed gives the same order; figures are compared within one run only."
    return Section("repeat", "To repeat it", [intro], texts=texts)


def _again(run: Run) -> str:
    if run.plan in KNOBS:
        return _joined(["./scripts/knobs", "--seed", str(run.seed)])
    words = [PROGRAM, "--runtime", run.runtime]
    words += _check_words(run) if run.checks else _plan_words(run)
    if run.comparison:
        return _joined([*words, *_comparison_words(run.comparison)])
    apps = [target for target in run.targets if target.tier not in (REFERENCE, EXTERNAL)]
    words += ["--deployments", ",".join(target.name for target in apps)] if apps else []
    for target in run.targets:
        words += (
            ["--target", f"{target.name}={_without_password(target.url)}"] if target.tier == EXTERNAL else []
        )
    if foreign := next((target.foreign for target in run.targets if target.foreign), None):
        words += ["--expect-status", str(foreign.expect_status), "--field", foreign.field]
    return _joined(words)


def _comparison_words(one: Comparison) -> list[str]:
    words = ["--within", f"{100 * one.within:g}%", "--minutes", f"{one.budget_seconds / 60:g}"]
    return [*words, *(["--ablate", one.base] if one.ablation else ["--compare", one.base, *one.others])]


def _without_password(url: str) -> str:
    """A report is passed on more freely than a run."""
    return re.sub(r"(?<=//)[^/@]*@", "", url)


def _check_words(run: Run) -> list[str]:
    usual = {name for name, case in CASES.items() if case.usual}
    if set(run.checks) == usual:
        return ["--check"]
    return ["--check", *(["--large"] if set(run.checks) == set(CASES) else ["--cases", ",".join(run.checks)])]


def _plan_words(run: Run) -> list[str]:
    """With what the command line may have changed in the plan, as far as it is the same for all."""
    words = ["--plan", run.plan, "--seed", str(run.seed)]
    words += ["--profile"] if run.profile else []
    words += ["--load"] if run.load and run.cells else []
    if methods := _methods(run):
        words += ["--methods", ",".join(methods)]
    if sizes := _sizes(run):
        words += ["--sizes", ",".join(map(_size, sizes))]
    if rounds := _only({one.rounds for one in run.cells}):
        words += ["--rounds", str(rounds)]
    return words


def _methods(run: Run) -> list[str]:
    """Those of the matrix; none where the load has others, which one option cannot say."""
    references = {target.name for target in run.targets if target.tier == REFERENCE}
    cells = [one.cell for one in run.cells if one.cell.deployment not in references]
    loads = [step.cell for step in run.load if step.cell.deployment not in references]
    of_cells, of_load = (dict.fromkeys(cell.method for cell in some) for some in (cells, loads))
    return (
        list(of_cells or of_load) if not (of_cells and of_load) or of_cells.keys() == of_load.keys() else []
    )


def _sizes(run: Run) -> list[int]:
    """Those that every pair has; none where they differ, for then the plan gave them."""
    pairs: dict[tuple[str, str], set[int]] = {}
    for cell in [*(one.cell for one in run.cells), *(step.cell for step in run.load)]:
        pairs.setdefault((cell.deployment, cell.method), set()).add(cell.size_bytes)
    return sorted(_only(frozenset(sizes) for sizes in pairs.values()) or ())


def _only(values: Iterable[Value]) -> Value | None:
    """The value, if all are the same."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _size(size_bytes: int) -> str:
    """``64MiB``, as the command line reads it, to the byte."""
    for name, factor in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size_bytes % factor == 0:
            return f"{size_bytes // factor}{name}"
    return str(size_bytes)


def _missing(run: Run, rows: Sequence[Measurement]) -> int:
    """How many uploads of the matrix have no row yet, or one that says it could not be tried."""
    done = {
        (row.cell_id, row.round) for row in rows if not row.warmup and row.status is not Status.UNAVAILABLE
    }
    planned = [(one.cell.id, number) for one in run.cells for number in range(1, one.rounds + 1)]
    return sum(pair not in done for pair in planned)


def _joined(words: Sequence[str]) -> str:
    return shlex.join(words)
