"""Reads compose.yaml, the only list of deployments."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from uploadlab.catalogue.clients import LAB_METHODS
from uploadlab.catalogue.methods import METHODS
from uploadlab.errors import LabError, problem_of
from uploadlab.model.deployments import CORE, GROUPS, Deployment, Service
from uploadlab.model.own_apps import AppSupport
from uploadlab.selection import choose

CONFIGS = "configs/"
SHOW_CONNECTION = frozenset({"flask", "gunicorn"})
"""Servers that show the app its connection: see services/app/upload_app/connection.py."""


Content = TypeVar("Content")


class ComposeFile(msgspec.Struct):
    """The part of the file that the lab reads. The services are as they are written there."""

    services: dict[str, dict[str, Any]]
    needs: dict[str, str] = msgspec.field(name="x-needs", default_factory=dict)


class LabBlock(msgspec.Struct, forbid_unknown_fields=True):
    """The ``x-lab`` of a service that is a deployment."""

    title: str
    tier: str
    why: str
    port: int
    group: str = CORE
    tls: bool = False
    accepts: list[str] = []
    needs: list[str] = []
    parts: list[str] = []
    own_app: AppSupport = AppSupport()


def load_deployments(compose: Path) -> dict[str, Deployment]:
    """Return the deployments by name, in the file's order; raise LabError."""
    services = load_services(compose)
    return {name: _deployment(name, services) for name, content in services.items() if "x-lab" in content}


def load_services(compose: Path) -> dict[str, dict[str, Any]]:
    """Return all services as they are written there; raise LabError."""
    return _read(compose).services


def load_needs(compose: Path) -> dict[str, str]:
    """Return what deployments may need on the host, with the command that installs it; raise LabError."""
    return _read(compose).needs


def config_texts(root: Path, deployments: list[Deployment]) -> dict[str, str]:
    """Return the texts of the configs in the deployments' commands, by their paths from configs/ on.

    Raise LabError.
    """
    services = [service for deployment in deployments for service in deployment.services]
    configs = {word for service in services for word in service.command if CONFIGS in word}
    texts: dict[str, str] = {}
    for word in sorted(configs):
        try:
            texts[word[word.index(CONFIGS) :]] = (root / word).read_text()
        except (OSError, UnicodeDecodeError) as error:
            hint = "put it back, or start a new run"
            raise LabError(f"cannot read {word}: {problem_of(error)}; {hint}") from None
    return texts


def _read(compose: Path) -> ComposeFile:
    try:
        return _parsed(compose.read_bytes())
    except FileNotFoundError:
        where = f"no {compose.name} in {compose.parent}"
        raise LabError(f"{where}: start this command in a checkout of Upload Lab") from None
    except (OSError, ValueError) as error:
        raise LabError(f"cannot read {compose}: {' '.join(problem_of(error).split())}") from None


@lru_cache(maxsize=2)
def _parsed(text: bytes) -> ComposeFile:
    """Parse a file's text; a command asks for it several times. Nobody may change what is returned."""
    return msgspec.yaml.decode(text, type=ComposeFile)


def _deployment(name: str, services: Mapping[str, Any]) -> Deployment:
    lab = _converted(name, services[name]["x-lab"], LabBlock)
    if lab.group not in GROUPS:
        raise LabError(f"compose.yaml: service {name}: group {lab.group!r} is none of {', '.join(GROUPS)}")
    parts = [_service(part, services.get(part, {})) for part in [name, *lab.parts]]
    # NEXT_HOPS is NAME=URL NAME=URL; the runtime knows the addresses.
    hops = [hop for part in parts for hop in part.environment.get("NEXT_HOPS", "").split()]
    return Deployment(
        name=name,
        title=lab.title,
        tier=lab.tier,
        why=lab.why,
        port=lab.port,
        accepts=_accepted(lab.accepts, parts[-1]),
        needs=lab.needs,
        services=parts,
        group=lab.group,
        tls=lab.tls,
        next=[hop.partition("=")[0] for hop in hops],
        support=_support(lab.own_app),
    )


def _accepted(wanted: list[str], app: Service) -> list[str]:
    """Return the methods that a deployment accepts; none stands for all of them."""
    words = {word for part in app.command for word in part.split()}
    if words & SHOW_CONNECTION:
        return choose("method", wanted, LAB_METHODS)
    others = [f"!{name}" for name, method in METHODS.items() if method.spliced and name not in wanted]
    return choose("method", [*(wanted or ["*"]), *others], LAB_METHODS)


def _service(name: str, content: Mapping[str, Any]) -> Service:
    service = _converted(name, {**content, "name": name}, Service)
    return msgspec.structs.replace(service, command=_unescaped(service.command))


def _support(written: AppSupport) -> AppSupport:
    if written.asgi is None:
        return written
    asgi = msgspec.structs.replace(written.asgi, command=_unescaped(written.asgi.command))
    return msgspec.structs.replace(written, asgi=asgi)


def _unescaped(command: Iterable[str]) -> list[str]:
    """Return a command without Compose's escape."""
    return [word.replace("$$", "$") for word in command]


def _converted(service: str, content: Any, kind: type[Content]) -> Content:
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise LabError(f"compose.yaml: service {service}: {error}") from None
