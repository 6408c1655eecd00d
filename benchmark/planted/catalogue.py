"""All stacks, and the families that they belong to."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmark.planted import (  # noqa: F401  register stacks
    stacks_bodies,
    stacks_distance,
    stacks_doors,
    stacks_healthy,
    stacks_limits,
)
from benchmark.planted.stack import HEALTHY, STACKS, Stack

FAMILIES = Path(__file__).with_name("families.toml")


class Family(NamedTuple):
    """What goes wrong, at whichever hop."""

    name: str
    effect: str
    held_out: bool
    says: str


def load_families() -> dict[str, Family]:
    """Return the declared families by their names; raise TypeError for a field that is missing or unknown."""
    declared = tomllib.loads(FAMILIES.read_text())["families"]
    return {fields["name"]: Family(**fields) for fields in declared}


def is_held_out(stack: Stack) -> bool:
    """Return whether a stack is for the final run only."""
    return stack.family != HEALTHY and load_families()[stack.family].held_out


def chosen(families: Iterable[str], names: Iterable[str], held_out: bool, sample: bool) -> list[Stack]:
    """Return the stacks of these families or names, or all; raise ValueError for an unknown one.

    Held-out stacks are there only on request.
    """
    wanted_families, wanted_names = set(families), set(names)
    known = {*load_families(), HEALTHY}
    if unknown := (wanted_families - known) | (wanted_names - set(STACKS)):
        raise ValueError(f"{', '.join(sorted(unknown))}: no such family or stack; see --list")
    stacks = [stack for stack in STACKS.values() if held_out or not is_held_out(stack)]
    if sample:
        stacks = [stack for stack in stacks if stack.quick]
    if wanted_families or wanted_names:
        stacks = [stack for stack in stacks if stack.family in wanted_families or stack.name in wanted_names]
    return stacks
