"""The runtime inside the client's container: it starts nothing, its neighbours are the deployments."""

import json
import os
import socket
import stat
import time
from pathlib import Path

from uploadlab.errors import LabError
from uploadlab.model.deployments import Deployment, Service, Target
from uploadlab.paths import COMPOSE, CONFIGS, shown
from uploadlab.private_urls import Private, keep
from uploadlab.storage.files import LOGS

UNAVAILABLE = "LAB_UNAVAILABLE"
"""The variable with what the host could not start: JSON, the reasons by the deployments' names."""
UP_SECONDS = 15.0
POLL_SECONDS = 0.1


def run_name() -> str | None:
    """Return the name of the run if the host started this container for it, and collects servers' logs."""
    return os.environ.get("LAB_RUN")


def become_owner(folder: Path) -> None:
    """Go on as the user who owns ``folder``, or the nearest folder above it; raise LabError.

    A bind-mounted folder belongs to the owner of the checkout, and so must what is written there.
    """
    if os.getuid() != 0:
        return
    while not os.path.exists(folder):  # noqa: PTH110  false as well where root without rights cannot look
        folder = folder.parent
    owner = folder.stat()
    try:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
    except PermissionError:
        raise LabError("the client's container lacks SETUID and SETGID: see its cap_add") from None


def require_checkout() -> None:
    """Raise LabError unless the servers see the checkout's files, and may read them."""
    if not COMPOSE.is_file():
        raise LabError(
            "the engine does not see this checkout, it may be on another host: "
            "./scripts/lab --runtime local does without"
        )
    for path in [CONFIGS, *CONFIGS.rglob("*")]:
        needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
        if path.stat().st_mode & needed != needed:
            raise LabError(
                f"servers, which run as another user, may not read {shown(path)}: "
                "chmod -R a+rX configs services/nginx"
            )


def keep_authorities() -> None:
    """Keep by what the certificate of each neighbour with TLS is checked; elsewhere, do nothing.

    A worker of Locust's does not know its targets before its master names them.
    """
    for path in Path(os.environ.get("CA_DIR", os.devnull)).glob("*.pem"):
        keep(_url(path.stem, "https"), Private(ca_file=str(path)))


def _url(name: str, scheme: str) -> str:
    return f"{scheme}://{name}:{os.environ['PORT']}"


class Neighbours:
    """Deployments in containers of their own, on the network of the client's."""

    name = "docker"

    def __init__(self) -> None:
        self._services: dict[str, list[Service]] = {}

    def lacks(self, deployments: list[Deployment]) -> str:
        """Return nothing: an image holds all that its deployment needs."""
        return ""

    def start(self, deployments: list[Deployment]) -> list[Target]:
        """Wait until all are up, or will not be; nothing is started from here."""
        lacking = json.loads(os.environ.get(UNAVAILABLE) or "{}")
        self._services = {made.name: made.services for made in deployments if made.name not in lacking}
        end = time.monotonic() + UP_SECONDS
        while any(map(self.explain, self._services)) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        return [self._target(deployment, lacking.get(deployment.name, "")) for deployment in deployments]

    def _target(self, deployment: Deployment, problem: str) -> Target:
        """Return the target of a neighbour, and keep what its answers are judged by."""
        url = _url(deployment.name, deployment.scheme)
        # A file that the neighbour may still have to write.
        authority = str(Path(os.environ["CA_DIR"]) / f"{deployment.name}.pem") if deployment.tls else ""
        keep(url, Private(ca_file=authority, front=deployment.front))
        return deployment.target(url, problem)

    def explain(self, name: str) -> str:
        """Return which container of a deployment does not run: the engine has no address for it."""
        for service in self._services.get(name, []):
            try:
                socket.getaddrinfo(service.name, None)
            except socket.gaierror:
                logs = f"docker compose logs {service.name}"
                log = f"{LOGS}/{service.name}.log in the run's folder" if run_name() else logs
                return f"the container of {service.name} does not run: {log} may say why"
        return ""

    def stop(self) -> None:
        """Leave them up: the host that started them stops them."""
