"""The command knobs: every value of configs/knobs.toml against what is shipped."""

import tempfile
from pathlib import Path

import click

from uploadlab import session
from uploadlab.commands import program
from uploadlab.declared.compose import load_deployments
from uploadlab.declared.knobs import load_knobs
from uploadlab.errors import Stopped, UsageError
from uploadlab.load.workers import Workers, as_many_as_fit
from uploadlab.paths import COMPOSE, DATA, KNOBS, TURNED
from uploadlab.planning.knob_runs import drafts
from uploadlab.presenting.terminal import Screen
from uploadlab.processes.groups import Processes
from uploadlab.session import Setting
from uploadlab.units import positive

PROGRAM = "knobs"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", metavar="TEXT", help="Only those whose deployment or option contains it.")
@click.option("--rounds", type=int, default=9, show_default=True)
@click.option("--seed", type=int, help="The order of a run to repeat.  [default: random, stored]")
@click.option("--out", type=click.Path(path_type=Path), default=TURNED, help="Folder of the runs.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=DATA, help="Where uploads are stored.")
def command(only: str | None, rounds: int, seed: int | None, out: Path, data_dir: Path) -> None:
    """Turn one knob at a time: values of configs/knobs.toml against what is shipped, as processes.

    One run is of speed and of many users, another of what arrives.
    """
    positive("--rounds", rounds)
    declared = load_deployments(COMPOSE)
    knobs = load_knobs(KNOBS, list(declared))
    knobs = [one for one in knobs if not only or only in f"{one.deployment} {one.option}"]
    if not knobs:
        raise UsageError(f"--only {only!r}: no deployment or option in configs/{KNOBS.name} contains it")
    setting = Setting(data_dir, Workers(as_many_as_fit()))
    with Processes() as processes, tempfile.TemporaryDirectory(prefix="uploadlab-") as folder:
        screen = Screen()
        try:
            for drafted in drafts(knobs, declared, rounds, seed, Path(folder)):
                session.measure(drafted, out, setting, processes, screen)
        except Stopped:
            raise Stopped(f"stopped; what was measured is in {out}") from None


def main() -> None:
    """Run the command."""
    program.run(command, PROGRAM)


if __name__ == "__main__":
    main()
