"""A run folder as far as it can be read: what is damaged or missing is left out, and noted."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from uploadlab.model.cells import Cell, Planned
from uploadlab.model.checks import Check
from uploadlab.model.deployments import Target
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Measurement, Profiled
from uploadlab.model.profiles import Profiles
from uploadlab.model.runs import SCHEMA_VERSION, Host, Run
from uploadlab.storage.files import RUN_FILE, Unreadable
from uploadlab.storage.profiles import read_calls
from uploadlab.storage.run_folder import RunFolder

UNKNOWN = "unknown"
"""In place of what only run.json could say."""


class StoredRun(NamedTuple):
    """All that a folder holds of a run."""

    run: Run
    rows: list[Measurement]
    steps: list[LoadStep]
    uploads: list[LoadUpload]
    checks: list[Check]
    profiled: list[Profiled]
    calls: Profiles
    notices: list[str]
    """What a reader must know of damage."""


def read_run_folder(folder: RunFolder) -> StoredRun:
    """Return what can be read of a run; raises LabError where nothing can."""
    rows, steps, uploads = folder.read_measurements(), folder.read_steps(), folder.read_uploads()
    checks, profiled = folder.read_checks(), folder.read_profiled()
    notices = list(folder.damage.values())
    run = _completed(_run(folder, notices), rows, checks, notices)
    return StoredRun(run, rows, steps, uploads, checks, profiled, read_calls(folder), notices)


def _run(folder: RunFolder, notices: list[str]) -> Run:
    """Return run.json, of a newer schema as far as it fits, or what stands in for it."""
    try:
        run = folder.decode_run_file()
        if run.schema_version > SCHEMA_VERSION:
            notices.append(
                f"{RUN_FILE} has schema {run.schema_version}, this lab reads {SCHEMA_VERSION}: "
                "fields whose meaning changed are shown wrongly."
            )
        if run.other_hosts:
            notices.append("Gone on with on another host: figures of this run are not comparable.")
        return run
    except FileNotFoundError:
        if not folder.has_results():
            folder.read_run()  # says what is wrong
        notices.append(f"{RUN_FILE} is missing: host, plan, tiers and configs are not known.")
    except (OSError, msgspec.DecodeError, Unreadable) as error:
        # Without the path, which a report must not show.
        reason = getattr(error, "strerror", None) or getattr(error, "problem", error)
        notices.append(f"{RUN_FILE} is damaged ({reason}): host, plan, tiers and configs are not known.")
    return Run(
        id=folder.path.name, plan=UNKNOWN, seed=0, runtime=UNKNOWN, started_at="", budget_seconds=0.0,
        targets=[], cells=[], host=Host(UNKNOWN, 0, 0, UNKNOWN, UNKNOWN),
    )  # fmt: skip


def _completed(run: Run, rows: Sequence[Measurement], checks: Sequence[Check], notices: list[str]) -> Run:
    """Return the run with the deployments, cells and cases that only its results or its plan name."""
    known = {target.name for target in run.targets}
    cells = [*(plan.cell for plan in run.cells), *(step.cell for step in run.load)]
    names = dict.fromkeys(
        [
            *(cell.deployment for cell in cells),
            *(row.deployment for row in rows),
            *(row.deployment for row in checks),
        ]
    )
    targets = [Target(name, "", UNKNOWN) for name in names if name not in known]
    planned = {plan.cell.id for plan in run.cells}
    rounds: dict[Cell, int] = {}
    for row in rows:
        if not row.warmup and row.cell_id not in planned:
            cell = Cell(row.deployment, row.method, row.size_bytes)
            rounds[cell] = max(rounds.get(cell, 1), row.round)
    cases = [case for case in dict.fromkeys(row.case for row in checks) if case not in run.checks]
    if (run.cells and rounds) or (run.targets and targets) or (run.checks and cases):
        notices.append(f"{RUN_FILE} does not plan all that was measured; it is shown nevertheless.")
    return msgspec.structs.replace(
        run,
        targets=[*run.targets, *targets],
        cells=[*run.cells, *(Planned(cell, count, cell.size_bytes) for cell, count in rounds.items())],
        checks=[*run.checks, *cases],
    )
