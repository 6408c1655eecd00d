"""From the [load] table of a plan to steps."""

import random
from collections.abc import Sequence

from uploadlab.catalogue.methods import OWN_METHODS, sent_at
from uploadlab.declared.links import chosen_links
from uploadlab.declared.plans import Load
from uploadlab.errors import UsageError
from uploadlab.model.cells import Cell, Step
from uploadlab.model.deployments import REFERENCE, Target, over
from uploadlab.model.links import Link
from uploadlab.model.order import Order
from uploadlab.planning.cells import fitting_bytes
from uploadlab.selection import choose, selects
from uploadlab.units import parse_rate, parse_size

LEAST_UPLOADS = 3
"""Uploads of each user before any user of its worker stops: all users send at once for a while."""
FASTEST = 4 * 10**9
"""Bytes a second: more than any server here stores."""


def plan_steps(load: Load, order: Order, targets: Sequence[Target]) -> list[Step]:
    """Return the steps of these targets; what the order names replaces the plan's. Raise UsageError.

    A step over a link is of the target behind it.
    """
    names = choose("method", order.methods or load.methods, OWN_METHODS)
    links: list[Link | None] = [*chosen_links(order.link or load.links)] or [None]
    steps = [
        Step(
            Cell(over(target.name, link.name if link else ""), name, _size_bytes(size, load, order, link)),
            count, load.seconds, slow_users, parse_rate(load.pace),
        )
        for link in links
        for target in targets
        if target.tier == REFERENCE or selects(load.deployments, target.name)
        for name in sent_at(target, names)
        for size in order.sizes or load.sizes
        for count in order.users or load.users
        for slow_users in load.slow_users
    ]  # fmt: skip
    if not steps:
        raise UsageError("[load] has no step left: choose other --methods or --deployments")
    return list({step.id: step for step in steps}.values())  # a plan may name a step twice


def _size_bytes(size: str, load: Load, order: Order, link: Link | None) -> int:
    """Return a size; one that was not chosen for this link is at most what all users can send over it."""
    if link is None or order.sizes or load.links:
        return parse_size(size)
    users = max(order.users or load.users) + max(load.slow_users)
    return min(parse_size(size), fitting_bytes(link, (LEAST_UPLOADS + 1) * users))


def in_order(steps: Sequence[Step], seed: int) -> list[Step]:
    """Shuffle the steps by the seed, so that no deployment has the machine's best minutes."""
    ordered = sorted(steps, key=lambda step: step.id)
    random.Random(f"{seed}/load").shuffle(ordered)
    return ordered


def unverified_bytes(step: Step) -> int:
    """Return how many bytes the users of a step may leave on the server until the step ends."""
    least = (LEAST_UPLOADS + 1) * (step.users + step.slow_users) * step.cell.size_bytes
    return max(least, round(step.seconds * FASTEST))
