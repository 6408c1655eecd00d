"""Who is compared: a base, the base once more, and the others, each by a config or a deployment's name."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.declared import variants as derive
from uploadlab.declared.compose import CONFIGS
from uploadlab.declared.config_syntax import bare_lines
from uploadlab.errors import UsageError
from uploadlab.model.cells import Planned
from uploadlab.model.comparison import Comparison
from uploadlab.model.deployments import Deployment, Service
from uploadlab.planning.ablation import ablated
from uploadlab.selection import selects

AGAIN = "again"


OUR_OWN = ("LAB_DEPLOYMENT", "NEXT_HOPS")
"""Of the environment, what makes no difference to an upload."""


class Lineup(NamedTuple):
    """All that a comparison starts."""

    comparison: Comparison
    deployments: list[Deployment]
    """The base, the base again, the others."""
    texts: dict[str, str]
    """Configs that are not in the checkout, by their path there."""


class Asked(msgspec.Struct, frozen=True):
    """What the user asked for."""

    words: list[str]
    """Configs and deployments, the base first; of an ablation the base alone."""
    within: float
    budget_seconds: float
    ablation: bool = False
    fail_above: float | None = None
    """The slowdown from which on the command fails."""


def lineup(asked: Asked, declared: Mapping[str, Deployment], root: Path) -> Lineup:
    """Who takes part; raises UsageError."""
    base = _named(asked.words[0], declared, root)
    others: list[Deployment] = []
    texts: dict[str, str] = {}
    if asked.ablation:
        others, texts = ablated(base, asked.words[0], declared, root)
    for word in asked.words[1:]:
        others.append(_named(word, declared, root, base))
    everyone = [base, derive.renamed(base, f"{base.name}-{AGAIN}"), *others]
    everyone = [msgspec.structs.replace(one, next=[]) for one in everyone]  # uploads are passed on to nobody
    _check_names(everyone, declared)
    differs = {one.name: list(differences(base, one, texts, root)) for one in everyone[2:]}
    comparison = Comparison(
        base.name, everyone[1].name, differs, asked.within, asked.budget_seconds, asked.ablation
    )
    return Lineup(comparison, everyone, texts)


def comparable(
    planned: Sequence[Planned], comparison: Comparison, methods: Sequence[str] | None
) -> list[Planned]:
    """The cells whose method and size the base has, and another one, too; raises UsageError if none is."""

    def ways(*names: str) -> set[tuple[str, int]]:
        return {(one.cell.method, one.cell.size_bytes) for one in planned if one.cell.deployment in names}

    shared = ways(comparison.base) & ways(*comparison.others)
    # A reference has its method in every plan, whatever is asked for.
    left = [
        one
        for one in planned
        if (one.cell.method, one.cell.size_bytes) in shared and selects(methods or ["*"], one.cell.method)
    ]
    if not left:
        raise UsageError(f"no method is left that {comparison.base} and another take: choose other --methods")
    return left


def from_checkout(word: str, root: Path) -> str:
    """A config's path from the checkout on, wherever the user names it from; another word is left as it is.

    Raises UsageError.
    """
    for path in (Path(word).resolve(), (root / word).resolve()):
        if path.is_file():
            if not path.is_relative_to(root / CONFIGS):
                raise UsageError(f"{word} is not in the checkout's {CONFIGS}: copy it there, beside its like")
            return str(path.relative_to(root))
    return word


def differences(base: Deployment, other: Deployment, texts: Mapping[str, str], root: Path) -> Iterator[str]:
    """Lines of a diff from the one's settings to the other's: commands, configs, environments."""
    before, after = (_lines(one, texts, root) for one in (base, other))
    return (line for line in difflib.ndiff(before, after) if line.startswith(("+", "-")))


def _named(
    word: str, declared: Mapping[str, Deployment], root: Path, like: Deployment | None = None
) -> Deployment:
    """A deployment by its name or its config."""
    if word in declared:
        return declared[word]
    if word.startswith(CONFIGS):
        return derive.of_config(word, declared, root, like)
    if made := derive.by_name(word, declared, root, like):
        return made
    raise UsageError(f"{word!r} is neither a config nor a deployment: see {CONFIGS} and compose.yaml")


def _check_names(everyone: Sequence[Deployment], declared: Mapping[str, Deployment]) -> None:
    names = [one.name for one in everyone]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} would be two deployments: name each once (the base has its own {AGAIN})")
    if taken := next((one.name for one in everyone if one.based_on and one.name in declared), None):
        raise UsageError(f"{taken} is a deployment of compose.yaml: rename the config")


def _lines(one: Deployment, texts: Mapping[str, str], root: Path) -> list[str]:
    """All that decides how a deployment behaves, a line for each."""
    return [line for service in one.services for line in _service_lines(service, texts, root)]


def _service_lines(service: Service, texts: Mapping[str, str], root: Path) -> Iterator[str]:
    yield " ".join(word for word in service.command if CONFIGS not in word)
    for word in service.command:
        if CONFIGS in word:
            yield from bare_lines(word, texts.get(word) or (root / word).read_text())
    for name, value in service.environment.items():
        if name not in OUR_OWN:
            yield f"{name}={value}"
