"""From a plan to cells."""

from collections.abc import Sequence

from uploadlab.catalogue.methods import METHODS, OWN_METHODS, methods_at
from uploadlab.declared.plans import Choice, Group, Plan
from uploadlab.errors import UsageError
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import REFERENCE, Target
from uploadlab.selection import choose, selects
from uploadlab.units import parse_size


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
