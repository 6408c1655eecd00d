"""A run by this process: prepared, carried out, shown. Its deployments are processes, or its neighbours."""

import shlex
from pathlib import Path

from uploadlab import inside, lab
from uploadlab.client import Client
from uploadlab.console import Screen
from uploadlab.deployments import load_needs
from uploadlab.inside import Beside
from uploadlab.model import Host
from uploadlab.paths import COMPOSE, DATA, INSIDE, RUNS, shown
from uploadlab.processes import Processes
from uploadlab.program import Stopped
from uploadlab.run import Runtime
from uploadlab.runtime import LocalRuntime, Scratch
from uploadlab.store import RunFolder
from uploadlab.units import format_size

PROGRAM = "run-matrix.sh"
STAY_UP = "The servers stay up: docker compose ps shows their ports, docker compose down -v removes them."


def measure(
    wanted: lab.Draft | RunFolder, out: Path, data_dir: Path, processes: Processes, screen: Screen
) -> None:
    """Carry out a new run, or what a stored one lacks; raises LabError, Stopped."""
    scratch = Scratch.make(processes, data_dir, "run")
    if isinstance(wanted, RunFolder):
        prepared = lab.reopen(wanted, scratch.data_dir)
    else:
        lab.require_room(wanted, scratch.data_dir)
        kind = Beside.name if INSIDE else LocalRuntime.name
        prepared = lab.prepare(wanted, _new_folder(wanted, out), scratch.data_dir, kind)
    try:
        _carry_out(prepared, scratch, processes, screen)
    except KeyboardInterrupt:
        # run-matrix.sh, which started the container, says so itself.
        raise Stopped("" if inside.RUN_NAME else how_to_go_on(prepared.folder, data_dir)) from None


def _new_folder(drafted: lab.Draft, out: Path) -> RunFolder:
    """A folder for the run; run-matrix.sh has made one before it started the container."""
    if inside.RUN_NAME:
        return RunFolder(out / inside.RUN_NAME)
    return RunFolder.create(out, lab.new_name(drafted.order.plan))


def _carry_out(prepared: lab.Prepared, scratch: Scratch, processes: Processes, screen: Screen) -> None:
    run, folder = prepared.run, prepared.folder
    runtime = _runtime(processes, scratch, folder, {"PROFILING": "1"} if run.profile else {})
    screen.note(_preflight(run.host, runtime.lacks(prepared.deployments)))
    try:
        lab.carry_out(prepared, scratch.data_dir, runtime, Client(processes), screen.progress)
    finally:
        if rows := folder.read_measurements():
            screen.result(run, rows, folder)
        if INSIDE and not inside.RUN_NAME:
            screen.note(STAY_UP)


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
    if not folder.read_measurements():
        return "stopped before anything was measured"
    words = [f"./scripts/{PROGRAM}", "--resume"]
    words += [folder.path.name if folder.path.parent == RUNS else shown(folder.path)]
    words += ["--data-dir", str(data_dir)] if data_dir != DATA else []
    return f"stopped; go on with: {shlex.join(words)}"
