"""The doctor and a user who names a wrong thing: it is said at once, and nothing false is concluded."""

import pytest

from .fake_server import serve
from .helpers import lab

pytestmark = pytest.mark.slow


def test_a_far_end_that_is_not_mounted_is_said_and_proves_nothing() -> None:
    words = ["--probe", "/upload-lab-probe", "--token", "t" * 20, "--rungs", "0.1", "--budget", "3MB"]
    with serve(POST=(201, {})) as fake:
        done = lab("doctor", f"{fake.url}/up", *words)
    lines = done.stdout.splitlines()
    assert "No far end answers at /upload-lab-probe (201): check that it is mounted" in "".join(lines[1:5])
    assert "proven" not in done.stdout
    assert "without the far end" in done.stdout


def test_a_budget_that_is_too_small_is_refused() -> None:
    done = lab("doctor", "http://127.0.0.1:9/up", "--budget", "1KB")
    assert done.returncode == 2
    assert "--budget 1KB: too little to find anything; 1MB is the least" in done.stderr


def test_a_port_where_nothing_listens_is_no_healthy_server() -> None:
    done = lab("doctor", "http://127.0.0.1:9/up")
    assert done.returncode == 1
    assert done.stdout.startswith("http://127.0.0.1:9/up could not be examined\n")
    assert "Connection refused" in done.stdout
    assert "curl -v http://127.0.0.1:9/up" in done.stdout
