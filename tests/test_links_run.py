"""``lab run --link``, from the command to the rows, with links of a test's own."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from uploadlab.declared.goals import Goals
from uploadlab.load.job import LoadJob, StepResult
from uploadlab.load.stage import LoadStage
from uploadlab.measuring.protocols import Workbench
from uploadlab.measuring.uploads import UploadStage
from uploadlab.model.cells import Cell, Planned, Step
from uploadlab.model.deployments import Target
from uploadlab.model.links import Link
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.targets import TargetSpec
from uploadlab.presenting.report import document_of
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.link.lines import Links
from uploadlab.runtimes.local import free_ports
from uploadlab.storage.run_folder import RunFolder

from .checkout import CEILING, checkout, leave_one_ceiling
from .helpers import RUN, environment
from .listening import listen
from .test_commands import only_run
from .test_lab import Fake
from .upload_apps import self_signed, upload_app

pytestmark = pytest.mark.slow

LINKS = """
[near]
title = "quick enough for a test"
up = "100Mbit/s"
round_trip_ms = 2

[waits]
title = "an upload of 64 KiB takes a second"
up = "100Mbit/s"
stalls = [{ after = "32KiB", seconds = 1 }]

[cut]
title = "ends twice"
cuts = [{ after = "100KiB", by = "rst" }, { after = "100KiB", by = "fin" }]
"""
PLAN = """
title = "Over each link."
budget_seconds = 20
[[cells]]
methods = ["request.stream", "curl.stream"]
sizes = ["64KiB"]
warmup = "1KiB"
links = ["near", "waits"]
[load]
methods = ["request.stream"]
deployments = ["flask"]
links = ["cut"]
sizes = ["64KiB"]
users = [2]
seconds = 0.1
"""
WAYS = ("request.stream", "curl.stream")
CELLS = {
    f"{name}@{link}/{way}/65536"
    for name in ("flask", "gunicorn", CEILING)
    for link in ("near", "waits")
    for way in WAYS
}


class Lab(NamedTuple):
    """A checkout with links of its own."""

    folder: Path

    def __call__(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "uploadlab", *map(str, words)]
        return subprocess.run(
            command, cwd=self.folder, env=environment(PYTHONPATH=str(self.folder / "client")),
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip


class Done(NamedTuple):
    """A run over two links, with nothing but its uploads; then one row is lost, and it is resumed."""

    before: list[Measurement]
    folder: RunFolder


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = checkout(tmp_path_factory.mktemp("checkout"))
    leave_one_ceiling(folder)
    (folder / "configs" / "links.toml").write_text(LINKS)
    (folder / "configs" / "plans" / "over.toml").write_text(PLAN)
    return Lab(folder)


@pytest.fixture(scope="module")
def measured(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Done:
    out = tmp_path_factory.mktemp("over") / "out"
    words = ("--plan", "over", "--deployments", "flask,gunicorn", "--seed", "3", "--out", out)
    done = lab("run", "--runtime", "local", *words)
    assert done.returncode == 0, done.stderr
    folder = only_run(out)
    before = rows_of(folder)
    rows = (folder.path / "measurements.jsonl").read_text().splitlines(keepends=True)
    kept = [row for row in rows if "gunicorn@near/request.stream" not in row]
    (folder.path / "measurements.jsonl").write_text("".join(kept))
    resumed = lab("resume", folder.path, "--load", "--workers", "1")
    assert resumed.returncode == 0, resumed.stderr
    return Done(before, folder)


def rows_of(folder: RunFolder) -> list[Measurement]:
    return [row for row in folder.read_measurements() if not row.warmup]


def test_rows_are_of_targets_behind_links_and_the_run_has_these_links(measured: Done) -> None:
    found = {row.cell_id: (row.status, row.digest_ok) for row in measured.before}
    assert found == dict.fromkeys(CELLS, (Status.OK, True))
    stored = json.loads((measured.folder.path / "run.json").read_text())
    assert {link["name"]: len(link.get("stalls", [])) for link in stored["links"]} == {
        "near": 0, "waits": 1, "cut": 0,
    }  # fmt: skip
    assert min(row.seconds or 0 for row in measured.before if "@waits" in row.deployment) >= 1


def test_uploads_over_slow_links_are_made_side_by_side(measured: Done) -> None:
    spans = sorted(
        (datetime.fromisoformat(row.started_at).timestamp(), row.seconds or 0, row.deployment)
        for row in measured.before
        if row.deployment.endswith("@waits")
    )
    overlaps = [{first[2], second[2]} for first, second in pairwise(spans) if second[0] < first[0] + first[1]]
    assert any(len(names) == 2 for names in overlaps), spans


def test_what_to_type_next_names_what_the_lab_can_start(measured: Done) -> None:
    commands = document_of(measured.folder, Goals()).commands
    assert commands["To see whether broken uploads are refused"].endswith(
        "check --deployments flask,gunicorn"
    )
    assert [name for name, text in commands.items() if re.search(r"--deployments \S*@", text)] == []


def test_a_run_over_links_goes_on_and_measures_only_what_is_left(measured: Done) -> None:
    before = {row.cell_id: row.started_at for row in measured.before}
    after = {row.cell_id: (row.status, row.started_at) for row in rows_of(measured.folder)}
    lost = "gunicorn@near/request.stream/65536"
    assert after.pop(lost)[0] is Status.OK
    assert after == {cell: (Status.OK, at) for cell, at in before.items() if cell != lost}


def test_all_users_of_a_step_share_a_line(measured: Done) -> None:
    names = ["flask", CEILING]
    steps = {step.step_id: (step.status, step.error) for step in measured.folder.read_steps()}
    assert steps == {f"{name}@cut/request.stream/65536/2": (Status.OK, None) for name in names}
    for name in names:
        uploads = [row for row in measured.folder.read_uploads() if row.step_id.startswith(f"{name}@")]
        # Two cuts for both: a line of each user would have cut all its uploads but one.
        assert sorted(row.status for row in uploads if row.status is not Status.OK) == [Status.FAILED] * 2
        assert len({row.user for row in uploads}) == 2


def test_a_server_of_ones_own_keeps_its_names_and_its_limit_over_all_links(lab: Lab, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "ca", "DNS:localhost")
    with upload_app(tmp_path / "a") as plain, upload_app(tmp_path / "b", certificate) as tls:
        named = tls.url.replace("127.0.0.1", "localhost")
        words = ("--target", f"plain={plain.url}/up", "--target", f"tls={named}/up", "--ca-file", certificate)
        limits = ("--max-bytes", "150KB", "--methods", "request.stream", "--rounds", "2")
        where = ("--runtime", "local", "--out", tmp_path / "out")
        done = lab("run", "--plan", "over", *words, "--expect-status", "200", *limits, *where)
        assert done.returncode == 0, done.stderr
        heads = {app: {head["Host"] for head in app.heads} for app in (plain, tls)}
    assert heads == {plain: {plain.url.partition("//")[2]}, tls: {named.partition("//")[2]}}
    assert 64 << 10 < plain.received_bytes <= 150_000 and 64 << 10 < tls.received_bytes <= 150_000
    rows = [row for row in rows_of(only_run(tmp_path / "out")) if row.deployment.startswith(("plain", "tls"))]
    assert {(row.deployment.partition("@")[0], row.status) for row in rows} == {
        (name, Status.UNVERIFIED) for name in ("plain", "tls")
    }
    assert "--max-bytes 0.15MB of tls is used up" in done.stderr


class Crowd(Fake):
    """Users that send nothing; their jobs are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[LoadJob] = []

    def do(self, job: LoadJob) -> StepResult:
        self.jobs.append(job)
        return super().do(job)


NEAR, DSL = Link(name="near", title="near"), Link(name="dsl", title="dsl", up=1_000_000, round_trip=0.5)


@contextmanager
def bench_of(path: Path, url: str, why: str = "", most_bytes: int = 0) -> Iterator[Workbench]:
    """A run of an upload and a step over each link; ``why`` says why the server has died."""
    spec = TargetSpec(max_bytes=most_bytes) if most_bytes else None
    targets = [Target("mine", url, spec=spec).over(link.name) for link in (NEAR, DSL)]
    cells = [Cell(target.name, "request.stream", 1000) for target in targets]
    run = msgspec.structs.replace(
        RUN, targets=targets, links=[NEAR, DSL], cells=[Planned(cell, 1, 1) for cell in cells],
        load=[Step(cell, 2, 1.0, slow_users=1) for cell in cells],
    )  # fmt: skip
    explain = lambda name: why and f"{name} {why}"  # noqa: E731
    with Processes() as processes:
        yield Workbench(run, RunFolder.create(path, "r"), path, Fake(), explain, Links(processes))


def do_all(bench: Workbench) -> tuple[set[tuple[Status, str]], list[LoadJob]]:
    """How all uploads and steps ended, and what the users were given to do."""
    crowd = Crowd()
    for stage in (UploadStage(bench), LoadStage(bench, crowd)):
        stage.execute(stage.remaining(), Fake())  # type: ignore[arg-type]
    rows = [(row.status, str(row.error)) for row in rows_of(bench.folder)]
    return {*rows, *((step.status, str(step.error)) for step in bench.folder.read_steps())}, crowd.jobs


def test_what_a_link_does_not_reach_is_a_row_with_its_reason(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    with bench_of(tmp_path, f"http://{nobody}") as bench:
        found, jobs = do_all(bench)
    why = f"cannot reach {nobody}: Connection refused; check that the server runs and listens there"
    assert found == {(Status.FAILED, f"link {link} {why}") for link in ("near", "dsl")}
    assert jobs == []


def test_a_deployment_that_died_behind_a_link_is_explained(tmp_path: Path) -> None:
    with bench_of(tmp_path, "http://127.0.0.1:1", why="has died") as bench:
        found, _ = do_all(bench)
    assert found == {(Status.UNAVAILABLE, "mine has died")}


def test_users_have_the_time_of_their_line_and_share_what_a_server_may_get(tmp_path: Path) -> None:
    with (
        listen(lambda connection: connection.close()) as url,
        bench_of(tmp_path, url, most_bytes=60_000) as bench,
    ):
        found, jobs = do_all(bench)
    assert {status for status, _ in found} == {Status.OK}
    assert len({job.line for job in jobs}) == 2 and all(job.line.startswith("127.0.0.1:") for job in jobs)
    extra = {job.step.cell.deployment: job.budget_seconds - RUN.budget_seconds for job in jobs}
    assert extra == pytest.approx({"mine@near": 0, "mine@dsl": 3 * 1000 / 1e6 + 4 * 0.5})
    # Half of what the uploads left: the rest is for the same server over the other link.
    assert [job.most_bytes for job in jobs] == [4000, 8000]


def test_workers_on_other_machines_do_not_send_over_a_link(lab: Lab, tmp_path: Path) -> None:
    words = ("--plan", "over", "--load", "--expect-workers", "2", "--out", tmp_path / "out")
    done = lab("run", "--runtime", "local", *words)
    assert done.returncode == 2
    assert "--expect-workers: a link begins on this host's loopback" in done.stderr
    assert not (tmp_path / "out").exists()
