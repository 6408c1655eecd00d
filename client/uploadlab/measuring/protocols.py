"""The parts that a run is carried out with, as protocols, and what every stage is given."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from uploadlab.catalogue.payloads import Payload
from uploadlab.model.deployments import Deployment, Target
from uploadlab.model.measurements import Outcome
from uploadlab.model.runs import Run
from uploadlab.model.targets import TargetSpec
from uploadlab.runtimes.link.lines import Links
from uploadlab.storage.run_folder import RunFolder

Item = TypeVar("Item")
Address = tuple[str, int]
"""Host and port."""


class Runtime(Protocol):
    """A way to start deployments, which turns them into targets."""

    def lacks(self, deployments: list[Deployment]) -> str:
        """Return what the deployments need and cannot have here, and what to type."""

    def start(self, deployments: list[Deployment]) -> list[Target]:
        """Start all; the target of a deployment that cannot start says why."""

    def explain(self, name: str) -> str:
        """Return why a deployment died; empty if it did not."""

    def stop(self) -> None:
        """Stop what was started."""


class Sender(Protocol):
    """A client that uploads and verifies: ``sending.client.Client``, or a fake in tests."""

    def measure(
        self,
        url: str,
        method: str,
        payload: Payload,
        budget_seconds: float,
        foreign: TargetSpec | None = None,
        through: Address | None = None,
        packages: Sequence[str] = (),
    ) -> Outcome:
        """Upload once and verify; the upload alone goes ``through`` a line.

        The client loads these packages before its own.
        """

    def versions_for(self, packages: Sequence[str]) -> dict[str, str]:
        """Return the versions of what the client loads with these packages, as far as clients differ."""

    def profile(
        self, url: str, method: str, payload: Payload, budget_seconds: float, kind: str
    ) -> tuple[Outcome, dict[str, bytes], str]:
        """Upload once under a profiler: the outcome, the profile's files, and why there are none."""

    def wait_healthy(
        self, target: Target, seconds: float, explain: Callable[[], str]
    ) -> tuple[dict[str, str], str]:
        """Return versions, and why the target is not healthy."""

    def wait_idle(self, url: str, seconds: float) -> bool:
        """Return whether the target became idle."""


class Watcher(Protocol):
    """A display of the progress."""

    def note(self, text: str) -> None:
        """Print a line of its own."""

    def began(self, what: str) -> None:
        """Show what has started; it will be saved."""

    def ended(self, left: int, seconds_left: float) -> None:
        """Show that it is saved, and how much is left."""


class Workbench(NamedTuple):
    """A run, and all that its stages work with."""

    run: Run
    folder: RunFolder
    """Where rows are saved, each as soon as it is known."""
    data_dir: Path
    sender: Sender
    explain: Callable[[str], str]
    """Why a deployment has died; empty if it has not."""
    links: Links | None = None
    """What opens the links of targets that are behind one."""


class Stage(Protocol[Item]):
    """A part of a run, made from a Workbench: uploads, profiles, checks or load."""

    name: str
    """What the progress calls its items: ``uploads``."""

    def remaining(self) -> Sequence[Item]:
        """Return what the run's folder lacks, in order. Writes nothing."""

    def execute(self, items: Sequence[Item], watcher: Watcher) -> None:
        """Do these, saving each; raise LabError."""
