"""From a plan to cells."""

from collections.abc import Iterable, Sequence

from uploadlab.catalogue.clients import ALL_METHODS, CLIENTS, all_methods_at
from uploadlab.catalogue.methods import METHODS, OWN_METHODS, sent_at
from uploadlab.declared.links import chosen_links
from uploadlab.declared.plans import Group, Plan, parse_share
from uploadlab.errors import UsageError
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import REFERENCE, Target, over
from uploadlab.model.links import Link
from uploadlab.model.order import Order
from uploadlab.model.runs import Accuracy
from uploadlab.selection import choose, selects
from uploadlab.units import MIB, MOST_BYTES, parse_size

LINE_SECONDS = 15
"""How long an upload of a size that is not meant for a link may keep a line busy."""


def plan_cells(plan: Plan, order: Order, targets: Sequence[Target]) -> list[Planned]:
    """Return the cells of these targets; what the order names replaces the plan's. Raise UsageError.

    A cell over a link is of the target behind it.
    """
    planned: dict[Cell, Planned] = {}
    for group in plan.cells:
        rounds, warmup_bytes = order.rounds or group.rounds, parse_size(group.warmup)
        for cell in _cells_over_links(group, order, targets):
            if cell not in planned or planned[cell].rounds < rounds:
                planned[cell] = Planned(cell, rounds, warmup_bytes)
    if plan.cells and not planned:
        raise UsageError("the plan has no cell left: choose other --methods or --deployments")
    return list(planned.values())


def planned_accuracy(plan: Plan, order: Order) -> Accuracy | None:
    """Return when the rounds end; None where each cell gets all of them, as with a number of rounds."""
    minutes = order.minutes or (None if order.rounds else plan.minutes)
    within = 0.0 if order.rounds else parse_share(plan.within)
    return Accuracy(within, 60 * minutes) if minutes else None


def planned_links(plan: Plan, order: Order, with_load: bool) -> list[Link]:
    """Return the links that the plan's groups, its load, or the order, send over. Raise UsageError."""
    names = [name for group in plan.cells for name in group.links]
    names += plan.load.links if plan.load and with_load else []
    return chosen_links(order.link or names)


def _cells_over_links(group: Group, order: Order, targets: Sequence[Target]) -> list[Cell]:
    """Return a group's cells over each of its links, or over none."""
    cells = _group_cells(group, order, targets)
    links = chosen_links(order.link or group.links)
    found: dict[Cell, None] = {}
    for link in links:
        fits = order.sizes or group.links  # sizes that were chosen for this link
        for cell in cells:
            size_bytes = cell.size_bytes if fits else min(cell.size_bytes, fitting_bytes(link))
            found[Cell(over(cell.deployment, link.name), cell.method, size_bytes)] = None
    return list(found) if links else cells


def fitting_bytes(link: Link, uploads: int = 1) -> int:
    """Return the largest power of two of which a line carries that many in ``LINE_SECONDS``.

    At least 1 MiB for all of them.
    """
    most = link.up * LINE_SECONDS if link.up else MOST_BYTES
    return 1 << (max(1, max(most, MIB) // uploads).bit_length() - 1)


def _group_cells(group: Group, order: Order, targets: Sequence[Target]) -> list[Cell]:
    methods, over_links = _methods(group, order), order.link or group.links
    cells = []
    for target in targets:
        # A reference is measured with every method that it accepts, so that each size has its ceiling; those
        # that a plan has to name, if the group does. Over a link, where that would take long, the group's own
        # methods show what the line carries.
        is_reference = target.tier == REFERENCE and methods
        is_selected = selects(group.deployments, target.name)
        usual = [name for name in target.accepts if name in OWN_METHODS or name in methods]
        names = usual if is_reference else []
        if is_reference and over_links:
            names = _sent_at(target, methods, order)
        if is_selected:
            names = list(dict.fromkeys([*names, *_sent_at(target, methods, order)]))
        sizes = order.sizes or group.sizes
        cells += [Cell(target.name, name, parse_size(size)) for name in names for size in sizes]
    return cells


def _methods(group: Group, order: Order) -> list[str]:
    """Return the methods of a group, those of its clients included, of which the order may leave some out."""
    usual = {*OWN_METHODS, *(order.methods or [])}
    methods = choose("method", group.methods, ALL_METHODS, usual)
    for name in choose("client", group.clients, CLIENTS):
        left_out = {*methods, *(word.removeprefix("!") for word in group.methods if word.startswith("!"))}
        methods += [method for method in CLIENTS[name].methods if method not in left_out]
    if order.methods is None:
        return methods
    wanted = choose("method", order.methods, ALL_METHODS)
    return [name for name in methods if name in wanted]


def _sent_at(target: Target, methods: Iterable[str], order: Order) -> list[str]:
    """Return which of these the target is sent, its own names for the same requests included."""
    own = [name for name in methods if name in METHODS]
    known = all_methods_at(target)
    names = sent_at(target, own) if order.methods else [name for name in own if name in known]
    return names + [name for name in methods if name not in METHODS and name in known]
