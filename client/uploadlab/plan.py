"""A plan is data: which cells, how many rounds. From it follows the order of uploads."""

import random
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import msgspec

from uploadlab.load.steps import Load, check_load
from uploadlab.methods import METHODS, OWN_METHODS, methods_at
from uploadlab.model import REFERENCE, Cell, Planned, Target, Task, UsageError
from uploadlab.names import check, choose, selects
from uploadlab.units import parse_size, positive


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Methods x sizes x deployments, all with the same number of rounds."""

    sizes: list[str]
    methods: list[str] = msgspec.field(default_factory=lambda: ["*"])
    deployments: list[str] = msgspec.field(default_factory=lambda: ["*"])
    rounds: int = 1
    warmup: str = "8MiB"
    """Size of the one upload, not counted, that goes before a pair's first; never over its smallest."""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of configs/plans."""

    title: str
    cells: list[Group] = []
    load: Load | None = None
    budget_seconds: float = 60.0


class Choice(msgspec.Struct, frozen=True):
    """What the command line changes in a plan; None leaves it as it is."""

    methods: list[str] | None = None
    sizes: list[str] | None = None
    rounds: int | None = None
    users: list[int] | None = None


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


def plan_cells(plan: Plan, choice: Choice, targets: Sequence[Target]) -> list[Planned]:
    """The cells of these targets; raises UsageError if none is left."""
    planned: dict[Cell, Planned] = {}
    for group in plan.cells:
        rounds, warmup_bytes = choice.rounds or group.rounds, parse_size(group.warmup)
        for cell in _group_cells(group, choice, targets):
            if cell not in planned or planned[cell].rounds < rounds:
                planned[cell] = Planned(cell, rounds, warmup_bytes)
    if plan.cells and not planned:
        raise UsageError("the plan has no cell left: choose other --methods or --deployments")
    return list(planned.values())


def schedule(planned: Sequence[Planned], seed: int, done: Set[tuple[str, int]]) -> list[Task]:
    """All uploads in order: a warm-up of each pair, then rounds, each shuffled by the seed.

    ``done`` holds the (cell id, round) that are measured already; what is left keeps its order.
    """
    last = max((one.rounds for one in planned), default=0)
    measured = [
        Task(cell, number)
        for number in range(1, last + 1)
        for cell in _shuffled([one.cell for one in planned if one.rounds >= number], f"{seed}/{number}")
        if (cell.id, number) not in done
    ]
    left = {task.cell for task in measured}
    warmups = _warmups([one for one in planned if one.cell in left])
    return [Task(cell, 0, warmup=True) for cell in _shuffled(warmups, f"{seed}/0")] + measured


def _warmups(planned: Sequence[Planned]) -> list[Cell]:
    """One for each pair of deployment and method, the smallest that any of its cells allows."""
    smallest: dict[tuple[str, str], int] = {}
    for cell, _, warmup_bytes in planned:
        pair = (cell.deployment, cell.method)
        size_bytes = min(warmup_bytes, cell.size_bytes)
        smallest[pair] = min(smallest.get(pair, size_bytes), size_bytes)
    return [Cell(*pair, size_bytes) for pair, size_bytes in smallest.items()]


def _group_cells(group: Group, choice: Choice, targets: Sequence[Target]) -> list[Cell]:
    usual = {*OWN_METHODS, *(choice.methods or [])}
    methods = choose("method", group.methods, METHODS, usual)
    if choice.methods is not None:
        wanted = choose("method", choice.methods, METHODS)
        methods = [name for name in methods if name in wanted]
    sizes = [parse_size(text) for text in choice.sizes or group.sizes]
    return [
        Cell(target.name, name, size_bytes)
        for target in targets
        if target.tier == REFERENCE or selects(group.deployments, target.name)
        for name in _methods(target, methods)
        for size_bytes in sizes
    ]


def _methods(target: Target, methods: list[str]) -> list[str]:
    """A reference runs along with whatever it accepts, so that each size has its ceiling."""
    if target.tier == REFERENCE:
        return target.accepts if methods else []
    return [name for name in methods if name in methods_at(target)]


def _shuffled(cells: list[Cell], seed: str) -> list[Cell]:
    ordered = sorted(cells, key=lambda cell: cell.id)
    random.Random(seed).shuffle(ordered)
    return ordered


def check_deployments(plan: Plan, deployments: Iterable[str]) -> None:
    """Raise UsageError if the plan names a deployment that is not declared."""
    known = list(deployments)
    for group in plan.cells:
        choose("deployment", group.deployments, known)
