"""Deployments that compose.yaml does not list: made from one that it does, by another config."""

import re
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from uploadlab.declared.compose import CONFIGS
from uploadlab.declared.config_syntax import bare_lines, words
from uploadlab.errors import UsageError, problem_of
from uploadlab.model.deployments import CERTIFIER, DERIVED, Deployment, Service

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
"""What Compose, DNS and a path take."""
CERTIFICATE = "tls.pem"
"""The file in RUN_DIR that a front with TLS reads; services/fronts/start.py makes it."""


def config_owners(declared: Mapping[str, Deployment]) -> list[tuple[str, Deployment]]:
    """Return the path of each config, from configs/ on, with the deployment that has it; fronts first."""
    fronts, others = slice(1), slice(1, None)
    return [
        (word, deployment)
        for place in (fronts, others)
        for deployment in declared.values()
        for service in deployment.services[place]
        for word in service.command
        if word.startswith(CONFIGS)
    ]


def beside(path: str, name: str) -> str:
    """Return the path of a config of that name, of the same kind as another and in the same folder."""
    return str(Path(path).with_name(name + "".join(Path(path).suffixes)))


def of_config(
    path: str, declared: Mapping[str, Deployment], root: Path, like: Deployment | None = None
) -> Deployment:
    """Return the deployment that uses this config, else a copy of ``like``, else of the first of its kind.

    Raise UsageError.
    """
    if not (root / path).resolve().is_relative_to((root / CONFIGS).resolve()):  # a run.json may name any
        raise UsageError(f"{path} is not in the checkout's {CONFIGS}: copy it to its server's folder there")
    owners = config_owners(declared)
    if shipped := [deployment for other, deployment in owners if other == path]:
        return shipped[0]
    kinds = sorted({beside(other, "*") for other, _ in owners})
    kind = next((kind for kind in kinds if Path(path).match(kind)), None)
    if kind is None:
        raise UsageError(f"{path}: a config is one of {', '.join(kinds)}")
    name = Path(path).name.removesuffix(kind.rpartition("*")[2])
    if name in declared:
        raise UsageError(f"{path}: a deployment of that name has another config; rename the file")
    if not NAME.fullmatch(name):
        raise UsageError(f"{path}: the file is named after its deployment; use a-z, 0-9, - and _ only")
    alike = [owner for owner in owners if Path(owner[0]).match(kind)]
    own = role(path, root)
    fitting = [owner for owner in alike if own.may_replace(role(owner[0], root))]
    if not fitting:
        raise UsageError(f"{path}: the other configs of its kind {_difference(own, role(alike[0][0], root))}")
    old, base = min(fitting, key=lambda owner: (owner[1] != like, owner[1].tls != own.tls))
    copy = with_tls(renamed(base, name), own.tls)
    return msgspec.structs.replace(
        copy,
        title=f"{base.title}, with {path}",
        tier=DERIVED,
        why="a config that no service of compose.yaml names",
        services=[with_config(service, old, path) for service in copy.services],
        next=[],
    )


def extended(declared: Mapping[str, Deployment], names: Iterable[str], root: Path) -> dict[str, Deployment]:
    """Return what is declared, and those of these names that a config makes; raise UsageError."""
    made = {name: by_name(name, declared, root) for name in names if name not in declared}
    return {**declared, **{name: deployment for name, deployment in made.items() if deployment}}


def by_name(
    name: str, declared: Mapping[str, Deployment], root: Path, like: Deployment | None = None
) -> Deployment | None:
    """Return the deployment of the config of that name in configs/, if any; raise UsageError."""
    if Path(name).name != name:
        return None
    places = sorted({beside(path, name) for path, _ in config_owners(declared)})
    found = [path for path in places if (root / path).is_file()]
    if len(found) > 1:
        raise UsageError(f"{name} may be any of {', '.join(found)}: write its path, or rename one")
    return of_config(found[0], declared, root, like) if found else None


def refuse_services(deployments: Iterable[Deployment], services: Container[str]) -> None:
    """Raise UsageError if a deployment that a config makes has the name of a service in compose.yaml."""
    for deployment in deployments:
        for service in deployment.services if deployment.based_on else []:
            if service.name in services:
                raise UsageError(
                    f"{service.name} is a service of compose.yaml: rename the config of that name"
                )


def renamed(deployment: Deployment, name: str) -> Deployment:
    """Return a copy by another name, which the app answers to /healthz, with a log of its own."""
    services = [
        msgspec.structs.replace(
            service,
            name=service.name.replace(deployment.name, name, 1),
            environment={**service.environment, "LAB_DEPLOYMENT": name},
        )
        for service in deployment.services
    ]
    based_on = deployment.based_on or deployment.name
    return msgspec.structs.replace(deployment, name=name, based_on=based_on, services=services)


def with_tls(deployment: Deployment, tls: bool) -> Deployment:
    """Return a copy whose front speaks TLS or does not, and that needs what makes its certificate."""
    needs = [need for need in deployment.needs if need != CERTIFIER]
    return msgspec.structs.replace(deployment, tls=tls, needs=[*needs, CERTIFIER] if tls else needs)


def with_config(service: Service, old: str, new: str) -> Service:
    """Return a copy with another config, if the service has the old one."""
    command = [new if word == old else word for word in service.command]
    return msgspec.structs.replace(service, command=command)


def with_own_configs(deployment: Deployment, own: Container[str], folder: Path) -> Deployment:
    """Return a copy with the full paths of those configs that are in a run's folder, not in the checkout."""

    def place(word: str) -> str:
        return str(folder / word) if word in own else word

    services = [
        msgspec.structs.replace(service, command=[place(word) for word in service.command])
        for service in deployment.services
    ]
    return msgspec.structs.replace(deployment, services=services)


class Role(NamedTuple):
    """What a config's server is for, as far as the variables in the config show."""

    front: bool
    """Whether it listens where clients come, not behind another server."""
    proxy: bool
    """Whether it passes requests on to the port of an app."""
    tls: bool
    """Whether clients come by TLS."""

    def may_replace(self, other: "Role") -> bool:
        """Return whether a config with this role may stand in place of another.

        What starts a proxy makes a certificate for any config that needs one; other starters make none.
        """
        return self[:2] == other[:2] and (self.proxy or self.tls == other.tls)


def _difference(own: Role, others: Role) -> str:
    """Return what a config lacks or has, unlike the others of its kind."""
    if own.front != others.front:
        return f"all listen on {'a socket in RUN_DIR' if own.front else 'BIND or PORT'}, so must this one"
    if own.proxy != others.proxy:
        return f"{'do not pass' if own.proxy else 'pass'} requests on to APP_PORT, and so must this one"
    return f"{'speak no TLS' if own.tls else f'use {CERTIFICATE}'}, and so must this one"


def role(path: str, root: Path) -> Role:
    """Return the role of a config's server; raise UsageError."""
    try:
        text = (root / path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        there = ", ".join(sorted(found.name for found in (root / path).parent.glob("*")))
        hint = f"choose from {there}" if there else f"name a file of {CONFIGS}"
        raise UsageError(f"cannot read {path}: {problem_of(error)}; {hint}") from None
    named = words("\n".join(bare_lines(path, text)))
    if not named & {"BIND", "PORT", "RUN_DIR"}:
        raise UsageError(f"{path}: the config must listen on $(BIND), $(PORT) or a socket in $(RUN_DIR)")
    return Role(bool(named & {"BIND", "PORT"}), "APP_PORT" in named, CERTIFICATE in text)
