"""The command line behind ``scripts/run-matrix.sh``."""

import shlex
from pathlib import Path
from typing import Any

import click

from uploadlab import lab, program
from uploadlab.client import Client
from uploadlab.console import Screen
from uploadlab.deployments import load_needs
from uploadlab.model import Deployment, Host, UsageError
from uploadlab.paths import COMPOSE, DATA, RUNS
from uploadlab.plan import Choice, positive
from uploadlab.processes import Processes
from uploadlab.runtime import LocalRuntime, Scratch, lack, missing
from uploadlab.stats import summarize
from uploadlab.store import RunFolder
from uploadlab.units import format_size, parse_size

PROGRAM = "run-matrix.sh"


class Names(click.ParamType[list[str]]):
    """Names with commas between them."""

    name = "a,b"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """The names, without empty ones."""
        names = [word.strip() for word in value.split(",") if word.strip()]
        return names or self.fail(f"{value!r} names nothing", param, ctx)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--plan", metavar="NAME", help="A file of configs/plans.  [default: quick]")
@click.option("--deployments", type=Names(), help="Only these; references run along.")
@click.option("--methods", type=Names(), help="Only these; references run along.")
@click.option("--sizes", type=Names(), help="Instead of the plan's: 64MiB,1GiB.")
@click.option("--rounds", type=int, help="Instead of the plan's.")
@click.option("--seed", type=int, help="The order of a run to repeat.  [default: random, stored]")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME=URL",
    help="Also measure a server that answers the lab's HTTP contract.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=DATA,
    help="Where uploads are stored meanwhile: chooses the filesystem.  [default: benchmark/data]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=RUNS,
    help="Where the run's folder goes.  [default: benchmark/runs]",
)
@click.option("--resume", metavar="RUN", help="Go on with a stored run: its name or its folder.")
def command(resume: str | None, out: Path, data_dir: Path, **asked: Any) -> None:
    """Measure how large files arrive at the Flask app behind each server."""
    if resume and (given := [name for name, value in asked.items() if value not in (None, ())]):
        raise UsageError(f"--resume goes on as planned: leave out --{given[0].replace('targets', 'target')}")
    order = None if resume else _order(**asked)
    with Processes() as processes:
        scratch = Scratch.make(processes, data_dir, "run")
        if order is not None:
            prepared = lab.prepare(order, out, scratch.data_dir, LocalRuntime.name)
        else:
            prepared = lab.reopen(_run_path(str(resume), out), scratch.data_dir)
        try:
            _carry_out(prepared, scratch, processes)
        except KeyboardInterrupt:
            raise program.Stopped(_how_to_go_on(prepared.folder, data_dir)) from None


def main() -> None:
    """Run the command."""
    program.run(command, PROGRAM)


def _carry_out(prepared: lab.Prepared, scratch: Scratch, processes: Processes) -> None:
    run, folder, mends = prepared.run, prepared.folder, load_needs(COMPOSE)
    screen = Screen()
    screen.note(_preflight(run.host, prepared.deployments, mends))
    runtime = LocalRuntime(processes, scratch, folder.logs, mends)
    try:
        lab.carry_out(prepared, scratch.data_dir, runtime, Client(processes), screen.progress)
    finally:
        if rows := folder.read_measurements():
            screen.result(run, summarize(run, rows), folder.path)


def _how_to_go_on(folder: RunFolder, data_dir: Path) -> str:
    if not folder.read_measurements():
        return "stopped before anything was measured"
    words = [f"./scripts/{PROGRAM}", "--resume"]
    words += [folder.path.name if folder.path.parent == RUNS else str(folder.path)]
    words += ["--data-dir", str(data_dir)] if data_dir != DATA else []
    return f"stopped; go on with: {shlex.join(words)}"


def _order(
    plan: str | None,
    deployments: list[str] | None,
    methods: list[str] | None,
    sizes: list[str] | None,
    rounds: int | None,
    seed: int | None,
    targets: tuple[str, ...],
) -> lab.Order:
    """What was asked for, checked as far as it can be without reading a file."""
    for text in sizes or []:
        parse_size(text)
    if rounds is not None:
        positive("--rounds", rounds)
    named = dict(_target(text) for text in targets)
    return lab.Order(plan or "quick", Choice(methods, sizes, rounds), deployments, named, seed)


def _target(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not name or not url.startswith(("http://", "https://")):
        raise UsageError(f"--target {text!r} is not NAME=URL: write mine=http://127.0.0.1:8000")
    return name, url.rstrip("/")


def _run_path(text: str, out: Path) -> Path:
    return Path(text) if Path(text).is_dir() else out / text


def _preflight(host: Host, deployments: list[Deployment], mends: dict[str, str]) -> str:
    """This host in a line, with what it lacks."""
    lacks = missing(list(dict.fromkeys(need for one in deployments for need in one.needs)))
    facts = f"{host.cores} cores, {format_size(host.memory_bytes)}, uploads on {host.data_filesystem}"
    return f"This host: {facts}; {lack(lacks, mends) or 'nothing is missing'}."
