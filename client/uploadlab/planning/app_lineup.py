"""The deployments of a comparison of a user's app with what it was before a change."""

from collections.abc import Mapping

from uploadlab.declared import variants
from uploadlab.errors import UsageError
from uploadlab.model.comparison import ComparedGroup, ComparedSide
from uploadlab.model.deployments import REFERENCE, Deployment
from uploadlab.model.order import Order
from uploadlab.model.own_apps import OwnApp
from uploadlab.planning.own_apps import running_app
from uploadlab.planning.version_lineup import AGAIN, USUAL_PLACE
from uploadlab.selection import choose

BASE, HEAD = "the base", "the change"
"""What a reader calls the sides."""


def app_lineup(
    order: Order, base_app: OwnApp, declared: Mapping[str, Deployment]
) -> tuple[list[ComparedGroup], list[Deployment]]:
    """Return each place with the app as it was, twice, and as it is; raise UsageError."""
    groups, deployments = [], []
    for place in _places(order, declared):
        base = running_app(variants.renamed(place, f"{place.name}-base"), base_app)
        again = variants.renamed(base, f"{base.name}-{AGAIN}")
        sides = {
            base.name: ComparedSide(BASE, base_app.packages),
            again.name: ComparedSide(f"{BASE} {AGAIN}", base_app.packages),
            place.name: ComparedSide(HEAD, place.packages),
        }
        groups.append(
            ComparedGroup(base.name, again.name, {place.name: _differences(base, place)}, place.name, sides)
        )
        deployments += [base, again, place]
    return groups, deployments


def _places(order: Order, declared: Mapping[str, Deployment]) -> list[Deployment]:
    """Return the deployments that the user names, else the usual one, or the first that runs the app."""
    usual = [name for name, made in declared.items() if made.tier != REFERENCE and not made.unsuited]
    if not order.deployments:
        name = USUAL_PLACE if USUAL_PLACE in usual else next(iter(usual), "")
        if not name:
            raise UsageError("no deployment runs this app: lab run --app MODULE:NAME says why")
        return [declared[name]]
    places = [declared[name] for name in choose("deployment", order.deployments, declared, usual)]
    if unsuited := next((place for place in places if place.unsuited), None):
        choices = ", ".join(usual)
        raise UsageError(f"{unsuited.name}: {unsuited.unsuited}; choose from {choices}")
    return places


def _differences(base: Deployment, head: Deployment) -> list[str]:
    """Return what differs, as lines of a diff: the packages, and the folder of the code."""
    lines = [f"- {word}" for word in base.packages if word not in head.packages]
    lines += [f"+ {word}" for word in head.packages if word not in base.packages]
    if base.app and head.app and base.app.folder != head.app.folder:
        lines += [f"- code of {base.app.folder}", f"+ code of {head.app.folder}"]
    return lines
