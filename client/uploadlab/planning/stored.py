"""From a stored run to the deployments that it needs, made again from this checkout.

A run folder may come from anyone. It says which deployments a run has, never what they start: commands,
environments and configs are the checkout's, or are made from the checkout's as they were for a new run.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.catalogue.methods import OWN_METHODS
from uploadlab.declared import variants
from uploadlab.declared.compose import load_deployments
from uploadlab.errors import LabError, UsageError, problem_of
from uploadlab.model.deployments import CLIENT, EXTERNAL, Deployment, Target
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run
from uploadlab.model.targets import TargetSpec
from uploadlab.paths import COMPOSE, ROOT, program
from uploadlab.planning.draft import to_start
from uploadlab.planning.lineup import lineup
from uploadlab.planning.own_apps import with_own_app
from uploadlab.planning.packages import deployments_of_releases, with_ordered
from uploadlab.private_urls import HIDDEN, keep, private_parts
from uploadlab.versions.requirements import DIRECT


class Restored(NamedTuple):
    """What a stored run starts."""

    deployments: list[Deployment]
    texts: dict[str, str]
    """Configs that are not in the checkout, by their path there."""


def restored(run: Run, load: bool = False) -> Restored:
    """Return what a stored run has to start; raise LabError if this checkout does not make the same.

    With ``load``, include what the run may need when concurrent uploads are added to it.
    """
    _require_known(run)
    names = list(
        dict.fromkeys(target.behind for target in run.targets if target.tier not in (EXTERNAL, CLIENT))
    )
    if not names:  # of clients, or of the user's own servers alone, which need no checkout
        return Restored([], {})
    declared = with_own_app(load_deployments(COMPOSE), run.order or Order())
    made, texts = _made_again(run, declared)
    if gone := [name for name in names if name not in {**made, **declared}]:
        raise LabError(f"{run.id} needs {', '.join(gone)}, no longer in compose.yaml: start a new run")
    if taken := [
        target.name for target in run.targets if target.behind in declared and target.tier == EXTERNAL
    ]:
        raise LabError(f"{run.id} has a target {taken[0]}, a deployment of compose.yaml: start a new run")
    chosen = with_ordered([{**made, **declared}[name] for name in names], run.order or Order())
    _require_local_sources(run, chosen)
    return Restored(to_start(chosen, [*run.cells, *run.load], every=load or run.is_check), texts)


def _made_again(run: Run, declared: Mapping[str, Deployment]) -> tuple[dict[str, Deployment], dict[str, str]]:
    """Return the run's deployments that compose.yaml does not have, and their configs."""
    if not run.derived:
        return {}, {}
    order = run.order or Order()
    if order.kind is Kind.KNOBS:
        raise LabError(f"{run.id} is a run of knobs, which cannot go on: type {program()} knobs")
    try:
        if order.kind in (Kind.COMPARE, Kind.ABLATE):
            _, found, texts = lineup(order, declared, ROOT)
            made = {deployment.name: deployment for deployment in found}
        elif order.versions:
            made, texts = deployments_of_releases(order, declared), {}
        else:
            made, texts = variants.extended(declared, [stored.name for stored in run.derived], ROOT), {}
    except (UsageError, OSError, ValueError) as error:  # of a name that no file can have, too
        raise LabError(
            f"{run.id} cannot be made again from this checkout: {problem_of(error)}; start a new run"
        ) from None
    for stored in run.derived:
        again = made.get(stored.name)
        if stored.name in declared or again is None or _loads(again) != _loads(stored):
            raise LabError(
                f"{run.id} has another {stored.name} than this checkout makes, "
                "which is changed since, or the run is not yours: start a new run"
            )
    if other := [path for path, text in texts.items() if run.configs.get(path, text) != text]:
        raise LabError(f"{run.id} was measured with another {', '.join(other)}: start a new run")
    return {stored.name: made[stored.name] for stored in run.derived}, texts


def _require_local_sources(run: Run, deployments: Iterable[Deployment]) -> None:
    """Raise LabError if a run would install a package from an address: installing runs its code."""
    for made in deployments:
        for word in (*made.packages, *made.client_packages):
            if DIRECT.search(word) and urlsplit(word.partition("@")[2].strip()).scheme != "file":
                raise LabError(f"{run.id} installs {word}, from elsewhere: start a new run with it")


def _loads(deployment: Deployment) -> tuple[Any, ...]:
    """Return what a deployment starts, and in which versions."""
    return deployment.services, deployment.packages, deployment.client_packages


def _require_known(run: Run) -> None:
    """Raise LabError unless all cells are of targets and methods that the run and this lab have."""
    names = {target.name for target in run.targets}
    if len(names) < len(run.targets):
        raise LabError(f"{run.id} has a target twice: start a new run")
    cells = {planned.cell: ALL_METHODS for planned in run.cells} | {
        step.cell: OWN_METHODS for step in run.load
    }
    for cell, methods in cells.items():
        if cell.deployment not in names or cell.method not in methods or not cell.size_bytes:
            raise LabError(f"{run.id} plans {cell.id}, which this lab cannot measure: start a new run")
    links = {link.name for link in run.links}
    if lacking := [target.name for target in run.targets if target.link and target.link not in links]:
        raise LabError(f"{run.id} does not have the link of {lacking[0]}: start a new run")
    if not all(planned.warmup_bytes for planned in run.cells):
        raise LabError(f"{run.id} plans a warm-up of 0 bytes: start a new run")


def require_targets(run: Run, given: Mapping[str, str]) -> None:
    """Raise UsageError unless these URLs, which were given again, are those of the run's targets."""
    urls = {target.behind: target.url for target in run.targets if target.tier == EXTERNAL}
    for name, url in given.items():
        if urls.get(name) != url:
            known = ", ".join(f"{name}={url}" for name, url in urls.items()) or "none"
            raise UsageError(f"--target {name}={url} is no target of {run.id}, whose targets are: {known}")


def with_given(run: Run, given: TargetSpec) -> Run:
    """Return a stored run with what the user gave again for its targets; raise UsageError."""
    targets = []
    for target in run.targets:
        spec = target.spec
        if target.tier == EXTERNAL:
            spec = spec or TargetSpec()
            if strange := [name for name in given.secret_names if name not in spec.secret_names]:
                known = ", ".join(spec.secret_names) or "none"
                raise UsageError(f"{strange[0]} is not of {run.id}, whose requests have: {known}")
            changed: dict[str, Any] = {"max_bytes": given.max_bytes} if given.max_bytes else {}
            if given.ca_file or given.insecure:
                changed |= {"ca_file": given.ca_file, "insecure": given.insecure}
            spec = msgspec.structs.replace(spec, **changed)
        targets.append(msgspec.structs.replace(target, spec=spec))
    return msgspec.structs.replace(run, targets=targets)


def lacking_secrets(target: Target) -> str:
    """Return why no request can be made to a target of a stored run; empty if it can."""
    private, spec = private_parts(target.url), target.spec or TargetSpec()
    if target.private and not private.in_url:
        return f"the login or query of its URL is not stored: add --target {target.name}=URL with it"
    given = {name.lower() for name in private.headers} | {name for name, _ in private.fields}
    names = [*map(str.lower, spec.headers), *(["cookie"] if spec.cookies else []), *spec.form]
    if any(name not in given for name in names):
        return f"secrets are not stored: add {' '.join(spec.secret_names)}"
    if any(HIDDEN in url and url not in private.urls for url in (spec.stored_url, spec.cleanup_url)):
        return "the query of --stored-url or --cleanup-url is not stored: start a new run with it"
    return ""


def keep_certificates(urls: Iterable[str], spec: TargetSpec | None) -> None:
    """Keep how the certificates of a stored run's targets are checked, in this command."""
    if spec and (spec.ca_file or spec.insecure):
        for url in urls:
            keep(url, private_parts(url)._replace(ca_file=spec.ca_file, insecure=spec.insecure))
