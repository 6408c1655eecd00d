"""The groups `servers` and `fronts` in containers: each deployment starts there and keeps its promise."""

from pathlib import Path

import pytest
from uploadlab.model.checks import Verdict
from uploadlab.model.deployments import CORE
from uploadlab.storage.run_folder import RunFolder

from .helpers import ALL_DEPLOYMENTS, lab, need

pytestmark = pytest.mark.containers
ADDED = [name for name, made in ALL_DEPLOYMENTS.items() if made.group != CORE]


def test_each_deployment_starts_and_keeps_the_tuned_ones_promise(tmp_path: Path) -> None:
    need("docker")
    words = ["--group", "servers,fronts", "--cases", "content-length,chunked,digest"]
    done = lab("check", *words, "--runtime", "docker", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = tmp_path.glob("*-check")
    rows = RunFolder(folder).read_checks()
    assert {row.deployment for row in rows if row.verdict is not Verdict.UNAVAILABLE} == set(ADDED)
