"""The groups `servers` and `fronts` in containers: each program starts there and keeps its promise.

A stock row has the image and the program of its tuned one: test_servers.py and test_fronts.py start it as
processes, and test_compose_file.py reads how its container is confined.
"""

from pathlib import Path

import pytest
from uploadlab.model.checks import Verdict
from uploadlab.model.deployments import CORE
from uploadlab.storage.run_folder import RunFolder

from .helpers import ALL_DEPLOYMENTS, lab, need

pytestmark = pytest.mark.containers
ADDED = {name: made for name, made in ALL_DEPLOYMENTS.items() if made.group != CORE}
TUNED = {(made.needs[0], made.tls) for made in ADDED.values() if made.tier == "tuned"}
STARTED = [
    name for name, made in ADDED.items() if made.tier == "tuned" or (made.needs[0], made.tls) not in TUNED
]


def test_each_program_starts_and_keeps_the_tuned_ones_promise(tmp_path: Path) -> None:
    need("docker")
    words = ["--deployments", ",".join(STARTED), "--cases", "content-length,chunked,digest"]
    done = lab("check", *words, "--runtime", "docker", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = tmp_path.glob("*-check")
    rows = RunFolder(folder).read_checks()
    assert {row.deployment for row in rows if row.verdict is not Verdict.UNAVAILABLE} == set(STARTED)
