"""The deployments of a comparison: a base, the base again, and the others, by config, name or version."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.declared import variants
from uploadlab.declared.compose import CONFIGS
from uploadlab.declared.config_syntax import bare_lines
from uploadlab.errors import UsageError
from uploadlab.model.cells import Planned
from uploadlab.model.comparison import MINUTES, ComparedGroup, Comparison
from uploadlab.model.deployments import Deployment, Service
from uploadlab.model.order import Kind, Order
from uploadlab.planning.ablation import ablated
from uploadlab.planning.app_lineup import app_lineup
from uploadlab.planning.version_lineup import AGAIN, are_versions, version_lineup
from uploadlab.selection import did_you_mean, selects
from uploadlab.versions.locks import known_packages

OUR_OWN = ("LAB_DEPLOYMENT", "NEXT_HOPS")
"""Variables of the environment that make no difference to an upload."""


class Lineup(NamedTuple):
    """The deployments of a comparison."""

    comparison: Comparison
    deployments: list[Deployment]
    """Of each group the base, the base again, the others."""
    texts: dict[str, str]
    """Configs that are not in the checkout, by their path there."""


def lineup(order: Order, declared: Mapping[str, Deployment], root: Path) -> Lineup:
    """Return the deployments compared, the base of each group twice; raise UsageError."""
    if not (order.configs or order.base_app):
        raise UsageError("no config is named")
    budget_seconds, is_ablation = 60 * (order.minutes or MINUTES), order.kind is Kind.ABLATE
    texts: dict[str, str] = {}
    of_clients = False
    if order.base_app:
        groups, everything = app_lineup(order, order.base_app, declared)
    elif not is_ablation and are_versions(order.configs):
        groups, everything, of_clients = version_lineup(order, declared)
    else:
        group, everything, texts = _config_lineup(order, declared, root)
        groups = [group]
    everything = [msgspec.structs.replace(deployment, next=[]) for deployment in everything]  # no second hop
    names = [deployment.name for deployment in everything]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            f"{twice} is named twice: name it once (the base has a copy of its own, {names[0]}-{AGAIN})"
        )
    if taken := next((made.name for made in everything if made.based_on and made.name in declared), None):
        raise UsageError(f"{taken} is a deployment of compose.yaml: rename the config")
    return Lineup(
        Comparison(groups, order.within, budget_seconds, is_ablation, of_clients), everything, texts
    )


def _config_lineup(
    order: Order, declared: Mapping[str, Deployment], root: Path
) -> tuple[ComparedGroup, list[Deployment], dict[str, str]]:
    """Return the only group of a comparison of configs, what it starts, and configs of its own."""
    if order.deployments:
        raise UsageError("--deployments says where versions are compared: leave it out, or name versions")
    first, *more = order.configs
    base = _named(first, declared, root)
    others: list[Deployment] = []
    texts: dict[str, str] = {}
    if order.kind is Kind.ABLATE:
        others, texts = ablated(base, first, declared, root)
    others += [_named(word, declared, root, base) for word in more]
    again = variants.renamed(base, f"{base.name}-{AGAIN}")
    differs = {other.name: list(differences(base, other, texts, root)) for other in others}
    return ComparedGroup(base.name, again.name, differs), [base, again, *others], texts


def comparable(
    planned: Sequence[Planned], comparison: Comparison, methods: Sequence[str] | None
) -> list[Planned]:
    """Return the cells whose method and size the base of a group and another have; raise UsageError."""
    ways: dict[str, set[tuple[str, int]]] = {}
    for item in planned:
        ways.setdefault(item.cell.deployment, set()).add((item.cell.method, item.cell.size_bytes))
    shared: dict[str, set[tuple[str, int]]] = {}
    for group in comparison.groups:
        others = set[tuple[str, int]]().union(*(ways.get(name, set()) for name in group.others))
        both = ways.get(group.base, set()) & others
        # A reference has its method in every plan, whatever --methods says.
        wanted = {way for way in both if selects(methods or ["*"], way[0])}
        if not wanted:
            raise UsageError(f"{group.base} and the others have no method in common: choose other --methods")
        shared |= dict.fromkeys((group.base, group.again, *group.others), wanted)
    return [
        item
        for item in planned
        if (item.cell.method, item.cell.size_bytes) in shared.get(item.cell.deployment, ())
    ]


def from_checkout(word: str, root: Path) -> str:
    """Return the path of a config below the checkout, wherever the user names it from.

    Return another word unchanged. Raise UsageError for a config outside of configs/.
    """
    for path in (Path(word).resolve(), (root / word).resolve()):
        if path.is_file():
            if not path.is_relative_to(root / CONFIGS):
                raise UsageError(
                    f"{word} is not in the checkout's {CONFIGS}: copy it to its server's folder there"
                )
            return str(path.relative_to(root))
    return word


def differences(base: Deployment, other: Deployment, texts: Mapping[str, str], root: Path) -> Iterator[str]:
    """Return the lines of a diff between two deployments: commands, configs, environments."""
    before, after = (
        [line for service in deployment.services for line in _lines(service, texts, root)]
        for deployment in (base, other)
    )
    return (line for line in difflib.ndiff(before, after) if line.startswith(("+", "-")))


def _named(
    word: str, declared: Mapping[str, Deployment], root: Path, like: Deployment | None = None
) -> Deployment:
    """Return the deployment of a name or a config; raise UsageError."""
    if word in declared:
        return declared[word]
    if word.startswith(CONFIGS):
        return variants.of_config(word, declared, root, like)
    if made := variants.by_name(word, declared, root, like):
        return made
    if word in known_packages():
        raise UsageError(f"{word} is a package: write {word}==VERSION, to compare it with the locked version")
    near = did_you_mean(word, [*declared, *(path for path, _ in variants.config_owners(declared))])
    raise UsageError(f"{word!r} is neither a config nor a deployment: {near}see {CONFIGS} and compose.yaml")


def _lines(service: Service, texts: Mapping[str, str], root: Path) -> Iterator[str]:
    """Yield all that decides how a server behaves, a line for each."""
    yield " ".join(word for word in service.command if CONFIGS not in word)
    for word in service.command:
        if CONFIGS in word:
            yield from bare_lines(word, texts.get(word) or (root / word).read_text())
    for name, value in service.environment.items():
        if name not in OUR_OWN:
            yield f"{name}={value}"
