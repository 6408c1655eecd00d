"""The command behind ``scripts/serve.sh``: one deployment in the foreground."""

import os
import socket
import time

import click

from uploadlab.commands import program
from uploadlab.declared.compose import load_deployments, load_needs
from uploadlab.declared.variants import extended
from uploadlab.errors import LabError, UsageError
from uploadlab.measuring.health import check_targets
from uploadlab.paths import COMPOSE, DATA, ROOT
from uploadlab.presenting.terminal import Screen
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.addresses import is_loopback
from uploadlab.runtimes.local import HOST, LocalRuntime, Scratch
from uploadlab.selection import check
from uploadlab.sending.client import Client
from uploadlab.units import parse_size

PROGRAM = "serve.sh"


POLL_SECONDS = 0.5


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name")
@click.option("--host", default=HOST, show_default=True, metavar="ADDRESS", help="Where it listens.")
@click.option("--limit", metavar="SIZE", help="Refuse larger bodies with 413: 100MB.")
def command(name: str, host: str, limit: str | None) -> None:
    """Serve deployment NAME on its port, or on $PORT, until Ctrl-C.

    It is one of compose.yaml, or a config of that name in configs/. Profiling is switched on. What is
    uploaded is removed at the end.
    """
    declared = extended(load_deployments(COMPOSE), [name], ROOT)
    check("deployment", name, declared)
    one = declared[name]
    port = _port(name, host, one.port)
    settings = {"PROFILING": "1", "MAX_CONTENT_LENGTH": str(parse_size(limit)) if limit else ""}
    screen = Screen()
    if not is_loopback(host):
        screen.note(
            f"Whoever reaches {host}:{port} can fill this disk and read profiles: mind your firewall."
        )
    with Processes() as processes:
        scratch = Scratch.make(processes, DATA, f"serve-{name}")
        runtime = LocalRuntime(processes, scratch, None, load_needs(COMPOSE), settings)
        target = runtime.start_one(one, port, host)
        (checked,), _ = check_targets([target], Client(processes), runtime.explain)
        if checked.unavailable:
            raise LabError(f"{name}: {checked.unavailable}")
        screen.note(
            f"{name} answers on {target.url} and stores in {scratch.data_dir / name}; Ctrl-C ends it."
        )
        while not (ended := runtime.explain(name)):
            time.sleep(POLL_SECONDS)
        raise LabError(f"{name}: {ended}")


def main() -> None:
    """Run the command."""
    program.run(command, PROGRAM)


def _port(name: str, host: str, declared: int) -> int:
    """The port to serve on; raises if it is not a port, or not free."""
    text = os.environ.get("PORT", str(declared))
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise UsageError(f"PORT={text!r} is not a port: PORT=5010 ./scripts/{PROGRAM} {name}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind((host, int(text)))
        except OSError as error:
            hint = f"take another: PORT=5010 ./scripts/{PROGRAM} {name}"
            raise LabError(f"{host}:{text}: {error.strerror}; {hint}") from None
    return int(text)


if __name__ == "__main__":
    main()
