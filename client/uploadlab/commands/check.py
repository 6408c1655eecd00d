"""The command ``check``: does every byte arrive?"""

from typing import Any

import click
import msgspec

from uploadlab import session
from uploadlab.commands import options
from uploadlab.commands.looked_up import with_known_app, with_releases
from uploadlab.commands.target_options import target_options
from uploadlab.commands.value_types import Names
from uploadlab.model.order import Kind, Order
from uploadlab.planning.draft import draft
from uploadlab.presenting.terminal import Screen


@click.command(
    cls=options.LabCommand,
    epilog="""\b
Examples:
  lab check                                       every case, every deployment
  lab check --cases chunked,stall --deployments gunicorn
  lab check --deployments mine --target mine=http://127.0.0.1:8000
  lab check --target mine=http://127.0.0.1:8000/up --expect-status 200
  lab check --clients                             clients instead of servers
  lab check --with werkzeug==3.0.1                other versions of packages
  lab check --versions 'gunicorn>=23'             each release
""",
)
@click.option(
    "--clients",
    type=Names(),
    is_flag=False,
    flag_value="*",
    help="Test clients, not servers; without names, all.",
)
@click.option("--cases", type=Names(), help="Try only these cases.")
@click.option(
    "--large",
    is_flag=True,
    help="Also send files over 1 and 2 GiB, forms of 128 MiB, slow uploads of 35 and 70 s, "
    "uploads beside 64 clients, and clients that are silent for up to 120 s.",
)
@options.deployments_option
@options.with_option
@click.option("--versions", metavar="REQ", default="", help="Test each release: 'gunicorn>=23'.")
@target_options
@options.place_options
def command(place: session.Place, screen: Screen, **asked: Any) -> int:
    """Test whether every byte arrives.

    Sends good, bad and broken uploads, some of them beside 16 other clients. Exit code 1 if a tuned
    deployment or your own server fails. With --clients, each client uploads to a server that misbehaves; its
    failures are findings, with exit code 0.
    """
    order = with_known_app(Order(kind=Kind.CHECK, **asked), screen)
    if order.versions:
        draft(msgspec.structs.replace(order, releases=[order.versions]))  # what else is wrong shows at once
        order = with_releases(order, screen)
    return session.start(draft(order), place, screen)
