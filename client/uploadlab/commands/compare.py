"""The command ``compare``: which config, or which version, is better?"""

from typing import Any

import click

from uploadlab import session
from uploadlab.commands import options
from uploadlab.commands.looked_up import with_known_app
from uploadlab.commands.target_options import app_options
from uploadlab.commands.value_types import Names
from uploadlab.errors import UsageError
from uploadlab.model.order import Kind, Order
from uploadlab.paths import ROOT
from uploadlab.planning.draft import draft
from uploadlab.planning.lineup import from_checkout
from uploadlab.planning.version_lineup import LOCKED, are_versions, whole_side
from uploadlab.presenting.terminal import Screen

VERSIONS_PLAN = "versions"
"""The plan of versions, where the user names none."""


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab compare flask uwsgi-tuned --fail-above 10%    exit code 1 if slower
  lab compare werkzeug==3.0.1 werkzeug==3.1.9 --deployments flask,uwsgi-tuned
  lab compare ../gunicorn               a source folder and the locked version
""",
)
@click.argument("configs", nargs=-1, metavar="SIDE SIDE...")
@click.option("--deployments", type=Names(), help="Compare versions on these.")
@click.option("--plan", metavar="NAME", help="One of lab list plans.  [default: compare]")
@options.cell_options
@options.comparison_options
@options.fail_above_option
@app_options
@options.place_options
def command(configs: tuple[str, ...], place: session.Place, screen: Screen, **asked: Any) -> int:
    """Compare configs, or versions.

    Measures each SIDE against the first. A SIDE is a config, a deployment, or versions of packages:
    requirements with commas between, a wheel, a source folder, a file of requirements, or "locked" for the
    versions in the lock files.
    """
    if are_versions(configs):
        words = [word if word == LOCKED else whole_side(word) for word in configs]
        asked["plan"] = asked["plan"] or VERSIONS_PLAN
    else:
        words = [from_checkout(word, ROOT) for word in configs]
        if len(words) < 2:
            raise UsageError(
                "compare needs two configs or more: compare configs/uwsgi/A.ini configs/uwsgi/B.ini"
            )
    order = Order(kind=Kind.COMPARE, configs=words, **asked)
    return session.start(draft(with_known_app(order, screen)), place, screen)
