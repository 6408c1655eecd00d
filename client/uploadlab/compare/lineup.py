"""Who is compared: a base, the base once more, and the others, each by a config or a deployment's name."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab import derive
from uploadlab.deployments import CONFIGS
from uploadlab.knobs import edited, options
from uploadlab.model import CONFIG, Comparison, Deployment, Service, UsageError

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


def lineup(asked: Asked, declared: Mapping[str, Deployment], root: Path) -> Lineup:
    """Who takes part; raises UsageError."""
    base = _named(asked.words[0], declared, root)
    others: list[Deployment] = []
    texts: dict[str, str] = {}
    if asked.ablation:
        others, texts = _taken_back(base, declared, root)
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


def _taken_back(
    base: Deployment, declared: Mapping[str, Deployment], root: Path
) -> tuple[list[Deployment], dict[str, str]]:
    """The base without each of its settings that the plainest config of its kind has otherwise."""
    mine = next((slot for slot in derive.slots({base.name: base})), None)
    if mine is None:
        raise UsageError(f"{base.name} has no config whose lines could be taken back")
    plain = next(slot for slot in derive.slots(declared) if Path(slot.path).parent == Path(mine.path).parent)
    text, default = ((root / slot.path).read_text() for slot in (mine, plain))
    there, here = options(default), options(text)
    changed = {option: there.get(option, "") for option in here if here[option] != there.get(option)}
    changed |= {option: value for option, value in there.items() if option not in here}
    if not changed:
        raise UsageError(f"{mine.path} sets what {plain.path} does: name another config")
    others, texts = [], {}
    for option, value in changed.items():
        one = derive.renamed(base, f"{base.name}-without-{option.replace('_', '-')}")
        path = str(Path(mine.path).with_name(f"{one.name}{mine.suffix}"))
        texts[path] = edited(text, option, value)
        services = [derive.with_config(service, mine.path, path) for service in one.services]
        others.append(msgspec.structs.replace(one, tier=CONFIG, services=services))
    return others, texts


def _check_names(everyone: Sequence[Deployment], declared: Mapping[str, Deployment]) -> None:
    names = [one.name for one in everyone]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} is named twice: the base is compared with itself anyway")
    if taken := next((one.name for one in everyone if one.based_on and one.name in declared), None):
        raise UsageError(f"{taken} is a deployment of compose.yaml: rename the config")


def _lines(one: Deployment, texts: Mapping[str, str], root: Path) -> list[str]:
    """All that decides how a deployment behaves, a line for each."""
    return [line for service in one.services for line in _service_lines(service, texts, root)]


def _service_lines(service: Service, texts: Mapping[str, str], root: Path) -> Iterator[str]:
    yield " ".join(word for word in service.command if CONFIGS not in word)
    for word in service.command:
        if CONFIGS in word:
            yield from _settings(texts.get(word) or (root / word).read_text())
    for name, value in service.environment.items():
        if name not in OUR_OWN:
            yield f"{name}={value}"


def _settings(text: str) -> Iterator[str]:
    """A config's lines without comments and layout."""
    for line in text.splitlines():
        bare = re.sub(r"(?:^|\s+)[;#].*$", "", line).strip()
        if bare and not bare.startswith('"""'):
            yield " ".join(bare.split())
