"""The deployments of a comparison of versions: for each place, a copy of it for each side."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.catalogue.clients import CLIENTS
from uploadlab.declared import variants
from uploadlab.errors import UsageError
from uploadlab.model.comparison import ComparedGroup, ComparedSide
from uploadlab.model.deployments import CORE, REFERENCE, Deployment
from uploadlab.model.order import Order
from uploadlab.selection import choose
from uploadlab.versions.locks import OWN_CLIENT, client_locks, clients_with, runs_package, server_locks
from uploadlab.versions.requirements import DIRECT, canonical, package_of, pins, separated
from uploadlab.versions.sides import Side, is_side, parse_side, with_side

LOCKED = "locked"
"""The word for a side with the lock files' versions."""
AGAIN = "again"
USUAL_PLACE = "gunicorn-gthread"
"""Where a package is compared that is no server's: the app's, or the client's."""
OF_WEB_APPS = {"flask": ("flask", USUAL_PLACE), "werkzeug": ("flask", USUAL_PLACE)}
"""Packages whose own server is a deployment, too: it has more of their code than any other."""


class VersionLineup(NamedTuple):
    """The groups of a comparison of versions, and what they start."""

    groups: list[ComparedGroup]
    deployments: list[Deployment]
    of_clients: bool
    """Whether only packages of the client differ."""


def are_versions(words: Sequence[str]) -> bool:
    """Return whether these words are sides of versions; raise UsageError if only some of them are."""
    sides = [word for word in words if word == LOCKED or is_side(word)]
    if sides and len(sides) < len(words):
        other = next(word for word in words if word not in sides)
        raise UsageError(
            f"{sides[0]} is a version, {other} is not: compare versions with versions; "
            f"--deployments {other if '/' not in other else 'NAME'} says where"
        )
    return bool(sides)


def whole_side(word: str) -> str:
    """Return a side whose paths are whole, so that a stored run finds them from any folder."""
    pieces = []
    for piece in separated(word):
        is_path = piece.endswith((".txt", ".whl")) or not package_of(piece)
        pieces.append(
            str(Path(piece).expanduser().absolute()) if is_path and not DIRECT.search(piece) else piece
        )
    return ",".join(pieces)


def version_lineup(order: Order, declared: Mapping[str, Deployment]) -> VersionLineup:
    """Return each place with its sides, the base first and twice; raise UsageError.

    One side alone is compared with the lock files' versions.
    """
    words = order.configs if len(order.configs) > 1 else [LOCKED, *order.configs]
    if all(word == LOCKED for word in words):
        raise UsageError(f"{LOCKED} has nothing to be compared with: add a version, as gunicorn==26.1.0")
    sides = [Side([], [], "") if word == LOCKED else parse_side(word) for word in words]
    labels = _labels(sides)
    of_clients = not any(side.server for side in sides)
    groups: list[ComparedGroup] = []
    deployments: list[Deployment] = []
    for place in _places(order, sides, declared, of_clients):
        taken = {*declared, *(deployment.name for deployment in deployments)}
        group, made = _group(place, sides, labels, taken)
        groups.append(group)
        deployments += made
    return VersionLineup(groups, deployments, of_clients)


def version_methods(order: Order) -> list[str] | None:
    """Return the methods to compare versions by: the order's, else those of the clients that have them.

    None: the plan's.
    """
    sides = [parse_side(word) for word in order.configs if word != LOCKED]
    if order.methods or any(side.server for side in sides):
        return order.methods
    clients = {client for side in sides for word in side.client for client in clients_with(package_of(word))}
    if OWN_CLIENT in clients and len(clients) == 1:
        return None
    return [method for name in clients if name in CLIENTS for method in CLIENTS[name].methods]


def _group(
    place: Deployment, sides: Sequence[Side], labels: Sequence[str], taken: set[str]
) -> tuple[ComparedGroup, list[Deployment]]:
    """Return the copies of a deployment, none by a name that is taken."""
    made: list[Deployment] = []
    compared: dict[str, ComparedSide] = {}
    for side, label in zip(sides, labels, strict=True):
        name = place.name
        if side.requirements:
            begins = side.slug if side.slug.startswith(f"{place.name}-") else f"{place.name}-{side.slug}"
            names = (begins + f"-{number}" * (number > 1) for number in count(1))
            name = next(free for free in names if free not in taken and f"{free}-{AGAIN}" not in taken)
        elif name in compared:
            raise UsageError(f"{LOCKED} is named twice: name it once (the base has its own {AGAIN})")
        taken.add(name)
        made.append(_copy(place, name, side, label))
        compared[name] = ComparedSide(label, side.requirements, _packages(side))
    base, *others = made
    again = variants.renamed(base, f"{base.name}-{AGAIN}")
    compared[again.name] = msgspec.structs.replace(compared[base.name], label=f"{labels[0]} {AGAIN}")
    words = compared[base.name].words
    differs = {
        other.name: [
            *(f"- {word}" for word in words if word not in compared[other.name].words),
            *(f"+ {word}" for word in compared[other.name].words if word not in words),
        ]
        for other in others
    }
    return ComparedGroup(base.name, again.name, differs, place.name, compared), [base, again, *others]


def _copy(place: Deployment, name: str, side: Side, label: str) -> Deployment:
    """Return a deployment with a side's packages; with the lock files', it is the deployment itself."""
    if not side.requirements:
        return place
    copy = with_side(variants.renamed(place, name), side)
    return msgspec.structs.replace(copy, title=f"{place.title}, with {label}", next=[])


def _labels(sides: Sequence[Side]) -> list[str]:
    """Return what each side is called, no two the same."""
    locked = pins([*client_locks(), *server_locks()])
    names = dict.fromkeys(name for side in sides for name in _packages(side))
    known = [f"{name} {locked[name]}" for name in names if name in locked]
    labels: list[str] = []
    for side in sides:
        label = side.label if side.requirements else f"{', '.join(known) or 'packages'} ({LOCKED})"
        numbered = (label if number == 1 else f"{label} ({number})" for number in count(1))
        labels.append(next(text for text in numbered if text not in labels))
    return labels


def _packages(side: Side) -> list[str]:
    return [canonical(package_of(word)) for word in side.requirements]


def _places(
    order: Order, sides: Sequence[Side], declared: Mapping[str, Deployment], of_clients: bool
) -> list[Deployment]:
    """Return the deployments that sides are copies of: those named, else where their packages matter."""
    server = dict.fromkeys(canonical(package_of(word)) for side in sides for word in side.server)
    usual = [name for name, made in declared.items() if made.group == CORE and made.tier != REFERENCE]
    if not order.deployments:
        names = [USUAL_PLACE] if of_clients else _usual_places(server, declared)
        return [declared[name] for name in dict.fromkeys(names)]
    places = [declared[name] for name in choose("deployment", order.deployments, declared, usual)]
    if idle := [
        place.name for place in places if server and not any(runs_package(place, name) for name in server)
    ]:
        raise UsageError(
            f"{', '.join(idle)} loads no {' and no '.join(server)}: leave it out of --deployments"
        )
    return places


def _usual_places(packages: Iterable[str], declared: Mapping[str, Deployment]) -> list[str]:
    """Return the deployments to compare these packages on where the user names none."""
    places: list[str] = []
    servers = {name for lock in server_locks() if lock.stem != "requirements" for name in pins([lock])}
    for package in packages:
        if package in OF_WEB_APPS:
            places += OF_WEB_APPS[package]
        elif package in servers or package == "gunicorn":
            places += [name for name, made in declared.items() if runs_package(made, package)][:1]
    return places or [USUAL_PLACE]
