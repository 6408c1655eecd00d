"""Which lock file a package is in: those of servers, of the lab's own client, and of other clients."""

import re
from pathlib import Path

from uploadlab.catalogue.clients import CLIENTS
from uploadlab.model.deployments import REFERENCE, Deployment
from uploadlab.paths import ROOT
from uploadlab.versions.requirements import canonical, pins

OWN_CLIENT = ""
"""The name of the lab's own client, where other clients have theirs."""
APP_LOCK = "requirements"


def server_locks() -> list[Path]:
    """Return the lock files of all servers and of the app."""
    return sorted(ROOT.glob("services/*.txt")) + sorted(ROOT.glob("services/*/*.txt"))


def client_locks(client: str = OWN_CLIENT) -> list[Path]:
    """Return the lock file of a client; none if it has no packages."""
    own = ROOT / "client" / "requirements.txt"
    path = ROOT / "client" / "clients" / f"{client}.txt" if client else own
    return [path] if path.is_file() else []


def clients_with(package: str) -> list[str]:
    """Return the clients whose lock file has a package, the lab's own first."""
    return [name for name in (OWN_CLIENT, *CLIENTS) if canonical(package) in pins(client_locks(name))]


def is_of_servers(package: str) -> bool:
    """Return whether the lock file of a server, or of the app, has a package."""
    return canonical(package) in pins(server_locks())


def known_packages() -> list[str]:
    """Return the packages of all lock files, in alphabetical order."""
    clients = [lock for name in (OWN_CLIENT, *CLIENTS) for lock in client_locks(name)]
    return sorted(pins([*server_locks(), *clients]))


def runs_package(deployment: Deployment, package: str) -> bool:
    """Return whether a server of the deployment, or its app, loads a package of the lock files."""
    if deployment.tier == REFERENCE:
        return False
    name = canonical(package)
    owners = {lock.stem.removeprefix("requirements-") for lock in server_locks() if name in pins([lock])}
    if APP_LOCK in owners and name != "gunicorn":
        return True
    words = [word for service in deployment.services for word in service.command]
    parts = {part for word in words for part in re.split(r"[/\s]", word)}
    return bool({name, *owners} & {*deployment.needs, *parts})
