"""Writes a new run down, or opens a stored one."""

import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from uploadlab.analysis.cells import reference_names
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import OWN_METHODS
from uploadlab.clock import now
from uploadlab.declared import variants as derive
from uploadlab.declared.compose import config_texts, load_deployments
from uploadlab.declared.exceptions import load_exceptions
from uploadlab.declared.plans import Choice, load_plan
from uploadlab.errors import LabError
from uploadlab.load.job import LEAST_UPLOADS
from uploadlab.measuring.host import describe_host, require_space
from uploadlab.model.cells import Step
from uploadlab.model.deployments import Deployment
from uploadlab.model.runs import Run
from uploadlab.paths import COMPOSE, EXCEPTIONS, PLANS, ROOT
from uploadlab.planning.draft import Draft, plan_load, stored_deployments
from uploadlab.selection import choose
from uploadlab.storage.run_folder import RunFolder

FASTEST = 4 * 10**9
"""Bytes a second: more than any server here stores."""


class Prepared(msgspec.Struct, frozen=True):
    """A run that is written down but not started."""

    run: Run
    folder: RunFolder
    deployments: list[Deployment]


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
    return [derive.with_own_configs(one, folder.path.resolve()) for one in deployments]


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


def _left_for_verification(step: Step) -> int:
    """Bytes that a step's users may leave on the server until they have all been sent."""
    least = (LEAST_UPLOADS + 1) * (step.users + step.slow_users) * step.cell.size_bytes
    return max(least, round(step.seconds * FASTEST))


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
