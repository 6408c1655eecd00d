"""The command ``knobs``: every value of configs/knobs.toml against what is shipped."""

import tempfile
from pathlib import Path

import click

from uploadlab import session
from uploadlab.commands import options
from uploadlab.commands.value_types import COUNT, Folder
from uploadlab.declared.compose import load_deployments
from uploadlab.declared.knobs import load_knobs
from uploadlab.errors import Stopped, UsageError
from uploadlab.load.workers import Workers, as_many_as_fit
from uploadlab.model.order import Kind, Order
from uploadlab.paths import COMPOSE, KNOB_RUNS, KNOBS, in_container
from uploadlab.planning.knob_runs import ROUNDS, knob_drafts
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Example:
  lab knobs --only gunicorn
""",
)
@click.option("--only", metavar="TEXT", help="Only settings whose deployment or option has TEXT.")
@click.option("--rounds", type=COUNT, default=ROUNDS, show_default=True, help="Rounds of each cell.")
@click.option("--seed", type=int, metavar="N", help="Order of the uploads.  [default: random]")
@click.option(
    "--out",
    type=Folder(),
    default=KNOB_RUNS,
    metavar="DIR",
    help="Directory of runs.  [default: benchmark/knobs]",
)
@options.data_dir_option
def command(only: str | None, rounds: int, seed: int | None, out: Path, data_dir: Path | None) -> None:
    """Change one setting at a time.

    Compares each value of configs/knobs.toml with the shipped one, as processes of this host.
    """
    if in_container():
        raise UsageError(
            "knobs starts processes of the host, not containers: type ./scripts/lab knobs on the host"
        )
    declared = load_deployments(COMPOSE)
    order = Order(kind=Kind.KNOBS, only=only, rounds=rounds, seed=seed)
    place = session.Place(session.LOCAL, out, data_dir, Workers(as_many_as_fit()))
    with tempfile.TemporaryDirectory(prefix="uploadlab-") as folder:
        try:
            for drafted in knob_drafts(order, load_knobs(KNOBS, list(declared)), declared, Path(folder)):
                session.start(drafted, place, Screen())
        except Stopped:
            raise Stopped(f"stopped; what was measured is in {out}") from None
