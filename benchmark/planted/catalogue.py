"""All stacks, and which of them a run takes."""

from collections.abc import Iterable

from uploadlab.pages.planted import HEALTHY, load_planted_families

from benchmark.planted import (  # noqa: F401  register stacks
    stacks_bodies,
    stacks_distance,
    stacks_doors,
    stacks_healthy,
    stacks_limits,
)
from benchmark.planted.stack import STACKS, Stack


def is_held_out(stack: Stack) -> bool:
    """Return whether a stack is for the final run only."""
    return stack.family != HEALTHY and load_planted_families()[stack.family].held_out


def chosen(families: Iterable[str], names: Iterable[str], held_out: bool, sample: bool) -> list[Stack]:
    """Return the stacks of these families or names, or all; raise ValueError for an unknown one.

    Held-out stacks are there only on request.
    """
    wanted_families, wanted_names = set(families), set(names)
    known = {*load_planted_families(), HEALTHY}
    if unknown := (wanted_families - known) | (wanted_names - set(STACKS)):
        raise ValueError(f"{', '.join(sorted(unknown))}: no such family or stack; see --list")
    stacks = [stack for stack in STACKS.values() if held_out or not is_held_out(stack)]
    if sample:
        stacks = [stack for stack in stacks if stack.quick]
    if wanted_families or wanted_names:
        stacks = [stack for stack in stacks if stack.family in wanted_families or stack.name in wanted_names]
    return stacks
