"""The files of configs/plans: which cells, how many rounds, which load."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from uploadlab.catalogue.cases import LIMITS
from uploadlab.catalogue.clients import CLIENTS
from uploadlab.catalogue.methods import OWN_METHODS
from uploadlab.declared.toml_files import read_toml
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
    """Size of the upload, not counted, before the first of a pair; at most the smallest size of the pair."""
    clients: list[str] = []
    """Other clients, whose methods are added to these."""
    links: list[str] = []
    """What the uploads go over, one after the other; empty: nothing of the lab's."""


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The [load] table of a plan: methods x sizes x deployments x users x slow users, over each link."""

    methods: list[str]
    sizes: list[str]
    users: list[int]
    seconds: float = 1.0
    """No user starts an upload after this time."""
    deployments: list[str] = msgspec.field(default_factory=lambda: ["*"])
    slow_users: list[int] = msgspec.field(default_factory=lambda: [0])
    """How many users send at ``pace`` beside the users that are counted."""
    pace: str = "1MB/s"
    by_default: bool = False
    """Whether a plan that has uploads one after the other, too, needs no ``--load`` for it."""
    links: list[str] = []
    """What the uploads go over, a step for each; empty: nothing of the lab's."""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of configs/plans."""

    title: str
    cells: list[Group] = []
    load: Load | None = None
    budget_seconds: float = BUDGET_SECONDS
    minutes: float | None = None
    """The rounds end after this time; each cell has at least one."""
    within: str = "0%"
    """A cell whose rate is this sure needs no more rounds; 0%: it gets all its rounds."""
    cases: list[str] = []
    """Limits of the check that are measured after the uploads."""
    groups: list[str] = []
    """Groups of deployments that it takes where the user names none; empty: the core."""


FIELDS = "; known fields: " + "; ".join(
    f"{where}{', '.join(kind.__struct_fields__)}"
    for where, kind in {"": Plan, "in [[cells]] ": Group, "in [load] ": Load}.items()
)


def load_plan(name: str, folder: Path) -> Plan:
    """Return the plan of that name; raise UsageError that says what is wrong in the file."""
    check("plan", name, sorted(path.stem for path in folder.glob("*.toml")))
    return read_toml(folder / f"{name}.toml", Plan, _check, FIELDS)


def parse_share(text: str) -> float:
    """Return 0.1 for ``10%``; raise UsageError."""
    share = re.fullmatch(r"(\d{1,2}(?:\.\d+)?)%", text)
    if not share:
        raise UsageError(f"within = {text!r} is not a percentage below 100: write 10%")
    return float(share[1]) / 100


def _check(plan: Plan) -> None:
    if not plan.cells and not plan.load:
        raise UsageError("it plans nothing: add [[cells]] with sizes, or [load]")
    if plan.load:
        check_load(plan.load)
    choose("limit", plan.cases, LIMITS)
    for group in plan.cells:
        choose("client", group.clients, CLIENTS)
        positive("rounds", group.rounds)
        for text in [*group.sizes, group.warmup]:
            parse_size(text)
    positive("budget_seconds", plan.budget_seconds)
    if plan.minutes is not None:
        positive("minutes", plan.minutes)
    parse_share(plan.within)


def _parts(plan: Plan) -> list[Group | Load]:
    return [*plan.cells, *([plan.load] if plan.load else [])]


def named_deployments(plan: Plan) -> list[str]:
    """Return the deployments that a plan names."""
    names = [name for part in _parts(plan) for name in part.deployments]
    return [name for name in names if name != "*" and not name.startswith("!")]


def leaving_out(plan: Plan, rare: Collection[str]) -> Plan:
    """Return the plan whose ``*`` does not stand for these deployments; a part that names one has it."""

    def without(names: list[str]) -> list[str]:
        return [*names, *(f"!{name}" for name in rare if name not in names)]

    replace = msgspec.structs.replace
    cells = [replace(group, deployments=without(group.deployments)) for group in plan.cells]
    load = replace(plan.load, deployments=without(plan.load.deployments)) if plan.load else None
    return replace(plan, cells=cells, load=load)


def check_deployments(plan: Plan, deployments: Iterable[str]) -> None:
    """Raise UsageError if the plan names a deployment that does not exist."""
    known = list(deployments)
    for part in _parts(plan):
        choose("deployment", part.deployments, known)


def check_load(load: Load) -> None:
    """Raise UsageError if a value of [load] is wrong, or a list is empty."""
    choose("method", load.methods, OWN_METHODS)
    for text in load.sizes:
        parse_size(text)
    parse_rate(load.pace)
    for users in load.users:
        positive("users", users)
    for slow_users in filter(None, load.slow_users):
        positive("slow_users", slow_users)
    positive("seconds", load.seconds)
    if not (load.methods and load.sizes and load.users and load.slow_users):
        raise UsageError("[load] needs methods, sizes, users, and slow_users: [0] for no slow users")
