"""What a run measures with, as protocols."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from uploadlab.catalogue.payloads import Payload
from uploadlab.model.cells import Task
from uploadlab.model.deployments import Deployment, Foreign, Target
from uploadlab.model.measurements import Measurement, Outcome


class Runtime(Protocol):
    """What starts deployments and turns them into targets."""

    def lacks(self, deployments: list[Deployment]) -> str:
        """What they need and cannot have here, and what to type."""

    def start(self, deployments: list[Deployment]) -> list[Target]:
        """Start all; one that cannot start says why in its target."""

    def explain(self, name: str) -> str:
        """Why a deployment died, if it did."""

    def stop(self) -> None:
        """Stop what was started."""


class Sender(Protocol):
    """What uploads and verifies: ``client.Client``, or a fake one in tests."""

    def measure(
        self,
        url: str,
        method: str,
        payload: Payload,
        budget_seconds: float,
        foreign: Foreign | None = None,
    ) -> Outcome:
        """One verified upload."""

    def profile(
        self, url: str, method: str, payload: Payload, budget_seconds: float, kind: str
    ) -> tuple[Outcome, dict[str, bytes], str]:
        """One upload under a profiler: what became of it, the profile's files, why there are none."""

    def wait_healthy(
        self, target: Target, seconds: float, explain: Callable[[], str]
    ) -> tuple[dict[str, str], str]:
        """Versions, and why the target is not healthy."""

    def wait_idle(self, url: str, seconds: float) -> bool:
        """Whether the target became idle."""


class Watcher(Protocol):
    """What shows the progress."""

    def note(self, text: str) -> None:
        """Say something on a line of its own."""

    def began(self, what: str) -> None:
        """Something starts that will be saved."""

    def ended(self, left: int, seconds_left: float) -> None:
        """It is saved, and so much is left."""


class Patience(Protocol):
    """What ends a run before its plan does: ``compare.stopping.Stopping``."""

    @property
    def seconds_left(self) -> float:
        """How long it may go on."""

    def left(self, tasks: Sequence[Task], row: Measurement) -> list[Task]:
        """Of these uploads those that are worth it, after that one."""


class Bench(NamedTuple):
    """What a run measures with."""

    sender: Sender
    data_dir: Path
    explain: Callable[[str], str]
    """Why a deployment has died; empty if it has not."""
    patience: Patience | None = None
    """None: all that is planned is measured."""
