"""A run folder as far as it can be read: what is damaged or missing is left out, and told."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from uploadlab.catalogue.cases import CASES
from uploadlab.errors import LabError
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.checks import Check
from uploadlab.model.deployments import Target
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import ACCEPTED, Measurement, Profiled
from uploadlab.model.profiles import Profiles
from uploadlab.model.runs import SCHEMA_VERSION, Host, Run
from uploadlab.storage import run_folder as store
from uploadlab.storage.profiles import read_calls
from uploadlab.storage.run_folder import RunFolder

Row = TypeVar("Row")


LEAST_SECONDS, MOST = 1e-9, 1e18
"""What is less takes no time, and what is more is no count of anything here."""


UNKNOWN = "unknown"
"""In place of what only run.json could tell."""


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


class _Lines:
    """The sound lines of a folder's files, and how many were not."""

    def __init__(self, folder: RunFolder, notices: list[str]) -> None:
        self._folder, self._notices = folder, notices

    def read(
        self, name: str, kind: type[Row], is_sound: Callable[[Row], bool], end: int | None = None
    ) -> list[Row]:
        """Those that can be read and make sense."""
        try:
            found, damaged = self._folder.read_good_lines(name, kind, end)
        except LabError:
            self._notices.append(f"{name}.gz is damaged and left out.")
            return []
        sound = [row for row in found if is_sound(row)]
        if count := damaged + len(found) - len(sound):
            lines = "1 line is" if count == 1 else f"{count} lines are"
            self._notices.append(f"{name}: {lines} damaged and left out.")
        return sound


def read_run_folder(folder: RunFolder) -> StoredRun:
    """What can be read; raises LabError where nothing can."""
    notices: list[str] = []
    lines = _Lines(folder, notices)
    rows = lines.read(store.MEASUREMENTS, Measurement, _is_measurement)
    steps = lines.read(store.LOAD_STEPS, LoadStep, _has_figures)
    end = steps[-1].uploads_end if steps else None
    uploads = lines.read(store.LOAD_UPLOADS, LoadUpload, _is_upload, end)
    checks = lines.read(store.CHECKS, Check, lambda row: row.case in CASES)
    profiled = lines.read(store.PROFILED, Profiled, lambda row: _names_a_cell(row.cell_id))
    run = _completed(_run(folder, notices), rows, checks, notices)
    return StoredRun(
        run=run,
        rows=rows,
        steps=list({one.step_id: one for one in steps}.values()),
        uploads=uploads,
        checks=checks,
        profiled=list({(one.cell_id, one.kind): one for one in profiled}.values()),
        calls=_calls(folder),
        notices=notices,
    )


def _run(folder: RunFolder, notices: list[str]) -> Run:
    """run.json, of another schema as far as it fits; or what stands in for it."""
    try:
        return folder.read_run()
    except LabError as error:
        if not folder.has_results() and not (folder.path / store.RUN_FILE).exists():
            raise
        why = str(error).rpartition(":")[0].replace(str(folder.path / store.RUN_FILE), store.RUN_FILE)
    with_schema = None
    try:
        with_schema = msgspec.json.decode((folder.path / store.RUN_FILE).read_bytes(), type=Run)
        notices.append(
            f"{store.RUN_FILE} has schema {with_schema.schema_version}, this lab reads {SCHEMA_VERSION}: "
            "what has changed its meaning in between is shown wrongly."
        )
    except FileNotFoundError:
        notices.append(f"{store.RUN_FILE} is missing: host, plan, tiers and configs are not known.")
    except (OSError, msgspec.DecodeError):
        notices.append(f"{why}; host, plan, tiers and configs are not known.")
    return with_schema or _nameless(folder.path.name)


def _nameless(name: str) -> Run:
    """What stands in for a run.json that cannot be read."""
    return Run(
        id=name, plan=UNKNOWN, seed=0, runtime=UNKNOWN, started_at="", budget_seconds=0.0, targets=[],
        cells=[], host=Host(UNKNOWN, 0, 0, UNKNOWN, UNKNOWN),
    )  # fmt: skip


def _completed(run: Run, rows: Sequence[Measurement], checks: Sequence[Check], notices: list[str]) -> Run:
    """With the deployments, cells and cases that only the results name."""
    known = {target.name for target in run.targets}
    names = dict.fromkeys([*(row.deployment for row in rows), *(row.deployment for row in checks)])
    more = [Target(name, "", UNKNOWN) for name in names if name not in known]
    planned = {one.cell.id for one in run.cells}
    rounds: dict[Cell, int] = {}
    for row in rows:
        if not row.warmup and row.cell_id not in planned:
            cell = Cell(row.deployment, row.method, row.size_bytes)
            rounds[cell] = max(rounds.get(cell, 1), row.round)
    cases = [case for case in dict.fromkeys(row.case for row in checks) if case not in run.checks]
    if (run.cells and rounds) or (run.targets and more) or (run.checks and cases):
        notices.append(f"{store.RUN_FILE} does not plan all that was measured; it is shown nevertheless.")
    return msgspec.structs.replace(
        run,
        targets=[*run.targets, *more],
        cells=[*run.cells, *(Planned(cell, count, cell.size_bytes) for cell, count in rounds.items())],
        checks=[*run.checks, *cases],
    )


def _is_measurement(row: Measurement) -> bool:
    """Whether its figures make sense, and its cell is the one it names."""
    named = row.warmup or row.cell_id == Cell(row.deployment, row.method, row.size_bytes).id
    timed = row.status not in ACCEPTED or _is_time(row.seconds)
    return row.size_bytes > 0 and named and timed and _has_figures(row)


def _is_upload(row: LoadUpload) -> bool:
    return row.size_bytes > 0 and _is_time(row.seconds) and _has_figures(row)


def _is_time(seconds: float | None) -> bool:
    return seconds is not None and seconds >= LEAST_SECONDS


def _has_figures(row: msgspec.Struct) -> bool:
    """Whether no number in it is negative or absurd."""
    numbers = (value for value in msgspec.structs.astuple(row) if isinstance(value, int | float))
    return all(0 <= value <= MOST for value in numbers)


def _names_a_cell(text: str) -> bool:
    parts = text.rsplit("/", 2)
    return len(parts) == 3 and parts[2].isdigit() and int(parts[2]) > 0


def _calls(folder: RunFolder) -> Profiles:
    """What profiles counted; nothing where their list is damaged, which is told already."""
    try:
        return read_calls(folder)
    except (LabError, ValueError):
        return {}
