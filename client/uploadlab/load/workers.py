"""Who uploads: processes that the lab starts, or others that join it."""

import os
import socket
from typing import NamedTuple

from uploadlab.errors import LabError

WORKERS = os.environ.get("LAB_WORKERS")
"""The service whose containers upload, in the container of Locust's master."""
LOOPBACK = "127.0.0.1"
MASTER_PORT = 5557
"""Locust's own."""


class Workers(NamedTuple):
    """How many, and where those from elsewhere join."""

    here: int
    elsewhere: int = 0
    listen_host: str = LOOPBACK
    listen_port: int = 0
    """0: whichever is free."""


def as_many_as_fit() -> int:
    """Half the cores: the servers need the others."""
    return max(1, (os.cpu_count() or 1) // 2)


def workers() -> Workers | None:
    """The containers that join this one to upload; None if it uploads by itself. Raises LabError."""
    if WORKERS is None:
        return None
    try:
        _, _, addresses = socket.gethostbyname_ex(WORKERS)  # one of each container
    except socket.gaierror:
        raise LabError(f"no container of {WORKERS} runs: docker compose logs {WORKERS}") from None
    return Workers(0, len(addresses), "0.0.0.0", MASTER_PORT)  # noqa: S104  on the containers' own network
