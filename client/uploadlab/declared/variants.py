"""Deployments that compose.yaml does not list: made from one that it does, by another config."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.declared.compose import CONFIGS
from uploadlab.declared.config_syntax import bare_lines, words
from uploadlab.errors import UsageError
from uploadlab.model.deployments import DERIVED, Deployment, Service

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
"""What Compose, DNS and a path take."""


class Slot(NamedTuple):
    """Where a deployment has a config."""

    one: Deployment
    service: Service
    path: str
    """From configs/ on."""

    @property
    def suffix(self) -> str:
        """``.ini``, ``.conf.py``."""
        return "".join(Path(self.path).suffixes)


def slots(declared: Mapping[str, Deployment]) -> Iterator[Slot]:
    """All of these deployments' configs, those of fronts first."""
    found = [
        Slot(one, service, word)
        for one in declared.values()
        for service in one.services
        for word in service.command
        if word.startswith(CONFIGS)
    ]
    yield from sorted(found, key=lambda slot: slot.service is not slot.one.services[0])


def of_config(
    path: str, declared: Mapping[str, Deployment], root: Path, like: Deployment | None = None
) -> Deployment:
    """The deployment that has this config, or one like ``like``, else like the first with such a config.

    Raises UsageError.
    """
    known = list(slots(declared))
    if shipped := next((slot for slot in known if slot.path == path), None):
        return shipped.one
    alike = [slot for slot in known if Path(slot.path).parent == Path(path).parent]
    if not alike or not path.endswith(alike[0].suffix):
        raise UsageError(f"{path}: a config is one of {', '.join(_patterns(known))}")
    name = _name(path, alike[0].suffix, declared)
    front = is_front(path, root)
    fitting = [slot for slot in alike if is_front(slot.path, root) == front]
    chosen = next((slot for slot in fitting if like and slot.one == like), fitting[0])
    made = renamed(chosen.one, name)
    services = [with_config(service, chosen.path, path) for service in made.services]
    return msgspec.structs.replace(
        made,
        title=f"{chosen.one.title}, with {path}",
        tier=DERIVED,
        why="a config that no service of compose.yaml names",
        services=services,
        next=[],
    )


def extended(declared: Mapping[str, Deployment], names: Iterable[str], root: Path) -> dict[str, Deployment]:
    """What is declared, and those of these names that a config makes; raises UsageError."""
    made = ((name, by_name(name, declared, root)) for name in names if name not in declared)
    return {**declared, **{name: one for name, one in made if one}}


def by_name(
    name: str, declared: Mapping[str, Deployment], root: Path, like: Deployment | None = None
) -> Deployment | None:
    """The deployment of a config of that name which lies in configs/; raises UsageError."""
    folders = {(Path(slot.path).parent, slot.suffix) for slot in slots(declared)}
    places = sorted(str(folder / f"{name}{suffix}") for folder, suffix in folders)
    found = [path for path in places if (root / path).is_file()]
    if len(found) > 1:
        raise UsageError(f"{name} may be any of {', '.join(found)}: write its path, or rename one")
    return of_config(found[0], declared, root, like) if found else None


def refuse_services(deployments: Iterable[Deployment], services: Container[str]) -> None:
    """Raise UsageError if what a config makes would take another service's place in Compose."""
    for name in (service.name for one in deployments if one.based_on for service in one.services):
        if name in services:
            raise UsageError(f"{name} is a service of compose.yaml: rename the config of that name")


def renamed(one: Deployment, name: str) -> Deployment:
    """The same by another name, which it answers by, with a log of its own."""
    return msgspec.structs.replace(
        one,
        name=name,
        based_on=one.based_on or one.name,
        services=[_renamed(service, one.name, name) for service in one.services],
    )


def with_config(service: Service, old: str, new: str) -> Service:
    """Another config in place of one, if the service has that."""
    return msgspec.structs.replace(
        service, command=[new if word == old else word for word in service.command]
    )


def placed(one: Deployment, folder: Path) -> Deployment:
    """With the places of those configs that lie in a run's folder, not in the checkout."""
    services = [
        msgspec.structs.replace(service, command=[_place(word, folder) for word in service.command])
        for service in one.services
    ]
    return msgspec.structs.replace(one, services=services)


def _place(word: str, folder: Path) -> str:
    return str(folder / word) if word.startswith(CONFIGS) and (folder / word).is_file() else word


def _renamed(service: Service, old: str, new: str) -> Service:
    environment = {**service.environment, "LAB_DEPLOYMENT": new}
    return msgspec.structs.replace(service, name=service.name.replace(old, new, 1), environment=environment)


def _name(path: str, suffix: str, declared: Mapping[str, Deployment]) -> str:
    name = Path(path).name.removesuffix(suffix)
    if name in declared:
        raise UsageError(f"{path}: a deployment of that name has another config; rename the file")
    if not NAME.fullmatch(name):
        raise UsageError(f"{path}: its name is to be a deployment's; use a-z, 0-9, - and _ only")
    return name


def is_front(path: str, root: Path) -> bool:
    """Whether it listens where clients come, not behind another server; raises UsageError."""
    try:
        text = (root / path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from None
    named = {word for line in bare_lines(path, text) for word in words(line)}
    if "PORT" in named or "RUN_DIR" in named:
        return "PORT" in named
    raise UsageError(
        f"{path} has neither PORT nor RUN_DIR of its environment, so nobody would find the server: "
        "bind as the other configs in its folder do"
    )


def _patterns(known: list[Slot]) -> list[str]:
    return sorted({f"{Path(slot.path).parent}/*{slot.suffix}" for slot in known})
