"""Carries out one order, from start to exit code: in containers or here."""

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from uploadlab.analysis.comparison import Found, found
from uploadlab.analysis.grid import falls_short, judged
from uploadlab.analysis.outcome import Rows, failed_entirely
from uploadlab.analysis.slowdowns import slower
from uploadlab.checking.client_stage import ClientStage
from uploadlab.checking.stage import CheckStage
from uploadlab.declared.compose import load_needs
from uploadlab.declared.goals import declared_goals
from uploadlab.errors import FAILED, MISUSED, LabError, Stopped, UsageError, problem_of
from uploadlab.load.stage import LoadStage
from uploadlab.load.swarm import Swarm
from uploadlab.load.workers import Workers, uploading
from uploadlab.measuring.carry_out import carry_out
from uploadlab.measuring.prepare import Prepared, placed, prepare, reopen, require_room
from uploadlab.measuring.profiles import ProfileStage
from uploadlab.measuring.trust import require_own_run, require_sound_urls
from uploadlab.measuring.uploads import UploadStage
from uploadlab.model.deployments import EXTERNAL, Deployment, Target, added_groups
from uploadlab.model.runs import Run
from uploadlab.model.targets import TargetSpec
from uploadlab.paths import COMPOSE, ROOT, RUNS, default_data_dir, in_container, program, shown
from uploadlab.planning.draft import Draft, other_clients
from uploadlab.planning.stored import (
    keep_certificates,
    lacking_secrets,
    require_targets,
    restored,
    with_given,
)
from uploadlab.presenting import report
from uploadlab.presenting.document import Document
from uploadlab.presenting.terminal import Screen
from uploadlab.private_urls import OWN_APP as ANY_OWN_APP
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.addresses import is_this_host
from uploadlab.runtimes.compose import ComposeProject, new_folder, obstacle
from uploadlab.runtimes.in_container import Neighbours, require_checkout, run_name
from uploadlab.runtimes.link.lines import Links
from uploadlab.runtimes.local import LocalRuntime, Scratch
from uploadlab.runtimes.own_app import own_environment
from uploadlab.sending.crew import Crew
from uploadlab.storage.files import REPORT
from uploadlab.storage.reader import read_run_folder
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import format_size
from uploadlab.versions.making import FolderMaker
from uploadlab.versions.of_clients import folders_of_clients
from uploadlab.versions.of_deployments import folders_of_deployments

AUTO, DOCKER, LOCAL = "auto", Neighbours.name, LocalRuntime.name
AUTO_DOCKER = "docker, since an engine and Compose answer; --runtime local needs neither"
OWN_APP_HERE = "--app is an app of this host"
STAY_UP = (
    "The servers stay up: docker compose ps shows their ports, docker compose down -v removes them. "
    "Runs and reports: {viewer}"
)


class Place(NamedTuple):
    """Where an order is carried out, which is no part of the run."""

    runtime: str
    """``auto``, ``docker`` or ``local``."""
    out: Path
    """The folder of the run's folder."""
    data_dir: Path | None
    """Where uploads are stored; None: the default."""
    workers: Workers
    name: str = ""
    """Of the run's folder; empty: the time, and the plan."""


def start(drafted: Draft, place: Place, screen: Screen) -> int:
    """Carry out a new run and return the exit code; raise LabError, Stopped."""
    uploading(place.workers, drafted.steps, drafted.targets)
    with Processes() as processes:
        name = place.name or f"{time.strftime('%Y%m%d-%H%M%S')}-{drafted.name}"
        clients = other_clients(drafted)
        starts = bool(drafted.deployments or clients)
        problem = "" if drafted.order.app is None else OWN_APP_HERE
        problem = problem or _obstacle(
            place, place.runtime, drafted.order.targets, drafted.order.spec, starts, processes
        )
        if problem and place.runtime == DOCKER:
            raise LabError(
                f"--runtime docker is not possible: {problem}; --runtime local needs no containers"
            )
        if place.runtime == AUTO and not in_container():
            screen.note(f"Runtime: {f'local, since {problem}' if problem else AUTO_DOCKER}.")
        if not (problem or in_container()):
            require_checkout()
            folder = new_folder(place.out, name)
            folder.write_order(drafted.order)
            deployments = placed(drafted.deployments, drafted.texts, folder)
            words = ["carry-out", folder.path.name]
            project = ComposeProject(processes, screen, drafted)
            return _run_containers(project, folder, deployments, drafted.order.profile, words, place, screen)

        def prepare_new(data_dir: Path) -> Prepared:
            require_room(drafted, data_dir)
            # The host has made a folder before it started the container.
            given = run_name()
            folder = RunFolder(place.out / given) if given else RunFolder.create(place.out, name)
            return prepare(drafted, folder, data_dir, DOCKER if in_container() else LOCAL)

        return _run_here(prepare_new, drafted.deployments, clients, drafted, place, processes, screen)


class Resumption(NamedTuple):
    """How to go on with a stored run."""

    load: bool = False
    """Whether to add concurrent uploads."""
    trust: bool = False
    """Whether to go on with a run of another user or host."""
    targets: Mapping[str, str] = {}
    """URLs that were given again, since a login or a query is not stored."""
    given: TargetSpec = TargetSpec()
    """What was given again for the requests to targets, since no secret is stored."""
    keep_for: Callable[[Iterable[str]], object] = list
    """Keeps the secrets that were given again for these URLs."""


def resume(folder: RunFolder, how: Resumption, place: Place, screen: Screen) -> int:
    """Measure what a stored run lacks; return the exit code. Raise LabError, Stopped."""
    if not (how.trust or run_name()):  # the host has looked at whose run it is
        require_own_run(folder)
    run = folder.read_run()
    require_sound_urls(run)
    require_targets(run, how.targets)
    urls = {target.name: target.url for target in run.targets if target.tier == EXTERNAL}
    if how.given != TargetSpec():
        run = with_given(run, how.given)
        how.keep_for(urls.values())
        folder.write_run(run)
    spec = next((target.spec for target in run.targets if target.spec), None)
    if app := run.order.app if run.order else None:
        how.keep_for([ANY_OWN_APP])
        own_environment(app)
        if lacking := lacking_secrets(Target(app.place, ANY_OWN_APP, spec=spec)):
            raise UsageError(f"{run.id}: {lacking}")
    keep_certificates(urls.values(), spec)
    if run.runtime not in (DOCKER, LOCAL):
        raise LabError(f"{run.id} has runtime {run.runtime!r}, which this lab does not know: start a new run")
    if place.runtime not in (AUTO, run.runtime):
        raise UsageError(f"{run.id} was measured with --runtime {run.runtime}: resume it without --runtime")
    with Processes() as processes:
        again = restored(run, how.load)
        deployments = placed(again.deployments, again.texts, folder)
        clients = other_clients(run)
        problem = _obstacle(place, run.runtime, urls, spec, bool(deployments or clients), processes)
        if problem and run.runtime == DOCKER:
            raise LabError(f"{run.id} was measured in containers, which is not possible now: {problem}")
        if not (problem or in_container()):
            require_checkout()
            words = ["resume", *(["--load"] if how.load else []), *(["--trust"] if how.trust else [])]
            project = ComposeProject(processes, screen, run)
            return _run_containers(project, folder, deployments, run.profile, words, place, screen)

        def prepare_again(data_dir: Path) -> Prepared:
            return reopen(folder, data_dir, how.load, how.trust)

        return _run_here(prepare_again, deployments, clients, run, place, processes, screen)


def _obstacle(
    place: Place,
    runtime: str,
    urls: dict[str, str],
    spec: TargetSpec | None,
    starts: bool,
    processes: Processes,
) -> str:
    """Return why this order cannot run in containers of its own; empty if it can.

    ``starts`` is whether it starts anything: deployments, or the programs of clients.
    """
    if in_container():
        return ""
    if runtime == LOCAL:
        return "--runtime local"
    if not starts:
        return "no deployment has to be started"
    if place.data_dir:
        return "--data-dir is a folder of this host"
    if spec and spec.host_paths:
        return f"{spec.host_paths[0]} is on this host"
    if place.workers.elsewhere:
        return "--expect-workers: workers on other machines cannot reach a container"
    for name, url in urls.items():
        if is_this_host(urlsplit(url).hostname or ""):
            return f"--target {name} is on this host's loopback, where no container reaches it"
    return obstacle(processes)


def _run_containers(
    project: ComposeProject,
    folder: RunFolder,
    deployments: Sequence[Deployment],
    profiling: bool,
    words: list[str],
    place: Place,
    screen: Screen,
) -> int:
    words = [*words, "--workers", str(place.workers.here), *(["--tables"] if screen.tables else [])]
    try:
        code = project.run(folder, deployments, profiling, words)
    except KeyboardInterrupt:
        raise Stopped(how_to_go_on(folder, None)) from None
    if code not in (0, FAILED, MISUSED):
        raise LabError(f"the client's container ended with status {code}: {how_to_go_on(folder, None)}")
    return code


def _run_here(
    make: Callable[[Path], Prepared],
    deployments: Sequence[Deployment],
    clients: Sequence[str],
    planned: Draft | Run,
    place: Place,
    processes: Processes,
    screen: Screen,
) -> int:
    """Carry out a run whose deployments are processes of this host, or neighbours of this container."""
    declared_goals()  # a mistake in them must show before a long run, not after
    if (deployments or clients) and COMPOSE.exists() and not in_container():
        install_servers(processes, deployments, bool(clients))
    maker = FolderMaker(processes, screen.note, screen.waiting)
    loaded = [] if in_container() else deployments  # whose image has its packages
    each_counts = bool(planned.order and planned.order.releases)
    packages = folders_of_deployments(loaded, planned.comparison, each_counts, maker)
    sets = [target.client_packages for target in planned.targets]
    sender = Crew(processes, folders_of_clients(sets, clients, maker))
    scratch = Scratch.make(processes, place.data_dir or default_data_dir(), "run")
    prepared = make(scratch.data_dir)
    run, folder = prepared.run, prepared.folder
    try:
        workers = uploading(place.workers, run.load, run.targets)
        _carry_out(prepared, scratch, workers, packages, sender, screen)
    except KeyboardInterrupt:
        # On the host, the command that started this container says so itself.
        raise Stopped("" if run_name() else how_to_go_on(folder, place.data_dir)) from None
    return _exit_code(run, folder, screen)


def _exit_code(run: Run, folder: RunFolder, screen: Screen) -> int:
    """Return the exit code of a run, and print what failed of all that the user named."""
    measured, checks = folder.read_measurements(), folder.read_checks()
    compared = found(run, measured)
    too_slow = run.order and fails(compared, run.order.fail_above, screen)
    failed = failed_entirely(run, Rows(measured, checks, folder.read_steps(), folder.read_uploads()))
    labels = {name: group.label_in_full(name) for group in compared for name in group.sides}
    for name, why in failed.items():
        label = labels.get(name, name)
        screen.note(f"Exit code {FAILED}: nothing arrived at {label}, which you named ({why}).")
    return FAILED if failed or too_slow or falls_short(run, judged(run, checks)) else 0


def install_servers(processes: Processes, deployments: Iterable[Deployment], clients: bool = False) -> None:
    """Install what servers need as processes, and other clients: ``scripts/lab`` installed the lab's own."""
    command = [str(ROOT / "scripts" / "install"), *added_groups(deployments), *(["clients"] * clients)]
    if processes.start(command, os.environ, ROOT, stdin=subprocess.DEVNULL).wait() != 0:
        raise LabError("./scripts/install failed, see above")


def _carry_out(
    prepared: Prepared,
    scratch: Scratch,
    workers: Workers,
    packages: Mapping[str, Path | str],
    sender: Crew,
    screen: Screen,
) -> None:
    processes = sender.processes
    run, folder = prepared.run, prepared.folder
    for notice in read_run_folder(folder).notices:
        screen.note(notice)
    if in_container():
        runtime: Neighbours | LocalRuntime = Neighbours()
    else:
        settings = {"PROFILING": "1"} if run.profile else {}
        runtime = LocalRuntime(
            processes, scratch, folder.logs, load_needs(COMPOSE) if COMPOSE.exists() else {}, settings,
            packages=packages,
        )  # fmt: skip
        runtime.hand_to_apps(own_environment(run.order.app) if run.order and run.order.app else {})
    host = run.host
    screen.note(
        f"This host: {host.cores} cores, {format_size(host.memory_bytes)}, "
        f"uploads on {host.data_filesystem}; {runtime.lacks(prepared.deployments) or 'nothing is missing'}."
    )
    try:
        swarm = Swarm(processes, workers, scratch.data_dir, folder.logs)
        clients = partial(ClientStage, folders=sender.folders)
        stages = (UploadStage, ProfileStage, CheckStage, clients, partial(LoadStage, crowd=swarm))
        carry_out(prepared, scratch.data_dir, runtime, sender, Links(processes), stages, screen.progress)
    finally:
        if "LAB_WORKERS" in os.environ:  # the last of `docker compose up`; the answer ends it
            screen.note(STAY_UP.format(viewer=os.environ.get("LAB_VIEWER", "")))
        show(folder, screen)


def show(folder: RunFolder, screen: Screen) -> None:
    """Write the report, and end with the answer; before it all tables, if the user wants them."""
    if not folder.has_results():
        return
    document = report.document_of(folder, declared_goals())
    # Before anything is printed: nobody may read it, and printing may fail.
    problem = _write_report(folder, document)
    if screen.tables:
        screen.details(document)
    screen.answer(document, folder.path / REPORT, problem)


def _write_report(folder: RunFolder, document: Document) -> str:
    """Write the report and return why it could not be written, if so: that must not fail the run."""
    try:
        report.write_page(folder, document)
    except ModuleNotFoundError as error:
        return f"{error.name} is not installed: pip install 'upload-lab[lab]'"
    except Exception as error:
        return problem_of(error)
    return ""


def fails(compared: Sequence[Found], share: float | None, screen: Screen) -> bool:
    """Return whether a deployment is slower than allowed, and print which."""
    texts = slower(compared, share) if share is not None else []
    for text in texts:
        screen.note(f"Fails --fail-above {share:.0%}: {text}.")
    return bool(texts)


def how_to_go_on(folder: RunFolder, data_dir: Path | None) -> str:
    """Return what to type after a run that was stopped."""
    if not folder.has_results():
        return "stopped before anything was measured"
    words = [program(), "resume", folder.path.name if folder.path.parent == RUNS else shown(folder.path)]
    words += ["--data-dir", str(data_dir)] if data_dir else []
    return f"stopped; go on with: {shlex.join(words)}"
