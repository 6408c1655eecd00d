"""A run by this process: prepared, carried out, shown. Its deployments are processes, or its neighbours."""

import shlex
from functools import partial
from pathlib import Path
from typing import NamedTuple

from uploadlab.analysis.comparability import changed_settings, unlike_runs
from uploadlab.analysis.comparison import Found, between_runs, found, slower
from uploadlab.analysis.grid import falls_short
from uploadlab.checking.stage import CheckStage
from uploadlab.commands.program import LAB
from uploadlab.declared.compose import load_needs
from uploadlab.declared.goals import Goals, load_goals
from uploadlab.errors import LabError, Stopped
from uploadlab.load.stage import LoadStage
from uploadlab.load.swarm import Swarm
from uploadlab.load.workers import Workers, worker_service
from uploadlab.measuring.carry_out import carry_out
from uploadlab.measuring.prepare import Prepared, new_name, prepare, reopen, require_room
from uploadlab.measuring.profiles import ProfileStage
from uploadlab.measuring.protocols import Runtime
from uploadlab.measuring.uploads import UploadStage
from uploadlab.model.runs import Host, Run
from uploadlab.paths import COMPOSE, DATA, INSIDE, RATIOS, RUNS, shown
from uploadlab.planning.draft import Draft
from uploadlab.presenting import report
from uploadlab.presenting.terminal import Screen
from uploadlab.processes.groups import Processes
from uploadlab.runtimes import in_container as inside
from uploadlab.runtimes.in_container import Beside
from uploadlab.runtimes.local import LocalRuntime, Scratch
from uploadlab.sending.client import Client
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import format_size

PROGRAM = "run-matrix.sh"


STAY_UP = (
    "The servers stay up: docker compose ps shows their ports, docker compose down -v removes them. "
    "Runs and reports: {viewer}"
)


class Stored(NamedTuple):
    """A run to go on with."""

    folder: RunFolder
    load: bool = False
    """Whether to add concurrent uploads, if it has none."""


class Setting(NamedTuple):
    """What is no part of a run, but of where it is carried out."""

    data_dir: Path
    workers: Workers


def measure(wanted: Draft | Stored, out: Path, setting: Setting, processes: Processes, screen: Screen) -> int:
    """Carry out a new run, or what a stored one lacks: its exit code. Raises LabError, Stopped."""
    data_dir = setting.data_dir
    goals = load_goals(RATIOS)  # a slip in it shall show before a long run, not after
    scratch = Scratch.make(processes, data_dir, "run")
    if isinstance(wanted, Stored):
        prepared = reopen(wanted.folder, scratch.data_dir, wanted.load)
    else:
        require_room(wanted, scratch.data_dir)
        kind = Beside.name if INSIDE else LocalRuntime.name
        prepared = prepare(wanted, _new_folder(wanted, out), scratch.data_dir, kind)
    try:
        _carry_out(prepared, goals, scratch, setting.workers, processes, screen)
    except KeyboardInterrupt:
        # run-matrix.sh, which started the container, says so itself.
        raise Stopped("" if inside.RUN_NAME else how_to_go_on(prepared.folder, data_dir)) from None
    run, folder = prepared.run, prepared.folder
    compared = found(run, folder.read_measurements())
    asked = wanted.order.compare if isinstance(wanted, Draft) else None
    too_slow = _too_slow(compared, asked.fail_above if asked else None, screen)
    return LAB if too_slow or falls_short(run, folder.read_checks()) else 0


def compare_runs(
    before: RunFolder, after: RunFolder, forced: bool, fail_above: float | None, screen: Screen
) -> int:
    """Show what the second run says of the first one's cells: the exit code. Raises LabError."""
    runs = before.read_run(), after.read_run()
    if unlike := unlike_runs(*runs):
        if not forced:
            raise LabError(f"{unlike}: such figures are not comparable; --force does it all the same")
        screen.note(f"Forced: {unlike}, so a difference may have other causes.")
    compared = between_runs(runs[0], before.read_measurements(), runs[1], after.read_measurements())
    if not compared.lines:
        raise LabError(f"{runs[0].id} and {runs[1].id} have no cell in common: name other runs")
    screen.comparison(compared, changed_settings(*runs))
    return LAB if _too_slow(compared, fail_above, screen) else 0


def _too_slow(compared: Found | None, share: float | None, screen: Screen) -> bool:
    """Whether anything is slower than it may be; says so."""
    texts = slower(compared, share) if compared and share is not None else []
    for text in texts:
        screen.note(f"Fails --fail-above {share:.0%}: {text}.")
    return bool(texts)


def _new_folder(drafted: Draft, out: Path) -> RunFolder:
    """A folder for the run; run-matrix.sh has made one before it started the container."""
    if inside.RUN_NAME:
        return RunFolder(out / inside.RUN_NAME)
    return RunFolder.create(out, new_name(drafted.order.plan))


def _carry_out(
    prepared: Prepared,
    goals: Goals,
    scratch: Scratch,
    workers: Workers,
    processes: Processes,
    screen: Screen,
) -> None:
    run, folder = prepared.run, prepared.folder
    before = len(folder.read_measurements()), len(folder.read_steps())
    runtime = _runtime(processes, scratch, folder, {"PROFILING": "1"} if run.profile else {})
    screen.note(_preflight(run.host, runtime.lacks(prepared.deployments)))
    try:
        swarm = Swarm(processes, workers, scratch.data_dir, folder.logs)
        stages = (UploadStage, ProfileStage, CheckStage, partial(LoadStage, crowd=swarm))
        carry_out(prepared, scratch.data_dir, runtime, Client(processes), stages, screen.progress)
    finally:
        _show(run, folder, goals, before, screen)
        if worker_service():  # the last of `docker compose up`
            screen.note(STAY_UP.format(viewer=inside.VIEWER))


def _show(run: Run, folder: RunFolder, goals: Goals, before: tuple[int, int], screen: Screen) -> None:
    """All tables; only those of concurrent uploads where nothing else was added to a stored run."""
    if checks := folder.read_checks():
        screen.check_result(run, checks)
    rows, steps = folder.read_measurements(), folder.read_steps()
    if any(not row.warmup for row in rows) and not (len(rows) == before[0] and len(steps) > before[1]):
        if run.comparison and (compared := found(run, rows)):
            differs = {} if run.comparison.ablation else run.comparison.others
            screen.comparison(compared, differs, run.comparison)
        else:
            screen.result(run, rows, folder, goals)
    if steps:
        screen.load_result(run, folder)
    if rows or steps or checks:
        screen.where(folder)
        _report(folder, goals, screen)


def _report(folder: RunFolder, goals: Goals, screen: Screen) -> None:
    """The report beside the results. Whatever hinders that, the run is safe: it is worth a line, no more."""
    try:
        report.write_page(folder, goals)
    except Exception as error:
        screen.note(f"The report could not be written: {error}")
    else:
        screen.report(folder)


def _runtime(processes: Processes, scratch: Scratch, folder: RunFolder, settings: dict[str, str]) -> Runtime:
    if INSIDE:
        return Beside()
    return LocalRuntime(processes, scratch, folder.logs, load_needs(COMPOSE), settings)


def _preflight(host: Host, lacks: str) -> str:
    """This host in a line, with what it lacks."""
    facts = f"{host.cores} cores, {format_size(host.memory_bytes)}, uploads on {host.data_filesystem}"
    return f"This host: {facts}; {lacks or 'nothing is missing'}."


def how_to_go_on(folder: RunFolder, data_dir: Path) -> str:
    """What to type after a run that was stopped."""
    if not folder.has_results():
        return "stopped before anything was measured"
    words = [f"./scripts/{PROGRAM}", "--resume"]
    words += [folder.path.name if folder.path.parent == RUNS else shown(folder.path)]
    words += ["--data-dir", str(data_dir)] if data_dir != DATA else []
    return f"stopped; go on with: {shlex.join(words)}"
