"""From an order to a draft: the cells, steps and targets that a run will have."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from uploadlab.catalogue.cases import CASES, LIMITS
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.catalogue.client_registry import CHECKED_CLIENTS
from uploadlab.catalogue.clients import ALL_METHODS, CLIENTS
from uploadlab.declared import variants
from uploadlab.declared.compose import load_deployments, load_services
from uploadlab.declared.plans import (
    BUDGET_SECONDS,
    Plan,
    check_deployments,
    leaving_out,
    load_plan,
    named_deployments,
)
from uploadlab.errors import UsageError
from uploadlab.model.cells import Planned, Step
from uploadlab.model.comparison import Comparison
from uploadlab.model.deployments import (
    CLIENT,
    CORE,
    EVERY_GROUP,
    EXTERNAL,
    GROUPS,
    REFERENCE,
    Deployment,
    Target,
)
from uploadlab.model.links import Link
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Accuracy, Run
from uploadlab.paths import COMPOSE, PLANS, ROOT
from uploadlab.planning.cells import plan_cells, planned_accuracy, planned_links
from uploadlab.planning.check_cells import applies
from uploadlab.planning.lineup import comparable, lineup
from uploadlab.planning.load_steps import plan_steps
from uploadlab.planning.own_apps import with_own_app
from uploadlab.planning.packages import clients_with_ordered, deployments_of_releases, with_ordered
from uploadlab.planning.version_lineup import version_methods
from uploadlab.private_urls import private_parts
from uploadlab.selection import choose


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be known of a run before anything exists."""

    order: Order
    name: str
    """Of the plan."""
    targets: list[Target]
    deployments: list[Deployment]
    """What the runtime has to start."""
    budget_seconds: float = BUDGET_SECONDS
    cells: list[Planned] = []
    steps: list[Step] = []
    links: list[Link] = []
    checks: list[str] = []
    """Cases of the check."""
    accuracy: Accuracy | None = None
    comparison: Comparison | None = None
    texts: dict[str, str] = {}
    """Configs that are not in the checkout, by their path there."""


def draft(order: Order) -> Draft:
    """Plan a run; raise UsageError."""
    has_only_targets = order.kind is Kind.CHECK and order.targets and not COMPOSE.exists()
    if order.clients is not None:
        return _draft_client_check(order, order.clients)
    declared = {} if has_only_targets else with_own_app(load_deployments(COMPOSE), order)
    if order.kind in (Kind.COMPARE, Kind.ABLATE):
        return _draft_comparison(order, declared)
    if order.versions:
        return _draft_releases(order, declared)
    declared = variants.extended(declared, _named(order), ROOT)
    for name in order.targets:
        if name in declared:
            raise UsageError(f"--target {name}: a deployment has that name; choose another")
    # A server without the lab's routes is what the user asks about: no deployment beside it but the ceiling.
    by_default = list(order.targets) if order.is_foreign else ["*"]
    usual = [name for name, deployment in declared.items() if deployment.group in _groups(order)]
    names = [*declared, *order.targets]
    chosen = choose("deployment", order.deployments or by_default, names, [*usual, *order.targets])
    # References are measured in every run but a check, so that shares have their ceiling.
    references = [name for name, deployment in declared.items() if deployment.tier == REFERENCE]
    always = (references[:1] if order.is_foreign else references) if order.kind is Kind.RUN else []
    deployments = [deployment for name, deployment in declared.items() if name in chosen or name in always]
    if declared:
        variants.refuse_services(deployments, load_services(COMPOSE))
    deployments = with_ordered(deployments, order)
    if order.load and (words := [word for made in deployments for word in made.client_packages]):
        raise UsageError(f"--with {words[0]} does not reach Locust, which sends with --load: leave out one")
    targets = [deployment.target() for deployment in deployments]
    targets += [
        Target(
            name, url, EXTERNAL, spec=order.spec, private=private_parts(url).in_url,
            tls=url.startswith("https:"),
        )
        for name, url in order.targets.items()
    ]  # fmt: skip
    if order.kind is Kind.CHECK:
        return _draft_check(order, deployments, targets)
    return _draft_run(order, deployments, targets, names)


def _draft_releases(order: Order, declared: Mapping[str, Deployment]) -> Draft:
    """Plan the grid of a check, a row for each release of a package; raise UsageError."""
    made = deployments_of_releases(order, declared)
    deployments = list(made.values())
    variants.refuse_services(deployments, load_services(COMPOSE))
    return _draft_check(order, deployments, [deployment.target() for deployment in deployments])


def _plan_of_run(order: Order) -> Plan | None:
    """Return the plan of a run as its file has it; None of other kinds. Raise UsageError."""
    return load_plan(order.plan_name, PLANS) if order.kind is Kind.RUN else None


def _named(order: Order) -> list[str]:
    """Return the deployments that the user or the plan of a run names; raise UsageError."""
    plan = _plan_of_run(order)
    return [*(order.deployments or []), *(named_deployments(plan) if plan else [])]


def ordered_plan(order: Order) -> Plan:
    """Return the plan, whose ``*`` leaves out what only a config makes, unless the user names it.

    Raise UsageError.
    """
    plan = load_plan(order.plan_name, PLANS)
    usual = {*with_own_app(load_deployments(COMPOSE), order), *order.targets, *(order.deployments or [])}
    return leaving_out(plan, [name for name in named_deployments(plan) if name not in usual])


def _groups(order: Order) -> list[str]:
    """Return the groups whose deployments an order takes where it names none; raise UsageError."""
    plan = _plan_of_run(order)
    wanted = order.group or (plan.groups if plan else None) or [CORE]
    return choose("group", ["*" if name == EVERY_GROUP else name for name in wanted], GROUPS)


def _draft_run(
    order: Order, deployments: list[Deployment], targets: list[Target], names: Iterable[str]
) -> Draft:
    plan = ordered_plan(order)
    check_deployments(plan, names)
    wants_load = order.load or not plan.cells or bool(plan.load and plan.load.by_default)
    links = planned_links(plan, order, wants_load)
    if links and order.profile:
        raise UsageError("--profile does not work over links: leave out --link, or --profile")
    cells = plan_cells(plan, order, targets)
    if order.users and not wants_load:
        raise UsageError("--users is for concurrent uploads: add --load")
    steps = _planned_load(plan, order, targets) if wants_load else []
    cases = choose("limit", plan.cases, LIMITS)
    cases = [case for case in cases if any(applies(target, case) for target in targets)]
    return Draft(
        order=order, name=order.plan_name, budget_seconds=plan.budget_seconds, cells=cells, steps=steps,
        targets=with_links(targets, links, [*cells, *steps], cases), links=links, checks=cases,
        deployments=to_start(deployments, [*cells, *steps], every=False),
        accuracy=planned_accuracy(plan, order),
    )  # fmt: skip


def _draft_check(order: Order, deployments: list[Deployment], targets: list[Target]) -> Draft:
    chosen = choose("case", order.cases or ["*"], CASES)
    cases = [name for name in chosen if order.large or order.cases or CASES[name].usual]
    cases = [case for case in cases if any(applies(target, case) for target in targets)]
    if not cases:
        raise UsageError(
            "no chosen deployment takes the uploads of these cases: choose other --cases or --deployments"
        )
    started = to_start(deployments, [], every=True) if deployments else []
    return Draft(order=order, name=order.plan_name, checks=cases, targets=targets, deployments=started)


def _draft_client_check(order: Order, clients: Sequence[str]) -> Draft:
    if order.deployments or order.group or order.targets:
        raise UsageError(
            "--clients tests clients, not servers: leave out --deployments, --group and --target"
        )
    if others := [name for name in clients if name in CLIENTS and name not in CHECKED_CLIENTS]:
        raise UsageError(f"{others[0]} sends only resumable uploads, which no case tests: leave it out")
    chosen = choose("case", order.cases or ["*"], CLIENT_CASES)
    cases = [name for name in chosen if order.large or order.cases or not CLIENT_CASES[name].large]
    targets = [Target(name, "", CLIENT) for name in choose("client", clients, CHECKED_CLIENTS)]
    targets = clients_with_ordered(targets, order)
    return Draft(order=order, name=order.plan_name, checks=cases, targets=targets, deployments=[])


def _draft_comparison(order: Order, declared: Mapping[str, Deployment]) -> Draft:
    """Plan the cells that the compared deployments have in common; raise UsageError."""
    found = lineup(order, declared, ROOT)
    variants.refuse_services(found.deployments, load_services(COMPOSE))
    targets = [deployment.target() for deployment in found.deployments]
    plan = load_plan(order.plan_name, PLANS)
    of_versions = found.comparison.sides and not order.base_app
    methods = version_methods(order) if of_versions else order.methods
    if found.comparison.sides and methods:  # any that the user names, not only the plan's
        cells = [msgspec.structs.replace(group, methods=methods) for group in plan.cells]
        plan = msgspec.structs.replace(plan, cells=cells)
    return Draft(
        order=order, name=order.plan_name, budget_seconds=plan.budget_seconds,
        cells=comparable(plan_cells(plan, order, targets), found.comparison, methods),
        targets=targets, deployments=found.deployments, comparison=found.comparison, texts=found.texts,
    )  # fmt: skip


def with_links(
    targets: Sequence[Target],
    links: Sequence[Link],
    planned: Sequence[Planned | Step],
    cases: Sequence[str] = (),
) -> list[Target]:
    """Return the targets, each also behind the links that something is planned over.

    Of a target that is measured over links alone, only these remain: cases are tried without a link.
    Raise UsageError.
    """
    if not links:
        return list(targets)
    measured = {item.cell.deployment for item in planned}
    measured |= {target.name for target in targets if any(applies(target, case) for case in cases)}
    found: list[Target] = []
    for target in targets:
        behind = [target.over(link.name) for link in links]
        used = [other for other in behind if other.name in measured]
        if taken := [other.name for other in used if any(other.name == known.name for known in targets)]:
            raise UsageError(f"--target {taken[0]}: a target behind a link has that name; choose another")
        _require_own_clients(used, planned)
        found += [target] if target.name in measured or not used else []
        found += used
    return found


def _require_own_clients(behind: Sequence[Target], planned: Sequence[Planned | Step]) -> None:
    """Raise UsageError if another client than the lab's is to reach a user's server over a link.

    It would be given the link's address, and a server may answer to its own name alone.
    """
    names = {target.name for target in behind if target.tier == EXTERNAL}
    for item in planned:
        if item.cell.deployment in names and ALL_METHODS[item.cell.method].client:
            raise UsageError(
                f"{item.cell.method} reaches your own server only directly: leave out --link, or the method"
            )


def other_clients(planned: Draft | Run) -> list[str]:
    """Return the clients that send in a run, or are checked by it, beside the lab's own."""
    checked = [target.name for target in planned.targets if target.tier == CLIENT]
    sending = [ALL_METHODS[item.cell.method].client for item in planned.cells]
    return list(dict.fromkeys([*checked, *filter(None, sending)]))


def to_start(chosen: list[Deployment], planned: Sequence[Planned | Step], every: bool) -> list[Deployment]:
    """Return the chosen deployments and those that they pass uploads on to, which get no rows of their own.

    With ``every``, each of the chosen may pass uploads on, whatever is planned.
    """
    relaying = {
        item.cell.deployment.partition("@")[0] for item in planned if ALL_METHODS[item.cell.method].hops
    }
    names = {deployment.name for deployment in chosen}
    names |= {
        name for deployment in chosen if every or deployment.name in relaying for name in deployment.next
    }
    known = load_deployments(COMPOSE) | {deployment.name: deployment for deployment in chosen}
    return [deployment for deployment in known.values() if deployment.name in names]


def _planned_load(plan: Plan, order: Order, targets: list[Target]) -> list[Step]:
    """Return the steps of a run; none where only the plan wanted some, and the user's choice leaves none.

    Raise UsageError.
    """
    try:
        return plan_load(plan, order, targets)
    except UsageError:
        if order.load or not plan.cells:
            raise
        return []


def plan_load(plan: Plan, order: Order, targets: list[Target]) -> list[Step]:
    """Return the steps that a plan has; raise UsageError if it has none."""
    if plan.load is None:
        raise UsageError(f"plan {order.plan_name!r} has no [load] table: choose another --plan")
    return plan_steps(plan.load, order, targets)
