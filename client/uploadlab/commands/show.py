"""The command ``show``: one cell in full."""

from pathlib import Path

import click

from uploadlab.checking.client_reproduction import client_reproduction
from uploadlab.checking.reproduction import reproduction
from uploadlab.commands import options
from uploadlab.presenting.cell import cell_in_full
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Example:
  lab show last flask/request.files/64MiB
  lab show last uwsgi-default/chunked --reproduce > reproduce.sh
  lab show last requests/early-200 --reproduce > reproduce.py
""",
)
@click.argument("run")
@click.argument("cell")
@click.option(
    "--reproduce",
    is_flag=True,
    help="Print a script that shows the failure of DEPLOYMENT/CASE, or CLIENT/CASE, without the lab.",
)
@options.out_option
def command(run: str, cell: str, reproduce: bool, out: Path) -> None:
    """Show one cell in full.

    Prints every figure of CELL, DEPLOYMENT/METHOD/SIZE, with causes and configs; of a check, each attempt of
    DEPLOYMENT/CASE, or of CLIENT/CASE.
    """
    folder = options.stored_run(run, out)
    if reproduce:
        stored = folder.read_run()
        write = client_reproduction if stored.of_clients else reproduction
        Screen().raw("\n".join(write(stored, folder.read_checks(), cell)) + "\n")
    else:
        Screen().text(cell_in_full(folder, cell))
