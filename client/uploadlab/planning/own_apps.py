"""Deployments with an app of the user's own in place of the lab's. Pure."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from uploadlab.model.deployments import REFERENCE, Deployment, Service
from uploadlab.model.order import Order
from uploadlab.model.own_apps import Interface, OwnApp
from uploadlab.model.targets import TargetSpec

ENTRY = "OWN_APP"
"""What services/app/upload_app/own_app.py reads."""
ONLY_WSGI = "the server runs WSGI apps alone, and this is an ASGI app"


def app_environment(app: OwnApp) -> dict[str, str]:
    """Return the variables by which a server's entry finds the app."""
    guard = {"OWN_APP_GUARD": "1"} if app.guard else {}
    return {ENTRY: app.place, "OWN_APP_FOLDER": app.folder, **guard}


def with_own_app(declared: Mapping[str, Deployment], order: Order) -> dict[str, Deployment]:
    """Return the deployments with the order's app, by their names; without one, as they are declared.

    References keep the lab's app: they mark the ceiling. A deployment that cannot run the app says why. One
    that runs ASGI apps by itself has another name then, and needs no adapter.
    """
    if order.app is None:
        return dict(declared)
    spec = order.spec or TargetSpec()
    made = [_serving(deployment, order.app, spec) for deployment in declared.values()]
    return {deployment.name: deployment for deployment in made}


def _serving(deployment: Deployment, app: OwnApp, spec: TargetSpec) -> Deployment:
    if deployment.tier == REFERENCE:
        return deployment
    replace, support = msgspec.structs.replace, deployment.support
    made = replace(deployment, app=app, spec=spec, accepts=[], next=[], unsuited=support.never)
    is_asgi = app.interface is Interface.ASGI
    if made.unsuited:
        return made
    if is_asgi and support.asgi is None:
        return replace(made, unsuited=ONLY_WSGI)
    if not is_asgi and support.framework not in ("", app.framework):
        return replace(made, unsuited=f"the server runs apps of {support.framework.capitalize()} alone")
    packages = [*deployment.packages, *app.packages]
    services, row = deployment.services, support.asgi
    if is_asgi and row:
        services = [replace(services[0], name=row.name, command=row.command)]
        made = replace(made, name=row.name, title=row.name, why=row.why, needs=row.needs)
    return replace(made, packages=packages, services=[_with_app(service, app, made) for service in services])


def running_app(deployment: Deployment, app: OwnApp) -> Deployment:
    """Return a copy of a deployment with another app: its code, its packages, and where it stores."""
    own = deployment.app.packages if deployment.app else []
    packages = [*(word for word in deployment.packages if word not in own), *app.packages]
    services = [_with_app(service, app, deployment) for service in deployment.services]
    spec, before = deployment.spec, deployment.app
    if spec and spec.stored_dir and before and Path(spec.stored_dir).is_relative_to(before.folder):
        beside = Path(app.folder, Path(spec.stored_dir).relative_to(before.folder))
        spec = msgspec.structs.replace(spec, stored_dir=str(beside))
    return msgspec.structs.replace(deployment, app=app, spec=spec, packages=packages, services=services)


def _with_app(service: Service, app: OwnApp, deployment: Deployment) -> Service:
    own = {"LAB_DEPLOYMENT": deployment.name, **app_environment(app)}
    return msgspec.structs.replace(service, environment={**service.environment, **own})
