"""The services of derived deployments, for Compose: each like the one that it is made from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from uploadlab.declared.compose import load_services
from uploadlab.model.deployments import Deployment, Service

OVERRIDE = "compose.override.yaml"


OWN = "run"
"""Where the servers see the run's own configs, below their working folder."""


LEFT_OUT = ("x-lab", "build", "ports")
"""Of a service: it is built already, and the client reaches it by its name."""


def override(compose: Path, made: Sequence[Deployment], folder: Path) -> str:
    """A file that Compose reads after compose.yaml; the configs of the run's folder are mounted."""
    declared = load_services(compose)
    services: dict[str, Any] = {}
    for one in made:
        names = _names(one, declared)
        for service in one.services:
            services[service.name] = _service(service, one, declared[names[service.name]], names, folder)
    volumes: dict[str, None] = {one.name: None for one in made}
    return yaml.safe_dump({"services": services, "volumes": volumes}, sort_keys=False)


def _names(one: Deployment, declared: Mapping[str, Any]) -> dict[str, str]:
    """Which service each of its services is made from."""
    base = [one.based_on, *declared[one.based_on]["x-lab"].get("parts", [])]
    return dict(zip((service.name for service in one.services), base, strict=True))


def _service(
    service: Service, one: Deployment, declared: Mapping[str, Any], names: Mapping[str, str], folder: Path
) -> dict[str, Any]:
    kept = {name: value for name, value in declared.items() if name not in LEFT_OUT}
    renamed = {old: new for new, old in names.items()}
    volumes = [_own(volume, one) for volume in declared["volumes"]]
    if (folder / "configs").is_dir():  # else the engine would make it, as root's
        volumes.append(f"{_escaped(str(folder / 'configs'))}:/lab/{OWN}/configs:ro")
    return {
        **kept,
        "command": [_word(word, folder) for word in service.command],
        "environment": {name: _escaped(value) for name, value in service.environment.items()},
        "depends_on": [renamed.get(name, name) for name in declared.get("depends_on", [])],
        "volumes": volumes,
    }


def _own(volume: str, one: Deployment) -> str:
    """Its uploads lie in a volume of its own."""
    name, _, place = volume.partition(":")
    return f"{one.name}:{place}" if name == one.based_on else volume


def _word(word: str, folder: Path) -> str:
    path = Path(word)
    word = str(OWN / path.relative_to(folder)) if path.is_relative_to(folder) else word
    return _escaped(word)


def _escaped(text: str) -> str:
    """Compose would put a variable in place of a word behind a dollar."""
    return text.replace("$", "$$")
