"""What a run declares to Compose beside compose.yaml: derived deployments, and packages in other versions.

The services of a derived deployment are each like the service that it is made from.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from uploadlab.declared.compose import load_services
from uploadlab.model.deployments import Deployment, Service
from uploadlab.runtimes.package_images import image_with, images_of

OVERRIDE = "compose.override.yaml"
OWN = "run"
"""Where the servers see the run's own configs, below their working folder."""
LEFT_OUT = ("x-lab", "build", "ports")
"""Parts of a service that its copy must not have: it is built already, and reached by its name."""
CERTIFICATES = "certificates:/certificates"
"""The volume where a deployment with TLS leaves its authority's certificate for the client."""
NAMESPACE = "service:"
"""How ``pid`` names the service whose process namespace a part joins."""


def override(
    compose: Path, deployments: Sequence[Deployment], folder: Path, sender: str = "client", image: str = ""
) -> str:
    """Return a file that Compose reads after compose.yaml; empty if that has all as it is.

    It mounts the configs of the run's folder. ``sender`` is the client's service, ``image`` its image where
    compose.yaml has another.
    """
    declared = load_services(compose)
    services: dict[str, Any] = {}
    if image or any(deployment.packages for deployment in deployments):
        locks = f"{_escaped(str(compose.parent / 'services'))}:/lab/services:ro"  # the client plans by them
        services[sender] = {**({"image": image} if image else {}), "volumes": [locks]}
    for deployment in deployments:
        services |= {} if deployment.based_on else _other_images(deployment, declared)
    made = [deployment for deployment in deployments if deployment.based_on]
    for deployment in made:
        base = [deployment.based_on, *declared[deployment.based_on]["x-lab"].get("parts", [])]
        copies = {old: service.name for old, service in zip(base, deployment.services, strict=True)}
        for old in list(copies):
            if pid := declared[old].get("pid"):
                holder = str(pid).removeprefix(NAMESPACE)
                copies[holder] = f"{deployment.name}-processes"
                services[copies[holder]] = declared[holder]
        for old, service in zip(base, deployment.services, strict=True):
            services[service.name] = _service(service, deployment, declared[old], copies, folder)
    if not services:
        return ""
    volumes: dict[str, None] = {deployment.name: None for deployment in made}
    return yaml.safe_dump({"services": services, "volumes": volumes}, sort_keys=False)


def _other_images(deployment: Deployment, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the services of compose.yaml whose image is another, with packages in other versions."""
    images = images_of(deployment, declared)
    others = {name: image_with(image, deployment.packages) for name, image in images.items()}
    return {name: {"image": image} for name, image in others.items() if image != images[name]}


def _service(
    service: Service,
    deployment: Deployment,
    declared: Mapping[str, Any],
    copies: Mapping[str, str],
    folder: Path,
) -> dict[str, Any]:
    kept = {name: value for name, value in declared.items() if name not in LEFT_OUT}
    mounts = [volume.partition(":") for volume in declared["volumes"]]
    # Its uploads lie in a volume of its own; one without a name is each container's own anyway.
    volumes = [
        f"{deployment.name if name == deployment.based_on else name}{colon}{place}"
        for name, colon, place in mounts
    ]
    if deployment.tls and CERTIFICATES not in volumes:
        volumes.append(CERTIFICATES)
        kept["healthcheck"] = {"disable": True}  # bash speaks no TLS
    if any(_seen(word, folder) != word for word in service.command):  # else the engine would make the folder
        volumes.append(f"{_escaped(str(folder / 'configs'))}:/lab/{OWN}/configs:ro")
    if pid := kept.get("pid"):
        kept["pid"] = NAMESPACE + copies[str(pid).removeprefix(NAMESPACE)]
    return {
        **kept,
        "image": image_with(declared["image"], deployment.packages),
        "command": [_escaped(_seen(word, folder)) for word in service.command],
        "environment": {name: _escaped(value) for name, value in service.environment.items()},
        "depends_on": [copies.get(name, name) for name in declared.get("depends_on", [])],
        "volumes": volumes,
    }


def _seen(word: str, folder: Path) -> str:
    """Return a word of a command, the path of a run's own config as the server sees it."""
    path = Path(word)
    return str(OWN / path.relative_to(folder)) if path.is_relative_to(folder) else word


def _escaped(text: str) -> str:
    """Return the text for Compose, which takes a dollar for the beginning of a variable."""
    return text.replace("$", "$$")
