"""The command ``resume``: go on with a run."""

import click

from uploadlab import session
from uploadlab.commands import options
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab resume                                the newest run
  lab resume 20260131-120000-quick --load   and add concurrent uploads
""",
)
@click.argument("run", default=options.LAST)
@click.option("--load", is_flag=True, help="Then upload from many users at once.")
@options.worker_options
@options.place_options
def command(place: session.Place, run: str, load: bool) -> int:
    """Go on with a stored run.

    Measures what RUN still lacks: a name, a folder, or last (the default).
    """
    return session.resume(options.stored_run(run, place.out), load, place, Screen())
