"""The command ``run``, which is meant where none is named: measure uploads."""

from typing import Any

import click

from uploadlab import session
from uploadlab.commands import options
from uploadlab.commands.looked_up import with_known_app
from uploadlab.commands.target_options import target_options
from uploadlab.commands.value_types import MINUTES, Users
from uploadlab.model.order import Order
from uploadlab.planning.draft import draft
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab run --plan smoke                               every method once
  lab run --deployments flask,gunicorn --sizes 1G    two servers, larger files
  lab run --target mine=http://127.0.0.1:8000/up --expect-status 200
  lab run --plan slow-clients --target mine=http://h/up --expect-status 200
""",
)
@options.deployments_option
@options.plan_option
@options.cell_options
@options.link_option
@options.with_option
@click.option("--minutes", type=MINUTES, help="Time limit of the rounds in minutes.")
@click.option("--profile", is_flag=True, help="Then profile each method at its smallest size.")
@click.option("--load", is_flag=True, help="Then upload from many users at once.")
@click.option("--users", type=Users(), help="Numbers of users, as 1,8,32.")
@target_options
@options.worker_options
@options.place_options
def command(place: session.Place, screen: Screen, **asked: Any) -> int:
    """Measure uploads to the app behind each server.

    Verifies every upload, and writes a report. Baselines always run too.
    """
    return session.start(draft(with_known_app(Order(**asked), screen)), place, screen)
