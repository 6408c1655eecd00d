"""Which uploads run at the same time: from a plan's [load] table to steps."""

import random
from collections.abc import Iterable, Sequence

import msgspec

from uploadlab.methods import OWN_METHODS, methods_at
from uploadlab.model import REFERENCE, Cell, Step, Target, UsageError
from uploadlab.names import choose, selects
from uploadlab.units import parse_rate, parse_size, positive


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [load] table of a plan: methods x sizes x deployments x users x slow users."""

    methods: list[str]
    sizes: list[str]
    users: list[int]
    seconds: float = 1.0
    """After this time nobody starts another upload."""
    deployments: list[str] = msgspec.field(default_factory=lambda: ["*"])
    slow_users: list[int] = msgspec.field(default_factory=lambda: [0])
    """How many send at ``pace`` beside the users that are counted."""
    pace: str = "1MB/s"


def check_load(load: Load) -> None:
    """Raise UsageError that says what is wrong in it."""
    choose("method", load.methods, OWN_METHODS)
    for text in load.sizes:
        parse_size(text)
    parse_rate(load.pace)
    for users in load.users:
        positive("users", users)
    for slow_users in load.slow_users:
        if slow_users:
            positive("slow_users", slow_users)
    positive("seconds", load.seconds)
    if not (load.methods and load.sizes and load.users and load.slow_users):
        raise UsageError("[load] needs methods, sizes, users, and slow_users = [0] where nobody is slow")


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
