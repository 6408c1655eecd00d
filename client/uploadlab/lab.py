"""A whole run, from what was asked for to a folder of measurements."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from uploadlab import derive, profile
from uploadlab.check import stage as check
from uploadlab.check.cases import CASES
from uploadlab.check.exceptions import load_exceptions
from uploadlab.check.probe import applies
from uploadlab.compare.comparison import Comparison
from uploadlab.compare.lineup import Asked, comparable, lineup
from uploadlab.compare.stopping import stopping
from uploadlab.deployments import config_texts, load_deployments, load_services
from uploadlab.host import describe_host, require_space
from uploadlab.load import stage
from uploadlab.load.job import LEAST_UPLOADS
from uploadlab.load.stage import Crowd
from uploadlab.load.steps import plan_steps
from uploadlab.methods import METHODS, OWN_METHODS
from uploadlab.model import (
    EXTERNAL,
    REFERENCE,
    Deployment,
    Foreign,
    LabError,
    Planned,
    Run,
    Step,
    Target,
    UsageError,
)
from uploadlab.names import choose
from uploadlab.paths import COMPOSE, EXCEPTIONS, PLANS, ROOT
from uploadlab.plan import Choice, Plan, check_deployments, load_plan, plan_cells
from uploadlab.run import Bench, Runtime, Sender, Watcher, check_targets, execute, now, remaining
from uploadlab.stats import reference_names
from uploadlab.store import RunFolder

FASTEST = 4 * 10**9
"""Bytes a second: more than any server here stores."""


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


class Prepared(msgspec.Struct, frozen=True):
    """A run that is written down but not started."""

    run: Run
    folder: RunFolder
    deployments: list[Deployment]


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


def new_name(plan: str) -> str:
    """The name of a run that starts now."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{plan}"


def require_room(drafted: Draft, data_dir: Path) -> None:
    """Raise LabError unless the run's largest uploads fit on that disk."""
    sizes = {one.cell.size_bytes for one in drafted.cells} | {one.cell.size_bytes for one in drafted.steps}
    for name in drafted.order.checks:
        sizes |= {attempt.file.size_bytes for attempt in CASES[name].attempts()}
    require_space(data_dir, sizes, max(map(_left_for_verification, drafted.steps), default=0))


def prepare(drafted: Draft, folder: RunFolder, data_dir: Path, runtime: str) -> Prepared:
    """Write a new run into its folder; raises LabError before anything starts."""
    folder.keep_configs(drafted.texts)
    deployments = placed(drafted.deployments, folder)
    run = _new_run(drafted, deployments, folder.path.name, data_dir, runtime)
    try:
        folder.write_run(run)
    except LabError:
        folder.remove_if_empty()
        raise
    return Prepared(run, folder, deployments)


def placed(deployments: Sequence[Deployment], folder: RunFolder) -> list[Deployment]:
    """With the places of configs that lie in the run's folder."""
    return [derive.placed(one, folder.path.resolve()) for one in deployments]


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


def reopen(folder: RunFolder, data_dir: Path, load: bool = False) -> Prepared:
    """A stored run, to go on with, and to add concurrent uploads to if it has none.

    Raises LabError if it is damaged or of another host.
    """
    run = folder.read_run()
    host = describe_host(data_dir)
    if host != run.host:
        if host == msgspec.structs.replace(run.host, data_filesystem=host.data_filesystem):
            raise LabError(
                f"{run.id} stored on {run.host.data_filesystem}, this would on {host.data_filesystem}: "
                "give the same --data-dir"
            )
        differs = [name for name in host.__struct_fields__ if getattr(host, name) != getattr(run.host, name)]
        raise LabError(f"{run.id} is from another host ({', '.join(differs)} differ): start a new run")
    if load and run.checks:
        raise LabError(f"{run.id} is a check, without a plan and its load: --resume it without --load")
    if load and not run.load:
        run.load = plan_load(load_plan(run.plan, PLANS), run.plan, run.targets, _chosen(run))
    deployments = placed(stored_deployments(run), folder)
    # Load may bring one along that was not started before.
    texts = config_texts(ROOT, [one for one in deployments if one.name in run.config_names])
    if changed := [name for name in texts if texts[name] != run.configs.get(name)]:
        raise LabError(f"{run.id} was measured with another {', '.join(changed)}: start a new run")
    run.configs |= config_texts(ROOT, deployments)
    run.config_names |= _config_names(deployments)
    return Prepared(run, folder, deployments)


def _chosen(run: Run) -> Choice:
    """Of the plan's load only the methods that the run is about, where it has any of these."""
    load = load_plan(run.plan, PLANS).load
    measured = {one.cell.method for one in run.cells if one.cell.deployment not in reference_names(run)}
    methods = [
        name for name in choose("method", load.methods if load else [], OWN_METHODS) if name in measured
    ]
    return Choice(methods or None)


def plan_load(plan: Plan, name: str, targets: list[Target], choice: Choice) -> list[Step]:
    """The steps that a plan has; raises UsageError if it has none."""
    if plan.load is None:
        raise UsageError(f"plan {name!r} has no [load] table: choose another --plan")
    return plan_steps(plan.load, targets, choice.methods, choice.sizes, choice.users)


def _left_for_verification(step: Step) -> int:
    """Bytes that a step's users may leave on the server until they have all been sent."""
    least = (LEAST_UPLOADS + 1) * (step.users + step.slow_users) * step.cell.size_bytes
    return max(least, round(step.seconds * FASTEST))


def carry_out(
    prepared: Prepared,
    data_dir: Path,
    runtime: Runtime,
    sender: Sender,
    crowd: Crowd,
    watch: Callable[[int, str], AbstractContextManager[Watcher]],
) -> None:
    """Start, check, measure and stop. Whatever ends it early, what was measured is saved."""
    run, folder = prepared.run, prepared.folder
    try:
        # One that was unavailable when a run stopped may answer now.
        external = [
            msgspec.structs.replace(target, unavailable="")
            for target in run.targets
            if target.tier == EXTERNAL
        ]
        started = runtime.start(prepared.deployments) + external
        rows = {target.name for target in run.targets}
        checked, run.versions = check_targets(started, sender, runtime.explain)
        run.targets = [target for target in checked if target.name in rows]
        folder.write_run(run)
        tasks = remaining(run, folder)
        patience = stopping(run, folder.read_measurements())
        tasks = patience.worthwhile(tasks) if patience else tasks
        with watch(len(tasks), "uploads") as watcher:
            execute(run, tasks, Bench(sender, data_dir, runtime.explain, patience), folder, watcher)
        if run.profile:
            pairs = profile.remaining(run, folder.read_measurements(), folder.read_profiled())
            with watch(len(pairs), "profiles") as watcher:
                profile.execute(run, pairs, sender, data_dir, folder, watcher)
        if cells := check.remaining(run, folder):
            with watch(len(cells), "checks") as watcher:
                check.execute(cells, runtime.explain, folder, watcher)
        if steps := stage.remaining(run, folder):
            with watch(len(steps), "steps") as watcher:
                stage.execute(run, steps, stage.Bench(crowd, sender, runtime.explain), folder, watcher)
    finally:
        runtime.stop()
        folder.remove_if_empty()


def _new_run(drafted: Draft, deployments: list[Deployment], name: str, data_dir: Path, runtime: str) -> Run:
    order = drafted.order
    return Run(
        id=name,
        plan=order.plan,
        seed=order.seed if order.seed is not None else secrets.randbelow(2**32),
        runtime=runtime,
        started_at=now(),
        host=describe_host(data_dir),
        budget_seconds=drafted.plan.budget_seconds,
        targets=drafted.targets,
        cells=drafted.cells,
        load=drafted.steps,
        profile=order.profile,
        checks=order.checks,
        exceptions=load_exceptions(EXCEPTIONS, load_deployments(COMPOSE)) if order.checks else [],
        derived=[one for one in drafted.deployments if one.based_on],
        comparison=drafted.comparison,
        configs=config_texts(ROOT, deployments),
        config_names=_config_names(deployments),
    )


def _config_names(deployments: list[Deployment]) -> dict[str, list[str]]:
    return {one.name: list(config_texts(ROOT, [one])) for one in deployments}
