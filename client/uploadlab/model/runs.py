"""A run, and the host that it was measured on."""

from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from uploadlab.model.cells import Planned, Seconds, Step
from uploadlab.model.checks import KnownException
from uploadlab.model.comparison import Comparison
from uploadlab.model.deployments import Deployment, Target
from uploadlab.model.order import Kind, Order

SCHEMA_VERSION = 1
Item = TypeVar("Item")
Many = Annotated[list[Item], Meta(max_length=2000)]
"""Twice as many as a run of all deployments has; a file with more is damaged."""


class Host(Struct, frozen=True):
    """Where a run was measured. Runs of different hosts are not compared."""

    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    data_filesystem: str


class Run(Struct, kw_only=True):
    """run.json: all that is needed to judge a run later, or to go on with it."""

    id: str
    schema_version: int = SCHEMA_VERSION
    kind: Kind = Kind.RUN
    order: Order | None = None
    """What the user asked for; None in runs of before it was stored."""
    plan: str
    seed: int
    runtime: str
    started_at: str
    host: Host
    other_hosts: list[Host] = []
    """Where the run was gone on with, against advice."""
    budget_seconds: Seconds
    targets: Many[Target]
    cells: Many[Planned]
    profile: bool = False
    """Whether a profiled pass follows the timed one."""
    derived: list[Deployment] = []
    """Deployments that are not in compose.yaml but made from one of it."""
    comparison: Comparison | None = None
    """What is compared, and how long."""
    load: Many[Step] = []
    """Concurrent uploads, after all else."""
    checks: Many[str] = []
    """Cases of the compatibility grid, in place of all else."""
    exceptions: list[KnownException] = []
    """What is known of them."""
    versions: dict[str, dict[str, str]] = {}
    configs: dict[str, str] = {}
    """The text of every config file, by its path."""
    config_names: dict[str, list[str]] = {}
    """Which of them a deployment uses."""
