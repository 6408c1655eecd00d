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
Examples:
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
    help="Print a script that shows a check's failure without the lab.",
)
@options.out_option
def command(run: str, cell: str, reproduce: bool, out: Path) -> None:
    """Show one cell in full.

    CELL is DEPLOYMENT/METHOD/SIZE: prints its figures, causes and configs. In a check, CELL is
    DEPLOYMENT/CASE or CLIENT/CASE: prints each attempt.
    """
    folder = options.stored_run(run, out)
    if reproduce:
        stored = folder.read_run()
        write = client_reproduction if stored.of_clients else reproduction
        Screen().raw("\n".join(write(stored, folder.read_checks(), cell)) + "\n")
    else:
        Screen().text(cell_in_full(folder, cell))
