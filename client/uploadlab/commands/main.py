"""The command line behind ``scripts/run-matrix.sh``."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from uploadlab import session
from uploadlab.commands import ordering, program
from uploadlab.commands.params import Names, Percent
from uploadlab.declared.goals import load_goals
from uploadlab.errors import LabError, UsageError
from uploadlab.load.workers import LOOPBACK, MASTER_PORT, Workers, as_many_as_fit, container_workers
from uploadlab.paths import DATA, INSIDE, RATIOS, ROOT, RUNS
from uploadlab.planning.draft import Draft, draft
from uploadlab.presenting import report
from uploadlab.presenting.cell import cell_in_full
from uploadlab.presenting.terminal import Screen
from uploadlab.processes.groups import Processes
from uploadlab.runtimes import compose as containers
from uploadlab.runtimes import in_container as inside
from uploadlab.runtimes.addresses import is_loopback, is_this_host
from uploadlab.runtimes.compose import Containers
from uploadlab.runtimes.in_container import Beside
from uploadlab.runtimes.local import LocalRuntime
from uploadlab.session import PROGRAM, Setting, Stored
from uploadlab.storage.run_folder import RunFolder, last_run
from uploadlab.units import positive

AUTO, DOCKER, LOCAL = "auto", Beside.name, LocalRuntime.name


LAST = "last"
"""In place of a run's name: the newest."""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("configs", nargs=-1, metavar="[CONFIG ...]")
@click.option(
    "--runtime",
    type=click.Choice([AUTO, DOCKER, LOCAL]),
    default=AUTO,
    help="Containers, or processes of this host.  [default: auto: docker where it answers]",
)
@click.option("--plan", metavar="NAME", help="A file of configs/plans.  [default: quick]")
@click.option("--deployments", type=Names(), help="Only these; references run along.")
@click.option("--methods", type=Names(), help="Only these; references run along.")
@click.option("--sizes", type=Names(), help="Instead of the plan's: 64MiB,1GiB.")
@click.option("--rounds", type=int, help="Instead of the plan's.")
@click.option("--seed", type=int, help="The order of a run to repeat.  [default: random, stored]")
@click.option(
    "--profile",
    is_flag=True,
    default=None,
    help="Then upload each pair again under profilers, at its smallest size.",
)
@click.option("--load", is_flag=True, help="Then upload from many users at once, as the plan's [load] says.")
@click.option("--users", type=Names(), help="Instead of the plan's: 1,8,32.")
@click.option("--workers", type=int, help="Processes that upload at once.  [default: half the cores]")
@click.option(
    "--expect-workers", type=int, metavar="N", help="Workers of Locust's that join from elsewhere, instead."
)
@click.option("--listen", metavar="HOST:PORT", help="Where they join.  [default: 127.0.0.1:5557]")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME=URL",
    help="Also measure a server that answers the lab's HTTP contract.",
)
@click.option(
    "--expect-status",
    type=int,
    metavar="N",
    help="The targets are foreign: this is success, and each URL takes uploads as it is. Unverified.",
)
@click.option("--field", help="The field of forms for foreign targets.  [default: file]")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where uploads are stored meanwhile: chooses the filesystem, runtime local."
    "  [default: benchmark/data]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=RUNS,
    help="Where the run's folder goes.  [default: benchmark/runs]",
)
@click.option(
    "--check",
    is_flag=True,
    default=None,
    help="No speed, but what arrives: good, bad and broken uploads. Exit code 1 if a tuned row falls short.",
)
@click.option("--cases", type=Names(), help="Only these rows of --check.")
@click.option(
    "--large", is_flag=True, default=None, help="With --check: also files over 2 GiB, and an upload of 35 s."
)
@click.option(
    "--compare",
    is_flag=True,
    default=None,
    help="Configs against the first, in rounds until their difference is clear: --compare A.ini B.ini ...",
)
@click.option(
    "--ablate",
    metavar="CONFIG",
    help="The same for each of its settings taken back to what the plainest config of its kind has.",
)
@click.option("--within", type=Percent(), help="Until intervals are as narrow as ± this.  [default: 3%]")
@click.option("--minutes", type=float, metavar="N", help="A comparison ends after these.  [default: 10]")
@click.option(
    "--fail-above", type=Percent(), help="Exit code 1 where a comparison finds a slowdown over this."
)
@click.option("--compare-runs", nargs=2, metavar="RUN RUN", help="The second against the first.")
@click.option("--force", is_flag=True, default=None, help="Even if they are of other hosts or runtimes.")
@click.option("--show", nargs=2, metavar="RUN CELL", help="All of one cell: flask/request.files/64MiB.")
@click.option(
    "--report", metavar="RUN", help="Write report.html of a stored run: its name, its folder, or last."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(report.FORMATS),
    help="With --report: md and csv go to standard output.  [default: html]",
)
@click.option("--resume", metavar="RUN", help="Go on with a stored run: its name, its folder, or last.")
def command(
    runtime: str,
    resume: str | None,
    show: tuple[str, str] | None,
    compare_runs: tuple[str, str] | None,
    out: Path,
    data_dir: Path | None,
    load: bool,
    **asked: Any,
) -> None:
    """Measure how large files arrive at the Flask app behind each server."""
    if INSIDE:
        inside.become_owner(out)
        inside.require_checkout()
        _refuse_inside(runtime, out, asked)
    screen = Screen()
    code = _read(show, compare_runs, asked, out, screen)
    if code is None:
        code = _measure(runtime, resume, out, data_dir, load, asked, screen)
    if code != 0:
        sys.exit(code)


def _read(
    show: tuple[str, str] | None,
    compare_runs: tuple[str, str] | None,
    asked: dict[str, Any],
    out: Path,
    screen: Screen,
) -> int | None:
    """What is asked of stored runs: its exit code; None if nothing is. Raises LabError."""
    run, form, forced = (asked.pop(name) for name in ("report", "form", "force"))
    if form and not run:
        raise UsageError("--format is what a report is written as: add --report RUN")
    if forced and not compare_runs:
        raise UsageError("--force is for --compare-runs: leave it out")
    if show:
        screen.text(cell_in_full(_stored(show[0], out, asked, "--show reads"), show[1]))
        return 0
    if run:
        _report(_stored(run, out, asked, "--report reads"), form, screen)
        return 0
    if compare_runs:
        fail_above = asked.pop("fail_above")
        before, after = (_stored(one, out, asked, "--compare-runs reads") for one in compare_runs)
        return session.compare_runs(before, after, bool(forced), fail_above, screen)
    return None


def _report(folder: RunFolder, form: str | None, screen: Screen) -> None:
    """Written beside the run, or as text."""
    if form in (None, "html"):
        report.write_page(folder, load_goals(RATIOS))
        screen.report(folder)
    else:
        screen.raw(report.as_text(folder, load_goals(RATIOS), form))


def _measure(
    runtime: str,
    resume: str | None,
    out: Path,
    data_dir: Path | None,
    load: bool,
    asked: dict[str, Any],
    screen: Screen,
) -> int:
    """A new run, or what a stored one lacks: its exit code. Raises LabError, Stopped."""
    workers = _workers(asked, screen)
    if resume:
        wanted: Draft | Stored = Stored(_stored(resume, out, asked, "--resume goes on with"), load)
    else:
        wanted = draft(ordering.order(asked, load))
    with Processes() as processes:
        if not INSIDE and _in_containers(runtime, wanted, data_dir, workers, processes, screen):
            return Containers(processes, screen).measure(wanted, out, workers.here)
        if not INSIDE:
            _install(processes)
        return session.measure(wanted, out, Setting(data_dir or DATA, workers), processes, screen)


def main() -> None:
    """Run the command."""
    program.run(command, PROGRAM)


def _refuse_inside(runtime: str, out: Path, asked: dict[str, Any]) -> None:
    """What makes no sense in a container that is not run-matrix.sh's own; raises UsageError."""
    why = "the client's container cannot do that, ./scripts/run-matrix.sh can"
    if runtime == LOCAL:
        raise UsageError(f"--runtime local: {why}")
    if inside.RUN_NAME is None and out != RUNS:
        raise UsageError(f"--out {out}: {why}")
    for text in asked["targets"]:
        if is_this_host(_host(ordering.target(text)[1])):
            raise UsageError(f"--target {text}: {why}")


def _in_containers(
    runtime: str,
    wanted: Draft | Stored,
    data_dir: Path | None,
    workers: Workers,
    processes: Processes,
    screen: Screen,
) -> bool:
    """Whether the runtime is docker; raises LabError if it is to be and cannot."""
    recorded = wanted.folder.read_run().runtime if isinstance(wanted, Stored) else runtime
    if runtime not in (AUTO, recorded):
        raise UsageError(f"that run was measured with --runtime {recorded}, and only so it can go on")
    if recorded == LOCAL:
        return False
    obstacle = _obstacle(wanted, data_dir, workers, processes)
    if not obstacle:
        if recorded == AUTO:
            screen.note("Runtime: docker, since an engine and Compose answer; --runtime local does without.")
        return True
    if recorded == AUTO:
        screen.note(f"Runtime: local, since {obstacle}.")
        return False
    then = "" if isinstance(wanted, Stored) else "; --runtime local does without"
    raise LabError(f"--runtime docker is not possible: {obstacle}{then}")


def _obstacle(wanted: Draft | Stored, data_dir: Path | None, workers: Workers, processes: Processes) -> str:
    """Why this cannot run in containers; empty if it can."""
    if data_dir:
        return "--data-dir is a folder of this host"
    if workers.elsewhere:
        return "--expect-workers: from elsewhere nobody reaches a container"
    for name, url in wanted.order.targets.items() if isinstance(wanted, Draft) else ():
        if is_this_host(_host(url)):
            return f"--target {name} is on this host's loopback, where no container reaches it"
    return containers.obstacle(processes)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _install(processes: Processes) -> None:
    """What servers need as processes; run-matrix.sh installed no more than the client."""
    script = processes.start([str(ROOT / "scripts" / "install")], os.environ, ROOT, stdin=subprocess.DEVNULL)
    if script.wait() != 0:
        raise LabError("./scripts/install failed, see above")


def _stored(run: str, out: Path, asked: dict[str, Any], does: str) -> RunFolder:
    ordering.leave_out(asked, f"{does} a run as it is")
    if run == LAST:
        return last_run(out)
    return RunFolder(Path(run) if Path(run).is_dir() else out / run)


def _workers(asked: dict[str, Any], screen: Screen) -> Workers:
    """Who uploads at once, taken out of what was asked for."""
    here, elsewhere, listen = (asked.pop(name) for name in ("workers", "expect_workers", "listen"))
    for name, value in (("--workers", here), ("--expect-workers", elsewhere)):
        if value is not None:
            positive(name, value)
    if not elsewhere:
        if listen:
            raise UsageError("--listen is where workers join: add --expect-workers N")
        return container_workers() or Workers(here or as_many_as_fit())
    host, _, port = (listen or f"{LOOPBACK}:{MASTER_PORT}").rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"--listen {listen!r} is not HOST:PORT: write 192.0.2.7:{MASTER_PORT}")
    if not is_loopback(host):
        screen.note(f"Whoever reaches {host}:{port} can join, and see what is uploaded: mind your firewall.")
    return Workers(here or 0, elsewhere, host, int(port))
