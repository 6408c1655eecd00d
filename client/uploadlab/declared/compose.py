"""Reads compose.yaml, the only list of deployments."""

from pathlib import Path
from typing import Any

import yaml

from uploadlab.errors import LabError
from uploadlab.model.deployments import Deployment, Service

CONFIGS = "configs/"


def load_deployments(compose: Path) -> dict[str, Deployment]:
    """The deployments by name, in the file's order; raises LabError."""
    try:
        services = load_services(compose)
        return {name: _deployment(name, services) for name, one in services.items() if "x-lab" in one}
    except (KeyError, TypeError, AttributeError) as error:
        raise LabError(f"{compose.name}: a service lacks {error}: compare it with the others") from None


def load_services(compose: Path) -> dict[str, Any]:
    """All services as they are written there."""
    return dict(_content(compose)["services"])


def load_needs(compose: Path) -> dict[str, str]:
    """What deployments may need on the host, with the command that mends its absence."""
    return dict(_content(compose).get("x-needs", {}))


def config_texts(root: Path, deployments: list[Deployment]) -> dict[str, str]:
    """The text of every config file that the deployments' commands name, by its path."""
    words = {word for one in deployments for service in one.services for word in service.command}
    try:
        return {_shown(word): (root / word).read_text() for word in sorted(words) if CONFIGS in word}
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot read a config ({error}): put it back, or start a new run") from None


def _shown(word: str) -> str:
    """A config's path from its folder on, wherever a variant of it may lie."""
    return word[word.index(CONFIGS) :]


def _content(compose: Path) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(compose.read_text()))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise LabError(f"cannot read {compose}: {' '.join(str(error).split())}") from None


def _deployment(name: str, services: dict[str, Any]) -> Deployment:
    lab = services[name]["x-lab"]
    names = [name, *lab.get("parts", [])]
    return Deployment(
        name=name,
        title=lab["title"],
        tier=lab["tier"],
        why=lab["why"],
        port=lab["port"],
        accepts=lab.get("accepts", []),
        needs=lab.get("needs", []),
        services=[_service(part, services[part]) for part in names],
        next=[name for part in names for name in _next(services[part])],
    )


def _next(declared: dict[str, Any]) -> list[str]:
    """The names of NEXT_HOPS, ``name=url name=url``; the runtime knows the addresses."""
    hops = declared.get("environment", {}).get("NEXT_HOPS", "")
    return [word.partition("=")[0] for word in hops.split()]


def _service(name: str, declared: dict[str, Any]) -> Service:
    return Service(
        name=name,
        command=[word.replace("$$", "$") for word in declared["command"]],  # Compose's escape
        environment=dict(declared.get("environment", {})),
        stop_signal=declared.get("stop_signal", "SIGTERM"),
    )
