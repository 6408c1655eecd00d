"""Concurrent uploads that are added to a stored run."""

import msgspec

from uploadlab.catalogue.methods import OWN_METHODS
from uploadlab.model.deployments import REFERENCE
from uploadlab.model.order import Order
from uploadlab.model.runs import Run
from uploadlab.planning.cells import planned_links
from uploadlab.planning.draft import ordered_plan, plan_load, with_links
from uploadlab.selection import choose


def add_load(run: Run) -> None:
    """Add concurrent uploads to a stored run: of its methods, and over its links. Raise UsageError."""
    plan = ordered_plan(msgspec.structs.replace(run.order or Order(), plan=run.plan))
    references = [target.name for target in run.targets if target.tier == REFERENCE]
    measured = {item.cell.method for item in run.cells if item.cell.deployment not in references}
    # Only the methods that the run has measured already, if the plan's load has any of these.
    names = choose("method", plan.load.methods, OWN_METHODS) if plan.load else []
    methods = [name for name in names if name in measured]
    order = Order(plan=run.plan, methods=methods or None, link=run.order.link if run.order else None)
    direct = {
        target.behind: msgspec.structs.replace(target, name=target.behind, link="") for target in run.targets
    }
    targets = list(direct.values())
    run.load = plan_load(plan, order, targets)
    # What a stored link was when the run began counts.
    links = {link.name: link for link in [*planned_links(plan, order, with_load=True), *run.links]}
    run.links = list(links.values())
    run.targets = with_links(targets, run.links, [*run.cells, *run.load], run.checks)
    run.order = run.order and msgspec.structs.replace(run.order, load=True)
