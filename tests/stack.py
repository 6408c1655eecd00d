"""A checkout whose containers are up, as its user has it."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from uploadlab.runtimes.compose import port_variable

from .checkout import copy_checkout
from .engine import docker
from .helpers import DEPLOYMENTS

VIEWER = "viewer"
ANOTHER = 12345
"""Some user who is not root."""
A_FEW = """
title = "A few of the cells of smoke."

[[cells]]
methods = ["request.stream", "request.stream-chunked"]
sizes = ["1MiB"]

[load]
methods = ["request.stream"]
sizes = ["1MiB"]
users = [2]
seconds = 0.2
"""
"""For another user: what arrives is the same for every user."""
ONE_SIZE = re.compile(r', "8MiB"(?=\])')
"""More than a container's /tmp holds, a check sends there."""
AS_ME = pytest.mark.parametrize("stack", ["me"], indirect=True)
"""For what takes long, and is the same for every user."""


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


@contextmanager
def started(user: int | None) -> Iterator[Stack]:
    """Up, after a run of `smoke`; gone at the end, whatever the tests have done."""
    root = Path(tempfile.mkdtemp(prefix="lab-checkout-"))
    root.chmod(0o755)
    copy_checkout(root)
    plan = root / "configs/plans/smoke.toml"
    # Beside a busy host, a server that reads by lines takes longer than a minute.
    plan.write_text(A_FEW if user else "budget_seconds = 600\n" + ONE_SIZE.sub("", plan.read_text()))
    if user:
        for path in [root, *root.rglob("*")]:
            os.chown(path, user, user)
    one = Stack(root, f"{root.name}".lower().replace("_", "-"), user)
    try:
        yield one._replace(first_up=one.compose("up", "--build", LAB_PLAN="smoke"))
    finally:
        one.compose("--profile", "ui", "down", "--volumes", "--remove-orphans", "--timeout", "5")
        shutil.rmtree(root)
