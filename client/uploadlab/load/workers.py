"""Who uploads: processes that the lab starts, or others that join it."""

import os
import socket
from collections.abc import Iterable
from typing import NamedTuple

from uploadlab.errors import LabError, UsageError
from uploadlab.model.cells import Step
from uploadlab.model.deployments import Target

SERVICE = "LAB_WORKERS"
"""The variable with the name of the containers that upload."""
LOOPBACK = "127.0.0.1"
MASTER_PORT = 5557
"""Locust's own."""


class Workers(NamedTuple):
    """How many upload, and where those from elsewhere join."""

    here: int
    elsewhere: int = 0
    listen_host: str = LOOPBACK
    listen_port: int = 0
    """0: any free port."""


def as_many_as_fit() -> int:
    """Return half the number of cores: the servers need the others."""
    return max(1, (os.cpu_count() or 1) // 2)


def uploading(workers: Workers, steps: Iterable[Step], targets: Iterable[Target]) -> Workers:
    """Return who uploads in these steps: over a link, which begins on loopback, only this host's workers.

    Raise UsageError if the user wants others.
    """
    over_links = {target.name for target in targets if target.link}
    if not workers.elsewhere or not any(step.cell.deployment in over_links for step in steps):
        return workers
    if SERVICE in os.environ:  # this container can do without the others
        return Workers(as_many_as_fit())
    raise UsageError(
        "--expect-workers: a link begins on this host's loopback, which no other machine reaches; "
        "leave out --link, or write --workers"
    )


def container_workers() -> Workers | None:
    """Return the containers that join this one to upload; None if there are none; raise LabError."""
    service = os.environ.get(SERVICE)  # in the container of Locust's master
    if service is None:
        return None
    try:
        _, _, addresses = socket.gethostbyname_ex(service)  # an address for each container
    except socket.gaierror:
        raise LabError(f"no container of {service} runs: docker compose logs {service}") from None
    # Only on the workers' network: any process that reaches the master can join as a worker.
    return Workers(0, len(addresses), socket.gethostbyname(os.environ["LAB_MASTER"]), MASTER_PORT)
