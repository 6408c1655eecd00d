"""The command ``compare``: which config is better?"""

from typing import Any

import click

from uploadlab import session
from uploadlab.commands import options
from uploadlab.commands.target_options import app_options
from uploadlab.errors import UsageError
from uploadlab.model.order import Kind, Order
from uploadlab.paths import ROOT
from uploadlab.planning.draft import draft
from uploadlab.planning.lineup import from_checkout
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab compare configs/uwsgi/uwsgi-default.ini configs/uwsgi/uwsgi-tuned.ini
  lab compare gunicorn gunicorn-gthread --sizes 1GiB --minutes 30
  lab compare flask uwsgi-tuned --fail-above 10%    exit code 1 if slower
""",
)
@click.argument("configs", nargs=-1, metavar="CONFIG CONFIG...")
@click.option("--plan", metavar="NAME", help="A file of configs/plans.  [default: compare]")
@options.cell_options
@options.comparison_options
@options.fail_above_option
@app_options
@options.place_options
def command(configs: tuple[str, ...], place: session.Place, screen: Screen, **asked: Any) -> int:
    """Compare server configs.

    Measures each CONFIG, or deployment, against the first, in rounds until the difference is clear.
    """
    if len(configs) < 2:
        raise UsageError("compare takes two configs or more: compare configs/uwsgi/A.ini configs/uwsgi/B.ini")
    order = Order(kind=Kind.COMPARE, configs=[from_checkout(word, ROOT) for word in configs], **asked)
    return session.start(draft(session.with_known_app(order, screen)), place, screen)
