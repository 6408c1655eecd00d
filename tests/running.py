"""All deployments of this host, really running."""

from pathlib import Path

from uploadlab.declared.compose import load_needs
from uploadlab.model.deployments import Deployment, Target
from uploadlab.paths import COMPOSE
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch
from uploadlab.sending.client import Client

from .helpers import DEPLOYMENTS, need


class Lab:
    """All deployments of this host, up at once."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        scratch = Scratch.make(processes, folder, "a path with spaces, & more")
        self.data = scratch.data_dir
        self.client = Client(processes)
        self.runtime = LocalRuntime(processes, scratch, folder, load_needs(COMPOSE))
        self.targets = {target.name: target for target in self.runtime.start([*DEPLOYMENTS.values()])}

    def target(self, one: Deployment) -> Target:
        """A healthy target; the test is skipped where its host lacks something."""
        need(*one.needs)
        target = self.targets[one.name]
        _, why = self.client.wait_healthy(target, 120, lambda: self.runtime.explain(one.name))
        assert why == ""
        return target

    def clear(self) -> None:
        """Remove what stays stored."""
        for name in self.targets:
            for path in self.stored_files(name):
                path.unlink(missing_ok=True)

    def stored_files(self, name: str) -> list[Path]:
        return [path for path in (self.data / name).rglob("*") if path.is_file()]
