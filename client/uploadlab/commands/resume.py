"""The command ``resume``: go on with a run."""

import click

from uploadlab import session
from uploadlab.commands import options
from uploadlab.commands.target_options import GivenRequest, again_options
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab resume                                the newest run
  lab resume 20260131-120000-quick --load   and add concurrent uploads
  lab resume --target mine=http://me:word@192.0.2.7   a login is not stored
  lab resume --header 'Authorization: Bearer TOKEN'   nor is any header
""",
)
@click.argument("run", default=options.LAST)
@click.option("--load", is_flag=True, help="Then upload from many users at once.")
@click.option("--trust", is_flag=True, help="Go on with a run of another user or host: its configs are code.")
@again_options
@options.worker_options
@options.place_options
def command(
    place: session.Place,
    screen: Screen,
    run: str,
    load: bool,
    trust: bool,
    targets: dict[str, str],
    given: GivenRequest,
) -> int:
    """Go on with a stored run.

    Measures the cells that RUN lacks. RUN is a name, a folder, or last (the default). Resume only your own
    runs.
    """
    how = session.Resumption(load, trust, targets, given.spec, given.keep_for)
    return session.resume(options.stored_run(run, place.out), how, place, screen)
