"""The files of configs/plans: which cells, how many rounds, which load."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from uploadlab.catalogue.methods import OWN_METHODS
from uploadlab.errors import UsageError
from uploadlab.selection import check, choose
from uploadlab.units import parse_rate, parse_size, positive

BUDGET_SECONDS = 60.0
"""For one upload."""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Methods x sizes x deployments, all with the same number of rounds."""

    sizes: list[str]
    methods: list[str] = msgspec.field(default_factory=lambda: ["*"])
    deployments: list[str] = msgspec.field(default_factory=lambda: ["*"])
    rounds: int = 1
    warmup: str = "8MiB"
    """Size of the one upload, not counted, that goes before a pair's first; never over its smallest."""


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


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of configs/plans."""

    title: str
    cells: list[Group] = []
    load: Load | None = None
    budget_seconds: float = BUDGET_SECONDS


def load_plan(name: str, folder: Path) -> Plan:
    """The plan of that name; raises UsageError that says what is wrong in it."""
    check("plan", name, sorted(path.stem for path in folder.glob("*.toml")))
    path = folder / f"{name}.toml"
    try:
        plan = msgspec.toml.decode(path.read_bytes(), type=Plan)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fields = {"": Plan, "in [[cells]] ": Group, "in [load] ": Load}
        known = "; ".join(f"{where}{', '.join(kind.__struct_fields__)}" for where, kind in fields.items())
        raise UsageError(f"{path.name}: {error}; known fields: {known}") from None
    try:
        _check(plan)
    except UsageError as error:
        raise UsageError(f"{path.name}: {error}") from None
    return plan


def _check(plan: Plan) -> None:
    if not plan.cells and not plan.load:
        raise UsageError("it plans nothing: add [[cells]] with sizes, or [load]")
    if plan.load:
        check_load(plan.load)
    for group in plan.cells:
        positive("rounds", group.rounds)
        for text in [*group.sizes, group.warmup]:
            parse_size(text)
    positive("budget_seconds", plan.budget_seconds)


def check_deployments(plan: Plan, deployments: Iterable[str]) -> None:
    """Raise UsageError if the plan names a deployment that is not declared."""
    known = list(deployments)
    for group in plan.cells:
        choose("deployment", group.deployments, known)


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
