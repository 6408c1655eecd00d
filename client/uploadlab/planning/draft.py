"""From an order to a draft: the cells, steps and targets that it is about."""

from collections.abc import Mapping, Sequence

import msgspec

from uploadlab.catalogue.methods import METHODS
from uploadlab.declared import variants as derive
from uploadlab.declared.compose import load_deployments, load_services
from uploadlab.declared.plans import Choice, Plan, check_deployments, load_plan
from uploadlab.errors import LabError, UsageError
from uploadlab.model.cells import Planned, Step
from uploadlab.model.comparison import Comparison
from uploadlab.model.deployments import EXTERNAL, REFERENCE, Deployment, Foreign, Target
from uploadlab.model.runs import Run
from uploadlab.paths import COMPOSE, PLANS, ROOT
from uploadlab.planning.cells import plan_cells
from uploadlab.planning.check_cells import applies
from uploadlab.planning.lineup import Asked, comparable, lineup
from uploadlab.planning.load_steps import plan_steps
from uploadlab.selection import choose


class Order(msgspec.Struct, frozen=True):
    """What the user asked for."""

    plan: str
    choice: Choice
    deployments: list[str] | None
    targets: dict[str, str]
    seed: int | None
    profile: bool = False
    load: bool = False
    foreign: Foreign | None = None
    """What the targets are, if they do not answer the lab's contract."""
    checks: list[str] = []
    """Cases of the grid, in place of a plan."""
    compare: Asked | None = None
    """Only these deployments, in rounds until their difference is clear."""


class Draft(msgspec.Struct, frozen=True):
    """A plan with what it is about: all that can be known before anything exists."""

    order: Order
    plan: Plan
    cells: list[Planned]
    steps: list[Step]
    targets: list[Target]
    deployments: list[Deployment]
    """What the runtime has to start."""
    comparison: Comparison | None = None
    texts: dict[str, str] = {}
    """Configs that are not in the checkout, by their path there."""


def draft(order: Order) -> Draft:
    """Plan a run; raises UsageError."""
    plan = Plan(title="") if order.checks else load_plan(order.plan, PLANS)
    declared = load_deployments(COMPOSE)
    if order.compare:
        return _draft_comparison(order, order.compare, plan, declared)
    declared = derive.extended(declared, order.deployments or [], ROOT)
    for name in order.targets:
        if name in declared:
            raise UsageError(f"--target {name}: a deployment has that name; choose another")
    names = [*declared, *order.targets]
    check_deployments(plan, names)
    chosen = choose("deployment", order.deployments or ["*"], names)
    along = REFERENCE if not order.checks else None  # so that shares have their ceiling
    deployments = [one for one in declared.values() if one.name in chosen or one.tier == along]
    derive.refuse_services(deployments, load_services(COMPOSE))
    targets = [Target(one.name, "", one.tier, one.accepts, next=one.next) for one in deployments]
    targets += [Target(name, url, EXTERNAL, foreign=order.foreign) for name, url in order.targets.items()]
    cells = plan_cells(plan, order.choice, targets)
    wants_load = order.load or not (plan.cells or order.checks)
    if order.choice.users and not wants_load:
        raise UsageError("--users is for concurrent uploads: add --load")
    steps = plan_load(plan, order.plan, targets, order.choice) if wants_load else []
    if order.checks and not any(applies(target, case) for target in targets for case in order.checks):
        raise UsageError("no chosen deployment takes such uploads: choose other --cases or --deployments")
    to_start = _to_start(deployments, [*cells, *steps], every=bool(order.checks))
    return Draft(order, plan, cells, steps, targets, to_start)


def _draft_comparison(order: Order, asked: Asked, plan: Plan, declared: Mapping[str, Deployment]) -> Draft:
    """The plan's cells at those compared, and at no other; raises UsageError."""
    found = lineup(asked, declared, ROOT)
    derive.refuse_services(found.deployments, load_services(COMPOSE))
    targets = [Target(one.name, "", one.tier, one.accepts) for one in found.deployments]
    cells = comparable(plan_cells(plan, order.choice, targets), found.comparison, order.choice.methods)
    return Draft(order, plan, cells, [], targets, found.deployments, found.comparison, found.texts)


def stored_deployments(run: Run, load: bool = False) -> list[Deployment]:
    """What a stored run has to start; raises LabError if one is gone.

    With ``load``, also what it may need when concurrent uploads are added to it.
    """
    declared = load_deployments(COMPOSE) | {one.name: one for one in run.derived}
    names = [target.name for target in run.targets if target.tier != EXTERNAL]
    if gone := [name for name in names if name not in declared]:
        raise LabError(f"{run.id} needs {', '.join(gone)}, no longer in compose.yaml: start a new run")
    chosen = [declared[name] for name in names]
    return _to_start(chosen, [*run.cells, *run.load], every=load or bool(run.checks))


def _to_start(chosen: list[Deployment], planned: Sequence[Planned | Step], every: bool) -> list[Deployment]:
    """The chosen, and along with them, without rows of their own, where they will pass uploads on to.

    ``every`` says that all of them may, whatever is planned.
    """
    relaying = {one.cell.deployment for one in planned if METHODS[one.cell.method].hops}
    names = {one.name for one in chosen}
    names |= {name for one in chosen if every or one.name in relaying for name in one.next}
    known = load_deployments(COMPOSE) | {one.name: one for one in chosen}
    return [one for one in known.values() if one.name in names]


def plan_load(plan: Plan, name: str, targets: list[Target], choice: Choice) -> list[Step]:
    """The steps that a plan has; raises UsageError if it has none."""
    if plan.load is None:
        raise UsageError(f"plan {name!r} has no [load] table: choose another --plan")
    return plan_steps(plan.load, targets, choice.methods, choice.sizes, choice.users)
