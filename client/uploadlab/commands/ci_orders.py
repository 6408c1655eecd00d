"""What ``lab ci`` asks of the lab: a check of the head, and a comparison of the head with the base."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from uploadlab.analysis.case_results import CaseResult
from uploadlab.commands.ci_app import app_sides
from uploadlab.commands.looked_up import make_packages
from uploadlab.declared.compose import load_deployments
from uploadlab.errors import UsageError
from uploadlab.model.comparison import Comparison
from uploadlab.model.order import Kind, Order
from uploadlab.model.own_apps import OwnApp
from uploadlab.model.targets import TargetSpec
from uploadlab.paths import COMPOSE
from uploadlab.planning.draft import draft
from uploadlab.planning.version_lineup import LOCKED, USUAL_PLACE, whole_side
from uploadlab.presenting.terminal import Screen
from uploadlab.versions.locks import runs_package
from uploadlab.versions.sides import is_side

PLAN, APP_PLAN = "versions", "own-app"
USUAL = {"sizes": ["32MiB"]}
"""A round of several ways, at six servers, takes seconds on two cores."""
REMOVED = {**USUAL, "rounds": 500}
"""Of an app whose uploads the lab removes: time ends the rounds."""
KEPT = {"rounds": 40, "sizes": ["16MiB"]}
"""Of an app whose uploads the lab cannot remove: up to 2 GB of each way stay on the disk of each side."""
ACCURACY = 3
"""The rounds of a way end once its interval is this many times narrower than the slowdown that is allowed."""
CELLS = ("deployments", "methods", "sizes")


class AskedChange(NamedTuple):
    """A change as the user describes it."""

    base: str | None
    head: str
    share: float
    """The slowdown that is allowed: 0.1 of 10%."""
    base_app: Path | None
    app: OwnApp | None
    spec: TargetSpec | None
    cases: list[str] | None
    cells: Mapping[str, Any]
    """The fields of the comparison's order that the user chose, by CELLS."""

    @property
    def base_text(self) -> str:
        """What the change is compared with, for readers."""
        return ", ".join(filter(None, [str(self.base_app or ""), self.base]))

    @property
    def head_text(self) -> str:
        """What is judged, for readers."""
        head = [] if self.app and self.head == LOCKED else [self.head]
        return ", ".join([*([self.app.place] if self.app else []), *head])


class ChangeOrders(NamedTuple):
    """Both orders."""

    check: Order
    comparison: Order
    base_packages: Sequence[str] = ()
    base_app: OwnApp | None = None

    def check_of_base(self, cells: Sequence[CaseResult]) -> Order:
        """Return the order that tries these cells with the base."""
        return msgspec.structs.replace(
            self.check,
            cases=list(dict.fromkeys(cell.case for cell in cells)),
            deployments=list(dict.fromkeys(cell.deployment for cell in cells)),
            with_packages=list(self.base_packages),
            app=self.base_app,
        )

    def comparison_within(self, seconds: float) -> Order:
        """Return the order of the comparison, whose rounds end after this time."""
        return msgspec.structs.replace(self.comparison, minutes=seconds / 60)


def change_orders(change: AskedChange, installs: bool, screen: Screen) -> ChangeOrders:
    """Return both orders; raise LabError for all that can be wrong before anything is sent.

    With ``installs``, what the servers of this host need is installed now, not after the check.
    """
    orders = _of_app(change, change.app, screen) if change.app else _of_versions(change)
    planned = draft(orders.comparison)
    if installs:
        make_packages(planned, screen)
    places = _places(planned.comparison)
    return orders._replace(check=msgspec.structs.replace(orders.check, deployments=places))


def _of_versions(change: AskedChange) -> ChangeOrders:
    if change.base_app:
        raise UsageError("--base-app is the code of an app of your own: add --app MODULE:NAME")
    if change.base is None:
        raise UsageError("ci needs --base SIDE: what is the change compared with? Write gunicorn==26.1.0")
    for option, word in (("--base", change.base), ("--head", change.head)):
        if word != LOCKED and not is_side(word):
            raise UsageError(f"{option} {word!r} is no version: write gunicorn==26.1.0, ./x.whl, ../gunicorn")
    sides = [word if word == LOCKED else whole_side(word) for word in (change.base, change.head)]
    comparison = _comparison(change, USUAL, configs=sides, plan=PLAN)
    if not comparison.deployments:
        places = _with_tuned(draft(comparison).comparison)
        comparison = msgspec.structs.replace(comparison, deployments=places)
    before, after = ([side] if side != LOCKED else [] for side in sides)
    check = Order(kind=Kind.CHECK, cases=change.cases, with_packages=after)
    return ChangeOrders(check, comparison, before)


def _of_app(change: AskedChange, app: OwnApp, screen: Screen) -> ChangeOrders:
    head, base = app_sides(app, change.base_app, change.base, change.head, screen)
    removes = change.spec and (change.spec.clean_up or change.spec.cleanup_url)
    usual = REMOVED if removes else KEPT
    comparison = _comparison(change, usual, app=head, base_app=base, spec=change.spec, plan=APP_PLAN)
    check = Order(kind=Kind.CHECK, cases=change.cases, app=head, spec=change.spec)
    return ChangeOrders(check, comparison, base_app=base)


def _comparison(change: AskedChange, usual: Mapping[str, Any], **more: Any) -> Order:
    """Return the order with what the user chose, and what is usual elsewhere."""
    chosen = {name: value for name, value in change.cells.items() if value is not None}
    return Order(kind=Kind.COMPARE, within=round(change.share / ACCURACY, 3), **{**usual, **chosen, **more})


def _places(comparison: Comparison | None) -> list[str]:
    return [group.place for group in comparison.groups] if comparison else []


def _with_tuned(comparison: Comparison | None) -> list[str]:
    """Return the usual places of these packages, each with a tuned one: stock servers may fail a check."""
    declared, places = load_deployments(COMPOSE), _places(comparison)
    packages = [name for side in comparison.sides.values() for name in side.packages] if comparison else []

    def tuned(place: str) -> Sequence[str]:
        names = (place, f"{place}-tuned", f"{place.partition('-')[0]}-tuned", USUAL_PLACE)
        known = (declared[name] for name in names if name in declared)
        return [
            made.name
            for made in known
            if made.tier == "tuned" and any(runs_package(made, name) for name in packages)
        ][:1]

    return list(dict.fromkeys(name for place in places for name in (place, *tuned(place))))
