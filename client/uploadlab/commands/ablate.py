"""The command ``ablate``: which settings of a config matter?"""

from typing import Any

import click

from uploadlab import session
from uploadlab.commands import options
from uploadlab.model.order import Kind, Order
from uploadlab.paths import ROOT
from uploadlab.planning.draft import draft
from uploadlab.planning.lineup import from_checkout
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab ablate configs/uwsgi/uwsgi-tuned.ini
  lab ablate gunicorn-gthread --methods request.stream --minutes 5
""",
)
@click.argument("config")
@click.option("--plan", metavar="NAME", help="One of lab list plans.  [default: compare]")
@options.cell_options
@options.comparison_options
@options.fail_above_option
@options.place_options
def command(config: str, place: session.Place, screen: Screen, **asked: Any) -> int:
    """Find out which settings matter.

    Compares CONFIG with copies of it that each reset one setting.
    """
    order = Order(kind=Kind.ABLATE, configs=[from_checkout(config, ROOT)], **asked)
    return session.start(draft(order), place, screen)
