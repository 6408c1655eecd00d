"""The hidden command ``carry-out``: what the host has the client's container do."""

import click

from uploadlab import session
from uploadlab.commands import options
from uploadlab.errors import UsageError
from uploadlab.paths import in_container
from uploadlab.planning.draft import draft
from uploadlab.presenting.terminal import Screen
from uploadlab.storage.run_folder import RunFolder


@click.command(cls=options.LabCommand, hidden=True)
@click.argument("run")
@options.worker_options
@options.place_options
def command(place: session.Place, screen: Screen, run: str) -> int:
    """Carry out the order that lies in the folder of RUN."""
    if not in_container():
        raise UsageError("carry-out is for the client's container: write ./scripts/lab run")
    return session.start(draft(RunFolder(place.out / run).read_order()), place, screen)
