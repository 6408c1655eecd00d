"""From the [load] table of a plan to steps."""

import random
from collections.abc import Sequence

from uploadlab.catalogue.methods import OWN_METHODS, sent_at
from uploadlab.declared.plans import Load
from uploadlab.errors import UsageError
from uploadlab.model.cells import Cell, Step
from uploadlab.model.deployments import REFERENCE, Target
from uploadlab.model.order import Order
from uploadlab.selection import choose, selects
from uploadlab.units import parse_rate, parse_size

LEAST_UPLOADS = 3
"""Uploads of each user before any user of its worker stops: all users send at once for a while."""
FASTEST = 4 * 10**9
"""Bytes a second: more than any server here stores."""


def plan_steps(load: Load, order: Order, targets: Sequence[Target]) -> list[Step]:
    """Return the steps of these targets; what the order names replaces the plan's. Raise UsageError."""
    names = choose("method", order.methods or load.methods, OWN_METHODS)
    steps = [
        Step(
            Cell(target.name, name, parse_size(size)), count, load.seconds, slow_users, parse_rate(load.pace)
        )
        for target in targets
        if target.tier == REFERENCE or selects(load.deployments, target.name)
        for name in sent_at(target, names)
        for size in order.sizes or load.sizes
        for count in order.users or load.users
        for slow_users in load.slow_users
    ]
    if not steps:
        raise UsageError("[load] has no step left: choose other --methods or --deployments")
    return list({step.id: step for step in steps}.values())  # a plan may name a step twice


def in_order(steps: Sequence[Step], seed: int) -> list[Step]:
    """Shuffle the steps by the seed, so that no deployment has the machine's best minutes."""
    ordered = sorted(steps, key=lambda step: step.id)
    random.Random(f"{seed}/load").shuffle(ordered)
    return ordered


def unverified_bytes(step: Step) -> int:
    """Return how many bytes the users of a step may leave on the server until the step ends."""
    least = (LEAST_UPLOADS + 1) * (step.users + step.slow_users) * step.cell.size_bytes
    return max(least, round(step.seconds * FASTEST))
