"""Options that several commands share, as decorators, and the kinds of values that they take."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from uploadlab.commands.lab_command import LabCommand as LabCommand
from uploadlab.commands.lab_command import TargetOption
from uploadlab.commands.value_types import COUNT, MINUTES, Folder, Names, Percent, Sizes
from uploadlab.errors import LabError, UsageError
from uploadlab.load.workers import LOOPBACK, MASTER_PORT, Workers, as_many_as_fit, container_workers
from uploadlab.paths import RUNS, in_container, shown
from uploadlab.presenting.terminal import Screen
from uploadlab.private_urls import kept_apart, masked_word
from uploadlab.runtimes.addresses import is_loopback, is_this_host, url_problem
from uploadlab.runtimes.in_container import require_checkout, run_name
from uploadlab.selection import did_you_mean
from uploadlab.session import AUTO, DOCKER, LOCAL, Place
from uploadlab.storage.run_folder import RunFolder
from uploadlab.storage.stored_runs import last_run, run_folders
from uploadlab.versions.sides import whole_words

Command = Callable[..., Any]
LAST = "last"
"""In place of a run's name: the newest."""


def show_target_help(ctx: click.Context, param: click.Parameter, is_asked: bool) -> None:
    """Print the options that the usual help leaves out, and end the command."""
    if not is_asked:
        return
    formatter = ctx.make_formatter()
    with formatter.section("Options for your own server (docs/usage.md has examples)"):
        hidden = [option for option in ctx.command.params if isinstance(option, TargetOption)]
        formatter.write_dl([option.help_row(ctx) for option in hidden])
    Screen().raw(formatter.getvalue())
    ctx.exit()


target_help_option = click.option(
    "--target-help", is_flag=True, is_eager=True, expose_value=False, hidden=True, callback=show_target_help
)


def group(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return one decorator that adds these options, in the order of the help."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


deployments_option = group(
    click.option(
        "--group",
        type=Names(),
        envvar="LAB_GROUPS",
        help="core, servers, fronts, or all.  [default: core]",
    ),
    click.option("--deployments", type=Names(), help="Run only these."),
)
plan_option = click.option("--plan", metavar="NAME", help="One of lab list plans.  [default: quick]")
cell_options = group(
    click.option("--methods", type=Names(), help="Run only these."),
    click.option("--sizes", type=Sizes(), help="File sizes, as 64M,1GiB (M is MiB)."),
    click.option("--rounds", type=COUNT, help="Number of rounds."),
    click.option("--seed", type=int, metavar="N", help="Order of the uploads.  [default: random]"),
)
link_option = click.option("--link", type=Names(), help="Send over these links: lab list links.")
comparison_options = group(
    click.option(
        "--within",
        type=Percent(),
        default="3%",
        help="Stop once the result is accurate to ±N%.  [default: 3%]",
    ),
    click.option("--minutes", type=MINUTES, help="Time limit in minutes.  [default: 10]"),
)
fail_above_option = click.option("--fail-above", type=Percent(), help="Exit code 1 for a slowdown over N%.")
target_option = click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME=URL",
    callback=lambda ctx, param, values: dict(_target(value) for value in values),
    help="Also upload to this server (repeatable).",
)
worker_options = group(
    click.option("--workers", type=COUNT, help="Upload processes.  [default: half the cores]"),
    click.option("--expect-workers", type=COUNT, help="Wait for N Locust workers on other machines."),
    click.option("--listen", metavar="HOST:PORT", help="Where they connect.  [default: 127.0.0.1:5557]"),
)
out_option = click.option(
    "--out",
    type=Folder(),
    default=RUNS,
    metavar="DIR",
    help="Directory of runs.  [default: benchmark/runs]",
)
data_dir_option = click.option(
    "--data-dir",
    type=Folder(),
    metavar="DIR",
    help="Directory for uploads (local runtime only).",
)
where_options = group(
    click.option(
        "--runtime",
        type=click.Choice([AUTO, DOCKER, LOCAL]),
        default=AUTO,
        help="Containers, or processes of this host.",
    ),
    data_dir_option,
    out_option,
)


with_option = click.option(
    "--with",
    "with_packages",
    multiple=True,
    metavar="REQ[,REQ]",
    callback=lambda ctx, param, values: whole_words(values),
    help="Use this version: werkzeug==3.0.1 (repeatable).",
)


tables_option = click.option("--tables", is_flag=True, help="Print all tables before the answer.")


def place_options(command: Command) -> Command:
    """Add the options that say where an order is carried out, and how much of it is printed.

    The command gets them as ``place`` and ``screen``.
    """

    @wraps(command)
    def gathered(
        runtime: str,
        out: Path,
        data_dir: Path | None,
        tables: bool,
        workers: int | None = None,
        expect_workers: int | None = None,
        listen: str | None = None,
        **more: Any,
    ) -> Any:
        uploading = _workers(workers, expect_workers, listen)
        if in_container():
            _enter_container(runtime, out, more.get("targets", {}))
        return command(place=Place(runtime, out, data_dir, uploading), screen=Screen(tables), **more)

    return tables_option(where_options(gathered))


def _target(text: str) -> tuple[str, str]:
    """Return name and public URL of ``mine=http://127.0.0.1:8000``; raise UsageError."""
    name, _, url = text.partition("=")
    if not name or not url.startswith(("http://", "https://")):
        raise UsageError(f"--target {masked_word(text)!r} is not NAME=URL: write mine=http://127.0.0.1:8000")
    if problem := url_problem(url):
        raise UsageError(
            f"--target {masked_word(text)!r} has no address: {problem}; write mine=http://127.0.0.1:8000"
        )
    return name, kept_apart(url)


def _enter_container(runtime: str, out: Path, targets: dict[str, str]) -> None:
    """Raise LabError for what the client's container cannot do."""
    require_checkout()
    why = "not possible in the client's container: use ./scripts/lab on the host"
    if runtime == LOCAL:
        raise UsageError(f"--runtime local: {why}")
    if run_name() is None and out != RUNS:
        raise UsageError(f"--out {out}: {why}")
    for name, url in targets.items():
        if is_this_host(urlsplit(url).hostname or ""):
            raise UsageError(f"--target {name}={url}: {why}")


def _workers(here: int | None, elsewhere: int | None, listen: str | None) -> Workers:
    """Return which processes upload at once; raise LabError."""
    if not elsewhere:
        if listen:
            raise UsageError("--listen is the address for workers of other machines: add --expect-workers N")
        return container_workers() or Workers(here or as_many_as_fit())
    host, _, port = (listen or f"{LOOPBACK}:{MASTER_PORT}").rpartition(":")
    if not port.isdigit() or "@" in host or url_problem(f"http://{host}:{port}"):
        raise UsageError(f"--listen {listen!r} is not HOST:PORT: write 192.0.2.7:{MASTER_PORT}")
    if not is_loopback(host):
        reach = f"Anyone who can reach {host}:{port} can join and see what is uploaded"
        Screen().note(f"{reach}: check your firewall.")
    return Workers(here or 0, elsewhere, host, int(port))


def stored_run(name: str, out: Path) -> RunFolder:
    """Return the folder of a run by its name, its path, or ``last``; raise LabError if there is none."""
    if given := run_name():  # the host has chosen it
        return RunFolder(out / given)
    if name == LAST:
        return last_run(out)
    path = Path(name) if os.path.isdir(name) else out / name  # noqa: PTH112  false for a name that is too long
    if not os.path.isdir(path):  # noqa: PTH112
        known = sorted(found.name for found in run_folders(out))
        hint = f"{did_you_mean(name, known)}name a run's folder, or last for the newest run"
        raise LabError(f"no run at {shown(path)}: {hint}")
    return RunFolder(path)
