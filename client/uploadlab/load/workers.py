"""Who uploads: processes that the lab starts, or others that join it."""

import os
from typing import NamedTuple

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
