"""Who uploads: processes that the lab starts, or others that join it."""

import os
import socket
from typing import NamedTuple

from uploadlab.errors import LabError

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


def container_workers() -> Workers | None:
    """Return the containers that join this one to upload; None if there are none; raise LabError."""
    service = os.environ.get("LAB_WORKERS")  # in the container of Locust's master
    if service is None:
        return None
    try:
        _, _, addresses = socket.gethostbyname_ex(service)  # an address for each container
    except socket.gaierror:
        raise LabError(f"no container of {service} runs: docker compose logs {service}") from None
    # Only on the workers' network: any process that reaches the master can join as a worker.
    return Workers(0, len(addresses), socket.gethostbyname(os.environ["LAB_MASTER"]), MASTER_PORT)
