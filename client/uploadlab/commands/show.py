"""The command ``show``: one cell in full."""

from pathlib import Path

import click

from uploadlab.commands import options
from uploadlab.presenting.cell import cell_in_full
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Example:
  lab show last flask/request.files/64MiB
""",
)
@click.argument("run")
@click.argument("cell")
@options.out_option
def command(run: str, cell: str, out: Path) -> None:
    """Show one cell in full.

    Prints every figure of CELL, DEPLOYMENT/METHOD/SIZE, with causes and configs.
    """
    Screen().text(cell_in_full(options.stored_run(run, out), cell))
