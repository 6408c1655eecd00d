"""A checkout whose containers are up, as its user has it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from uploadlab.runtimes.compose import port_variable

from .engine import docker
from .helpers import DEPLOYMENTS

VIEWER = "viewer"


class Stack(NamedTuple):
    """A checkout with a Compose project of its own, used by some user."""

    root: Path
    project: str
    user: int | None
    first_up: subprocess.CompletedProcess[str] | None = None

    def compose(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.as_user(), "docker", "compose", *words],
            cwd=self.root,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def environment(self, **more: str) -> dict[str, str]:
        ports = {port_variable(name): "0" for name in [*DEPLOYMENTS, "locust-ui", VIEWER]}
        home = {"HOME": str(self.root)} if self.user else {}
        return {**os.environ, **ports, **home, "COMPOSE_PROJECT_NAME": self.project, **more}

    def as_user(self) -> list[str]:
        if self.user is None:
            return []
        group = Path("/var/run/docker.sock").stat().st_gid
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", f"--groups={group}"]

    def inspect(self, service: str) -> dict[str, Any]:
        (found,) = json.loads(docker("inspect", f"{self.project}-{service}-1"))
        return dict(found)

    def url(self, service: str) -> str:
        return f"http://{self.compose('port', service, '8000').stdout.strip()}"

    def left(self) -> list[str]:
        """All that the engine still has of this project."""
        label = f"label=com.docker.compose.project={self.project}"
        kinds = (["ps", "-aq"], ["volume", "ls", "-q"], ["network", "ls", "-q"])
        return [name for kind in kinds for name in docker(*kind, "--filter", label).split()]
