"""Writes a new run down, or opens a stored one."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.clock import now
from uploadlab.declared import variants
from uploadlab.declared.check_exceptions import load_exceptions
from uploadlab.declared.compose import config_texts, load_deployments
from uploadlab.errors import LabError
from uploadlab.measuring.host import describe_host, require_space
from uploadlab.measuring.trust import require_same_host
from uploadlab.model.checks import KnownException
from uploadlab.model.deployments import Deployment
from uploadlab.model.runs import Run
from uploadlab.paths import COMPOSE, EXCEPTIONS, ROOT
from uploadlab.planning.added_load import add_load
from uploadlab.planning.draft import Draft
from uploadlab.planning.load_steps import unverified_bytes
from uploadlab.planning.stored import restored
from uploadlab.storage.run_folder import RunFolder


class Prepared(NamedTuple):
    """A run that is written down but not started."""

    run: Run
    folder: RunFolder
    deployments: list[Deployment]


def require_room(drafted: Draft | Run, data_dir: Path) -> None:
    """Raise LabError unless the run's largest uploads fit on that disk."""
    steps = drafted.steps if isinstance(drafted, Draft) else drafted.load
    sizes = {planned.cell.size_bytes for planned in drafted.cells} | {step.cell.size_bytes for step in steps}
    for name in drafted.checks:
        if name in CLIENT_CASES:
            sizes |= {attempt.size_bytes for attempt in CLIENT_CASES[name].attempts()}
        else:
            sizes |= {attempt.file.size_bytes for attempt in CASES[name].attempts()}
    require_space(data_dir, sizes, max(map(unverified_bytes, steps), default=0))


def prepare(drafted: Draft, folder: RunFolder, data_dir: Path, runtime: str) -> Prepared:
    """Write a new run into its folder; raise LabError before anything starts."""
    deployments = placed(drafted.deployments, drafted.texts, folder)
    order = drafted.order
    run = Run(
        id=folder.path.name,
        kind=order.kind,
        order=order,
        plan=drafted.name,
        seed=order.seed if order.seed is not None else secrets.randbelow(2**32),
        runtime=runtime,
        started_at=now(),
        host=describe_host(data_dir),
        budget_seconds=drafted.budget_seconds,
        targets=drafted.targets,
        cells=drafted.cells,
        links=drafted.links,
        load=drafted.steps,
        profile=order.profile,
        checks=drafted.checks,
        exceptions=_exceptions(drafted),
        derived=[deployment for deployment in drafted.deployments if deployment.based_on],
        accuracy=drafted.accuracy,
        comparison=drafted.comparison,
        configs=config_texts(ROOT, deployments),
        config_names=_config_names(deployments),
    )
    try:
        folder.write_run(run)
    except LabError:
        folder.remove_if_empty()
        raise
    return Prepared(run, folder, deployments)


def placed(
    deployments: Sequence[Deployment], texts: Mapping[str, str], folder: RunFolder
) -> list[Deployment]:
    """Write configs that are not in the checkout into the run's folder; return the deployments with them.

    Raise LabError.
    """
    folder.keep_configs(texts)
    return [variants.with_own_configs(deployment, texts, folder.path.resolve()) for deployment in deployments]


def reopen(folder: RunFolder, data_dir: Path, load: bool = False, trust: bool = False) -> Prepared:
    """Open a stored run to go on with it; with ``load``, add concurrent uploads if it has none.

    Raise LabError if the run is damaged or, unless to trust it, of another host.
    """
    run = folder.read_run()
    require_same_host(run, describe_host(data_dir), folder, trust)
    cases = CLIENT_CASES if run.of_clients else CASES
    if gone := [case for case in run.checks if case not in cases]:
        raise LabError(f"{run.id} needs {', '.join(gone)}, no longer a case of the check: start a new run")
    if load and run.is_check:
        raise LabError(f"{run.id} is a check, which has no plan and no load: resume it without --load")
    if load and not run.load:
        add_load(run)
    require_room(run, data_dir)
    again = restored(run)
    deployments = placed(again.deployments, again.texts, folder)
    # Load may need a deployment that was not started before.
    known = [deployment for deployment in deployments if deployment.name in run.config_names]
    texts = config_texts(ROOT, known)
    if changed := [name for name in texts if texts[name] != run.configs.get(name)]:
        raise LabError(f"{run.id} was measured with another {', '.join(changed)}: start a new run")
    run.configs |= config_texts(ROOT, deployments)
    run.config_names |= _config_names(deployments)
    return Prepared(run, folder, deployments)


def _exceptions(drafted: Draft) -> list[KnownException]:
    """Return what is known of the deployments of a check, and of their copies with other packages.

    All of it is of the lab's own app.
    """
    order = drafted.order
    if not drafted.checks or drafted.cells or order.clients is not None or order.app or not COMPOSE.exists():
        return []
    found = load_exceptions(EXCEPTIONS, load_deployments(COMPOSE))
    copies = [made for made in drafted.deployments if made.packages and made.based_on]

    def names(known: KnownException) -> list[str]:
        more = [made.name for made in copies if made.based_on in known.deployments]
        return [*known.deployments, *more]

    return [msgspec.structs.replace(known, deployments=names(known)) for known in found]


def _config_names(deployments: list[Deployment]) -> dict[str, list[str]]:
    return {deployment.name: list(config_texts(ROOT, [deployment])) for deployment in deployments}
