"""From the [load] table of a plan to steps."""

import random
from collections.abc import Iterable, Sequence

from uploadlab.catalogue.methods import OWN_METHODS, methods_at
from uploadlab.declared.plans import Load
from uploadlab.errors import UsageError
from uploadlab.model.cells import Cell, Step
from uploadlab.model.deployments import REFERENCE, Target
from uploadlab.selection import choose, selects
from uploadlab.units import parse_rate, parse_size


def plan_steps(
    load: Load,
    targets: Sequence[Target],
    methods: Iterable[str] | None,
    sizes: Iterable[str] | None,
    users: Iterable[int] | None,
) -> list[Step]:
    """The steps of these targets, with the user's own choices in place of the plan's; raises UsageError."""
    names = choose("method", methods or load.methods, OWN_METHODS)
    steps = [
        Step(
            Cell(target.name, name, parse_size(size)), count, load.seconds, slow_users, parse_rate(load.pace)
        )
        for target in targets
        if target.tier == REFERENCE or selects(load.deployments, target.name)
        for name in names
        if name in methods_at(target)
        for size in sizes or load.sizes
        for count in users or load.users
        for slow_users in load.slow_users
    ]
    if not steps:
        raise UsageError("[load] has no step left: choose other --methods or --deployments")
    return list({step.id: step for step in steps}.values())  # whatever was written twice


def in_order(steps: Sequence[Step], seed: int) -> list[Step]:
    """Shuffled by the seed, so that no deployment has the machine's best minutes."""
    ordered = sorted(steps, key=lambda step: step.id)
    random.Random(f"{seed}/load").shuffle(ordered)
    return ordered
