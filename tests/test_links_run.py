"""``lab run --link``, from the command to the rows, with links of a test's own."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from uploadlab.model.measurements import Measurement, Status
from uploadlab.runtimes.local import free_ports
from uploadlab.storage.run_folder import RunFolder

from .checkout import checkout
from .helpers import REFERENCES, environment
from .raw_server import keep
from .test_commands import only_run

pytestmark = pytest.mark.slow

LINKS = """
[near]
title = "quick enough for a test"
up = "100Mbit/s"
round_trip_ms = 2

[waits]
title = "an upload of 64 KiB takes a second"
stalls = [{ after = "32KiB", seconds = 1 }]
up = "100Mbit/s"

[cut]
title = "ends twice"
cuts = [{ after = "100KiB", by = "rst" }, { after = "100KiB", by = "fin" }]
"""
PLAN = """
title = "Over each link."
budget_seconds = 20
[[cells]]
methods = ["request.stream"]
sizes = ["64KiB"]
warmup = "1KiB"
links = ["near", "waits"]
[load]
methods = ["request.stream"]
links = ["near", "cut"]
sizes = ["64KiB"]
users = [2]
seconds = 0.1
"""
THANKS = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NAMES = ["flask", "gunicorn", *REFERENCES]


class Lab(NamedTuple):
    """A checkout with links of its own, and where its runs go."""

    folder: Path

    def __call__(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "uploadlab", *map(str, words)]
        return subprocess.run(
            command, cwd=self.folder, env=environment(PYTHONPATH=str(self.folder / "client")),
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip

    def run(self, out: Path, *words: str | Path) -> tuple[str, RunFolder]:
        """What ``lab run`` prints, and the run's folder."""
        done = self("run", "--runtime", "local", "--out", out, *words)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout + done.stderr, only_run(out)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = checkout(tmp_path_factory.mktemp("checkout"))
    (folder / "configs" / "links.toml").write_text(LINKS)
    (folder / "configs" / "plans" / "over.toml").write_text(PLAN)
    return Lab(folder)


@pytest.fixture(scope="module")
def measured(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of that plan, with its load."""
    words = ("--plan", "over", "--deployments", "flask,gunicorn", "--load", "--workers", "1", "--seed", "3")
    return lab.run(tmp_path_factory.mktemp("over") / "out", *words)[1]


def rows_of(folder: RunFolder) -> list[Measurement]:
    return [row for row in folder.read_measurements() if not row.warmup]


def test_rows_are_of_targets_behind_links_and_the_run_has_these_links(measured: RunFolder) -> None:
    cells = {f"{name}@{link}/request.stream/65536" for name in NAMES for link in ("near", "waits")}
    assert {row.cell_id: (row.status, row.digest_ok) for row in rows_of(measured)} == dict.fromkeys(
        cells, (Status.OK, True)
    )
    stored = json.loads((measured.path / "run.json").read_text())
    assert {link["name"]: len(link.get("stalls", [])) for link in stored["links"]} == {
        "near": 0, "waits": 1, "cut": 0,
    }  # fmt: skip
    assert min(row.seconds or 0 for row in rows_of(measured) if "@waits" in row.deployment) >= 1


def test_uploads_over_slow_links_are_made_side_by_side(measured: RunFolder) -> None:
    spans = [
        (datetime.fromisoformat(row.started_at).timestamp(), row.seconds or 0.0)
        for row in rows_of(measured)
        if row.deployment in ("flask@waits", "gunicorn@waits")
    ]
    assert max(begin for begin, _ in spans) < min(begin + seconds for begin, seconds in spans)


def test_all_users_of_a_step_share_a_line(measured: RunFolder) -> None:
    steps = {step.step_id: (step.status, step.error) for step in measured.read_steps()}
    assert steps == {
        f"{name}@{link}/request.stream/65536/2": (Status.OK, None)
        for name in NAMES for link in ("near", "cut")
    }  # fmt: skip
    for name in NAMES:
        uploads = [row for row in measured.read_uploads() if row.step_id.startswith(f"{name}@")]
        whole = {row.status for row in uploads if "@near/" in row.step_id}
        assert whole == {Status.OK}
        # Two cuts for all of them: each user's own line would have both.
        cut = [row for row in uploads if "@cut/" in row.step_id and row.status is not Status.OK]
        assert [row.status for row in cut] == [Status.FAILED] * 2, name


def test_a_run_over_links_goes_on_and_measures_only_what_is_left(lab: Lab, measured: RunFolder) -> None:
    rows = (measured.path / "measurements.jsonl").read_text().splitlines(keepends=True)
    steps = (measured.path / "load" / "steps.jsonl").read_text().splitlines(keepends=True)
    lost = [row for row in rows if "gunicorn@near" in row]
    (measured.path / "measurements.jsonl").write_text("".join(row for row in rows if row not in lost))
    before = {row.cell_id: row.started_at for row in rows_of(measured)}
    done = lab("resume", measured.path)
    assert done.returncode == 0, done.stderr
    after = {row.cell_id: (row.status, row.started_at) for row in rows_of(measured)}
    assert after.pop("gunicorn@near/request.stream/65536")[0] is Status.OK
    assert after == {cell: (Status.OK, started_at) for cell, started_at in before.items()}
    assert (measured.path / "load" / "steps.jsonl").read_text().splitlines(keepends=True) == steps


def test_load_may_be_added_to_a_run_over_a_link(lab: Lab, tmp_path: Path) -> None:
    words = ("--link", "waits", "--plan", "smoke", "--methods", "request.stream", "--sizes", "1KiB")
    _, folder = lab.run(tmp_path / "out", *words, "--deployments", "flask")
    assert lab("resume", folder.path, "--load", "--workers", "1").returncode == 0
    assert {step.step_id.partition("/")[0] for step in folder.read_steps()} == {
        f"{name}@waits" for name in ("flask", *REFERENCES)
    }
    assert {row.status for row in folder.read_uploads()} == {Status.OK}


@pytest.mark.parametrize("kind", ["run", "load"])
def test_a_server_of_ones_own_keeps_its_host_and_is_counted_over_all_links(
    lab: Lab, tmp_path: Path, kind: str
) -> None:
    with keep(THANKS) as server:
        address = server.url.partition("//")[2]
        own = ("--target", f"mine={server.url}/up", "--expect-status", "200", "--max-bytes", "150KB")
        plan = ("--plan", "over") if kind == "run" else ("--plan", "slow-clients", "--sizes", "8KiB")
        said, folder = lab.run(tmp_path / "out", *own, *plan, "--link", "near,waits", "--workers", "1")
    puts = [request for request in server.received if request.startswith(b"POST /up")]
    assert puts and all(f"\r\nHost: {address}\r\n".encode() in request for request in puts)
    assert sum(len(request) for request in puts) <= 150_000
    found = {row.status for row in [*rows_of(folder), *folder.read_uploads()] if "mine" in repr(row)}
    assert Status.UNVERIFIED in found
    assert "--max-bytes 0.15MB of mine is used up" in " ".join(said.split())


def test_what_a_link_does_not_reach_is_a_row_with_its_reason(lab: Lab, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}/up"
    said, folder = lab.run(
        tmp_path / "out", "--target", f"mine={nobody}", "--expect-status", "200", "--plan", "over"
    )
    rows = [row for row in rows_of(folder) if row.deployment.startswith("mine@")]
    assert {row.deployment for row in rows} == {"mine@near", "mine@waits"}
    assert {row.status for row in rows} <= {Status.UNAVAILABLE, Status.FAILED}
    assert all("refused" in str(row.error) for row in rows), rows
    assert "nothing arrived at mine" in said


def test_workers_on_other_machines_do_not_send_over_a_link(lab: Lab, tmp_path: Path) -> None:
    words = ("--plan", "over", "--load", "--expect-workers", "2", "--out", tmp_path / "out")
    done = lab("run", "--runtime", "local", *words)
    assert done.returncode == 2
    assert "--expect-workers: a link begins on this host's loopback" in done.stderr
    assert not (tmp_path / "out").exists()
