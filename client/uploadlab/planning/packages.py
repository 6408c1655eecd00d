"""Deployments and clients with the packages that an order names: ``--with`` and ``--versions``. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from uploadlab.declared import variants
from uploadlab.errors import UsageError
from uploadlab.model.deployments import CORE, Deployment, Target
from uploadlab.model.order import Order
from uploadlab.versions.locks import clients_with, is_of_servers, runs_package
from uploadlab.versions.requirements import package_of, separated
from uploadlab.versions.sides import Side, parse_side, parse_sides, with_side


def with_ordered(deployments: Sequence[Deployment], order: Order) -> list[Deployment]:
    """Return the deployments with the packages of ``--with``; raise UsageError.

    A package of servers changes the deployments that load it, a package of clients changes all.
    """
    if not order.with_packages:
        return list(deployments)
    side = parse_sides(order.with_packages)
    of_clients = side._replace(server=[])
    found = [with_side(made, side if _loads_any(made, side) else of_clients) for made in deployments]
    for word in side.server:
        if not any(word in made.packages for made in found):
            raise UsageError(
                f"--with {word}: no chosen deployment loads {package_of(word)}; name others: --deployments"
            )
    return found


def _loads_any(deployment: Deployment, side: Side) -> bool:
    return any(runs_package(deployment, package_of(word)) for word in side.server)


def clients_with_ordered(targets: Sequence[Target], order: Order) -> list[Target]:
    """Return the clients of a check with the packages of ``--with``; raise UsageError."""
    if not order.with_packages:
        return list(targets)
    side = parse_sides(order.with_packages)
    if not side.client:
        raise UsageError(f"--with {order.with_packages[0]}: no client loads it; leave out --clients")
    names = {name for word in side.client for name in clients_with(package_of(word))}
    changed = [
        msgspec.structs.replace(target, client_packages=side.client) if target.name in names else target
        for target in targets
    ]
    if changed == list(targets):
        known = ", ".join(sorted(names - {""})) or "only the lab's own client"
        raise UsageError(f"--with {side.client[0]}: no chosen client loads it; these do: {known}")
    return changed


def package_of_versions(order: Order) -> str:
    """Return the name of the package that ``--versions`` names; raise UsageError."""
    text = order.versions
    name = package_of(text)
    if not name or len(separated(text)) > 1:
        raise UsageError(f"--versions {text!r} is not one package: write --versions 'gunicorn>=23'")
    parse_side(text)
    if not is_of_servers(name):
        raise UsageError(
            f"--versions {text}: {name} is a package of clients; try one release of it by "
            f"check --clients --with {name}==VERSION"
        )
    if order.with_packages or order.clients is not None or order.targets:
        raise UsageError("--versions starts servers: leave out --with, --clients and --target")
    return name


def deployments_of_releases(order: Order, declared: Mapping[str, Deployment]) -> dict[str, Deployment]:
    """Return a copy of each chosen deployment for each release, the newest first, by name; raise UsageError.

    By default the first deployment that loads the package: of the core if there is one.
    """
    package = package_of_versions(order)
    loading = [made for made in declared.values() if runs_package(made, package)]
    if order.deployments:
        places = [made for made in loading if made.name in order.deployments]
        if idle := [name for name in order.deployments if name not in [made.name for made in places]]:
            known = ", ".join(made.name for made in loading)
            raise UsageError(f"{idle[0]} does not load {package}: choose from {known}")
    else:
        groups = order.group or [CORE]
        mine = [made for made in loading if made.group in groups] or loading
        places = mine[:1]
    found = {}
    for place in places:
        for word in order.releases:
            copy = _of_release(place, parse_side(word))
            found[copy.name] = copy
    return found


def _of_release(place: Deployment, side: Side) -> Deployment:
    name = side.slug if side.slug.startswith(f"{place.name}-") else f"{place.name}-{side.slug}"
    copy = with_side(variants.renamed(place, name), side)
    return msgspec.structs.replace(copy, title=f"{place.title}, with {side.label}", next=[])
