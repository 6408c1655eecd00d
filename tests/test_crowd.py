"""A crowd of users, with a real Locust and real servers."""

from pathlib import Path

import pytest
from uploadlab.declared.compose import config_texts
from uploadlab.model.measurements import Status
from uploadlab.paths import ROOT
from uploadlab.units import MIB

from .helpers import DEPLOYMENTS, lab, need
from .test_load_stage import steps_of

pytestmark = pytest.mark.slow


def test_long_queues_hold_a_crowd_of_200(tmp_path: Path, one_ceiling: dict[str, str]) -> None:
    need("nginx", "uwsgi")
    tuned = [name for name, one in DEPLOYMENTS.items() if "listen = 1024" in str(config_texts(ROOT, [one]))]
    assert len(tuned) == 3 and "uwsgi-tuned" in tuned
    name = "uwsgi-tuned"  # the queue is the kernel's: the same number makes the same queue for all of them
    words = ("--plan", "crowd", "--methods", "request.stream", "--deployments", name)
    done = lab("--runtime", "local", *words, "--out", tmp_path, **one_ceiling)
    assert done.returncode == 0, done.stderr
    folder, steps = steps_of(tmp_path)
    rows = folder.read_uploads()
    step_id = f"{name}/request.stream/{MIB}/200"
    assert (steps[step_id].status, steps[step_id].error) == (Status.OK, None)
    mine = [row for row in rows if row.step_id == step_id]
    assert len({row.user for row in mine}) == 200
    assert {(row.status, row.digest_ok, row.stored_bytes) for row in mine} == {(Status.OK, True, MIB)}
