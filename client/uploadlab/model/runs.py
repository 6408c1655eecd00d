"""A run, and the host that it was measured on."""

from typing import Annotated

from msgspec import Meta, Struct

from uploadlab.model.cells import Planned, Seconds, Step
from uploadlab.model.checks import KnownException
from uploadlab.model.comparison import Comparison
from uploadlab.model.deployments import CLIENT, Deployment, Target
from uploadlab.model.links import Link
from uploadlab.model.order import Kind, Order

SCHEMA_VERSION = 1
MOST_DEPLOYMENTS, MOST_METHODS, MOST_CELLS, MOST_CHECK_CELLS = 500, 300, 2000, 6000
"""Of a run; methods or cases of the check. Twice as many as any has: a file with more is damaged."""
Cells = Annotated[list[Planned], Meta(max_length=MOST_CELLS)]
Steps = Annotated[list[Step], Meta(max_length=MOST_CELLS)]
Targets = Annotated[list[Target], Meta(max_length=MOST_DEPLOYMENTS)]
Cases = Annotated[list[str], Meta(max_length=MOST_METHODS)]


class Host(Struct, frozen=True):
    """Where a run was measured. Runs of different hosts are not compared."""

    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    data_filesystem: str


class Accuracy(Struct, frozen=True):
    """When the rounds of a run end that is no comparison: once its rates are sure, or the time is over."""

    within: float
    """The half width of an interval that is narrow enough, as a share of the rate; 0: none is."""
    budget_seconds: Seconds


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
    targets: Targets
    cells: Cells
    profile: bool = False
    """Whether a profiled pass follows the timed one."""
    derived: list[Deployment] = []
    """Deployments that are not in compose.yaml but made from one of it."""
    accuracy: Accuracy | None = None
    """None: every cell gets all its rounds."""
    comparison: Comparison | None = None
    """What is compared, and how long."""
    load: Steps = []
    """Concurrent uploads, after all else."""
    links: Annotated[list[Link], Meta(max_length=MOST_METHODS)] = []
    """What the uploads of some targets go over."""
    checks: Cases = []
    """Cases of the check: in place of all else, or limits that are measured after the uploads."""
    exceptions: list[KnownException] = []
    """What is known of them."""
    versions: dict[str, dict[str, str]] = {}
    configs: dict[str, str] = {}
    """The text of every config file, by its path."""
    config_names: dict[str, list[str]] = {}
    """Which of them a deployment uses."""

    @property
    def of_clients(self) -> bool:
        """Whether clients are checked, not servers."""
        return any(target.tier == CLIENT for target in self.targets)

    @property
    def is_check(self) -> bool:
        """Whether it tries cases and does nothing else. Only then are they judged."""
        return bool(self.checks) and not (self.cells or self.load)
