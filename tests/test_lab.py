"""The order of things in a run, with a fake runtime and a fake client."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest
from uploadlab.catalogue.payloads import Payload
from uploadlab.checking.stage import CheckStage
from uploadlab.errors import LabError
from uploadlab.load.job import LoadJob, StepResult
from uploadlab.load.stage import LoadStage
from uploadlab.measuring.carry_out import carry_out
from uploadlab.measuring.prepare import Prepared, prepare, reopen, require_room
from uploadlab.measuring.profiles import ProfileStage
from uploadlab.measuring.protocols import Workbench
from uploadlab.measuring.uploads import UploadStage
from uploadlab.model.deployments import Deployment, Target
from uploadlab.model.load import LoadStep
from uploadlab.model.measurements import Measurement, Outcome, Status
from uploadlab.model.order import Order
from uploadlab.model.targets import TargetSpec
from uploadlab.planning.draft import draft
from uploadlab.storage.run_folder import RunFolder

from .helpers import REFERENCES, environment

ORDER = Order(
    plan="smoke", methods=["request.stream"], sizes=["1KiB"], rounds=2, deployments=["flask"], seed=3
)
PAIRS = 1 + len(REFERENCES)
"""Of deployment and method: each reference runs along."""


class Fake:
    """Runtime, client and screen in one; remembers what was asked of it, in order."""

    def __init__(self, status: Status = Status.OK, sick: str = "", break_after: int = 99) -> None:
        self.events: list[str] = []
        self.status, self.sick, self.break_after = status, sick, break_after

    def lacks(self, deployments: list[Deployment]) -> str:
        return ""

    def start(self, deployments: list[Deployment]) -> list[Target]:
        self.events.append(f"start {' '.join(one.name for one in deployments)}")
        return [one.target(f"http://{one.name}") for one in deployments]

    def explain(self, name: str) -> str:
        return f"{name} has died" if self.status is Status.FAILED or name == self.sick else ""

    def stop(self) -> None:
        self.events.append("stop")

    def wait_healthy(
        self, target: Target, seconds: float, explain: Callable[[], str]
    ) -> tuple[dict[str, str], str]:
        self.events.append(f"healthy {target.name}")
        return {"python": "3"}, explain() if target.name == self.sick else ""

    def measure(
        self,
        url: str,
        method: str,
        payload: Payload,
        budget_seconds: float,
        foreign: TargetSpec | None = None,
        through: tuple[str, int] | None = None,
        packages: Sequence[str] = (),
    ) -> Outcome:
        if self.break_after == 0:
            raise KeyboardInterrupt
        self.break_after -= 1
        name = url.removeprefix("http://")
        self.events.append(f"measure {name}")
        return self.outcome(name)

    def versions_for(self, packages: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(packages, "1")

    def outcome(self, name: str) -> Outcome:
        """What an upload to a deployment shows; other fakes have their own."""
        return Outcome(status=self.status, seconds=1.0)

    def wait_idle(self, url: str, seconds: float) -> bool:
        self.events.append(f"idle {url.removeprefix('http://')}")
        return True

    def profile(
        self, url: str, method: str, payload: Payload, budget_seconds: float, kind: str
    ) -> tuple[Outcome, dict[str, bytes], str]:
        self.events.append(f"profile {url.removeprefix('http://')} {kind}")
        return Outcome(status=self.status, seconds=2.0), {f"a.{kind}": b"content"}, ""

    def do(self, job: LoadJob) -> StepResult:
        if self.break_after == 0:
            raise KeyboardInterrupt
        self.break_after -= 1
        self.events.append(f"load {job.step.id}")
        return StepResult(LoadStep(step_id=job.step.id, started_at="", status=Status.OK), [])

    @contextmanager
    def watch(self, total: int, what: str) -> Iterator["Fake"]:
        self.events.append(f"{total} {what} to do")
        yield self

    def note(self, text: str) -> None:
        self.events.append(text)

    def began(self, what: str) -> None:
        self.events.append(what.rpartition(", ")[2])

    def ended(self, left: int, seconds_left: float) -> None:
        pass


def prepared_run(tmp_path: Path, order: Order = ORDER) -> Prepared:
    require_room(draft(order), tmp_path)
    return prepare(draft(order), RunFolder.create(tmp_path / "runs", "a-run"), tmp_path, "fake")


def go(prepared: Prepared, fake: Fake, tmp_path: Path) -> list[Measurement]:
    stages = (UploadStage, ProfileStage, CheckStage, partial(LoadStage, crowd=fake))
    carry_out(prepared, tmp_path, fake, fake, None, stages, fake.watch)
    return prepared.folder.read_measurements()


def test_a_run_starts_checks_warms_up_measures_and_stops(tmp_path: Path) -> None:
    fake = Fake()
    rows = go(prepared_run(tmp_path), fake, tmp_path)
    kinds = [event.split()[0] for event in fake.events]
    begin = ["start", *["healthy"] * PAIRS, str(3 * PAIRS)]
    assert kinds[: len(begin)] == begin
    assert kinds[len(begin) : -1 : 2] == ["warm-up"] * PAIRS + ["round"] * 2 * PAIRS
    assert [event for event in fake.events if event.startswith("round")] == [
        *["round 1"] * PAIRS,
        *["round 2"] * PAIRS,
    ]
    assert kinds[-1] == "stop"
    rounds = [number for number in (0, 1, 2) for _ in range(PAIRS)]
    assert [(row.warmup, row.round) for row in rows] == [(not number, number) for number in rounds]


def test_every_record_is_whole(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path)
    row = go(prepared, Fake(), tmp_path)[-1]
    assert row.run_id == prepared.run.id == prepared.folder.path.name
    assert row.cell_id == f"{row.deployment}/{row.method}/{row.size_bytes}"
    assert (row.size_bytes, row.seconds, row.status) == (1024, 1.0, Status.OK)
    assert row.started_at.endswith("+00:00")
    run = prepared.folder.read_run()
    assert run.seed == 3
    assert run.versions["flask"] == {"python": "3"}


def test_a_sick_deployment_is_a_row_and_the_rest_runs(tmp_path: Path) -> None:
    rows = go(prepared_run(tmp_path), Fake(sick="flask"), tmp_path)
    sick = [row for row in rows if row.deployment == "flask"]
    assert [(row.status, row.error) for row in sick] == [(Status.UNAVAILABLE, "flask has died")]
    assert [row.status for row in rows if row.deployment == "raw-sink"] == [Status.OK] * 3


def test_what_remains_is_a_question_that_writes_nothing(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path, LOAD)
    run, folder = prepared.run, prepared.folder
    run.profile, run.checks = True, ["empty-file"]
    run.targets = [msgspec.structs.replace(target, unavailable="no nginx") for target in run.targets]
    before = sorted(folder.path.rglob("*"))
    bench, fake = Workbench(run, folder, tmp_path, Fake(), lambda name: ""), Fake()
    stages = UploadStage(bench), ProfileStage(bench), CheckStage(bench), LoadStage(bench, fake)
    counts = [len(stage.remaining()) for stage in stages]
    assert counts == [len(run.cells), 0, len(run.targets), len(run.load)]
    assert sorted(folder.path.rglob("*")) == before
    assert folder.read_measurements() == []


def test_stages_need_no_library_that_only_some_runs_use() -> None:
    rooms = (
        "measuring.carry_out, uploadlab.measuring.profiles, uploadlab.checking.stage, uploadlab.load.stage"
    )
    text = f"import sys, uploadlab.{rooms}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment(), capture_output=True, text=True, check=True
    )
    assert not {"numpy", "locust", "jinja2"} & set(done.stdout.split())


def test_what_could_not_start_is_measured_when_the_run_goes_on(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path)
    go(prepared, Fake(sick="flask"), tmp_path)
    rows = go(reopen(prepared.folder, tmp_path), Fake(), tmp_path)
    measured = [row for row in rows if row.deployment == "flask" and row.status is Status.OK]
    assert [row.round for row in measured] == [0, 1, 2]


def test_a_target_that_did_not_answer_is_asked_again_when_the_run_goes_on(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path, msgspec.structs.replace(ORDER, targets={"mine": "http://mine"}))
    go(prepared, Fake(sick="mine"), tmp_path)
    rows = go(reopen(prepared.folder, tmp_path), Fake(), tmp_path)
    assert [row.round for row in rows if row.deployment == "mine" and row.status is Status.OK] == [0, 1, 2]


def test_a_run_on_another_filesystem_says_which(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path)
    go(prepared, Fake(), tmp_path)
    prepared.run.host = msgspec.structs.replace(prepared.run.host, data_filesystem="floppy")
    prepared.folder.write_run(prepared.run)
    with pytest.raises(LabError, match=r"stored on floppy.*the same --data-dir"):
        reopen(prepared.folder, tmp_path)


def test_a_run_is_not_gone_on_with_after_its_configs_changed(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path, msgspec.structs.replace(ORDER, deployments=["gunicorn"]))
    go(prepared, Fake(), tmp_path)
    name = next(name for name in prepared.run.configs if "gunicorn" in name)
    prepared.run.configs[name] += "# edited"
    prepared.folder.write_run(prepared.run)
    with pytest.raises(LabError, match=f"another {name}: start a new run"):
        reopen(prepared.folder, tmp_path)


def test_after_a_timeout_the_server_is_idle_again_and_the_cell_is_not_tried_again(tmp_path: Path) -> None:
    fake = Fake(Status.TIMEOUT)
    rows = go(prepared_run(tmp_path), fake, tmp_path)
    measured = [event for event in fake.events if event.startswith(("measure", "idle"))]
    assert [event.split()[0] for event in measured] == ["measure", "idle"] * 2 * PAIRS
    assert [row.round for row in rows if not row.warmup] == [1] * PAIRS


class Dying(Fake):
    """Its deployment dies in an upload, which then waits for an answer that never comes."""

    def explain(self, name: str) -> str:
        return "flask has died" if name == "flask" and "measure flask" in self.events else ""

    def outcome(self, name: str) -> Outcome:
        died = name == "flask"
        return Outcome(status=Status.TIMEOUT if died else Status.OK, error="over 60 s" if died else None)


def test_an_upload_that_waits_for_a_dead_server_has_failed_and_its_cell_is_measured_later(
    tmp_path: Path,
) -> None:
    prepared = prepared_run(tmp_path)
    rows = [row for row in go(prepared, Dying(), tmp_path) if row.deployment == "flask"]
    assert [(row.status, row.error) for row in rows] == [
        (Status.FAILED, "over 60 s; flask has died"), *[(Status.UNAVAILABLE, "flask has died")] * 2,
    ]  # fmt: skip
    rows = go(reopen(prepared.folder, tmp_path), Fake(), tmp_path)
    done = [row.round for row in rows if (row.deployment, row.status) == ("flask", Status.OK)]
    assert sorted(done) == [0, 1, 2]


@pytest.mark.parametrize("measured", [0, 1, 3, 5])
def test_an_interrupted_run_stops_and_goes_on_where_it_was(tmp_path: Path, measured: int) -> None:
    prepared, fake = prepared_run(tmp_path), Fake(break_after=measured)
    with pytest.raises(KeyboardInterrupt):
        go(prepared, fake, tmp_path)
    assert fake.events[-1] == "stop"
    if not measured:
        assert not prepared.folder.path.exists()
        return
    assert len(prepared.folder.read_measurements()) == measured
    rows = go(reopen(prepared.folder, tmp_path), Fake(), tmp_path)
    done = sorted((row.cell_id, row.round) for row in rows if not row.warmup)
    assert done == sorted((one.cell.id, number) for one in prepared.run.cells for number in (1, 2))


def test_a_run_that_is_done_has_nothing_left_to_do(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path)
    rows = go(prepared, Fake(), tmp_path)
    again = Fake()
    assert go(reopen(prepared.folder, tmp_path), again, tmp_path) == rows
    assert again.events[-2:] == ["healthy nginx-dav", "stop"]


def test_a_run_of_another_host_is_not_gone_on_with(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path)
    go(prepared, Fake(), tmp_path)
    text = (prepared.folder.path / "run.json").read_text()
    (prepared.folder.path / "run.json").write_text(text.replace('"cores": ', '"cores": 9'))
    with pytest.raises(LabError, match=r"another host \(cores differ\)"):
        reopen(prepared.folder, tmp_path)


def test_a_size_that_does_not_fit_is_told_before_anything_starts(tmp_path: Path) -> None:
    order = Order(plan="smoke", sizes=["9000000GiB"], deployments=["flask"])
    with pytest.raises(LabError, match="--data-dir"):
        prepared_run(tmp_path, order)
    assert not (tmp_path / "runs").exists()


LOAD = msgspec.structs.replace(ORDER, load=True, users=[1, 2])


def test_concurrent_uploads_come_last(tmp_path: Path) -> None:
    fake = Fake()
    prepared = prepared_run(tmp_path, LOAD)
    go(prepared, fake, tmp_path)
    kinds = [event.split()[0] for event in fake.events]
    assert kinds.count("load") == 2 * PAIRS
    assert kinds.index("load") > max(number for number, kind in enumerate(kinds) if kind == "measure")
    assert {one.step_id for one in prepared.folder.read_steps()} == {step.id for step in prepared.run.load}


def test_a_load_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path, LOAD)
    with pytest.raises(KeyboardInterrupt):
        go(prepared, Fake(break_after=3 * PAIRS + 1), tmp_path)
    assert len(prepared.folder.read_steps()) == 1
    fake = Fake()
    go(reopen(prepared.folder, tmp_path), fake, tmp_path)
    assert [event.split()[0] for event in fake.events].count("measure") == 0
    assert [event.split()[0] for event in fake.events].count("load") == 2 * PAIRS - 1


def test_what_uploads_are_passed_on_to_is_started_along_without_rows(tmp_path: Path) -> None:
    prepared, fake = prepared_run(tmp_path, msgspec.structs.replace(ORDER, methods=["relay"])), Fake()
    rows = go(prepared, fake, tmp_path)
    started = ["flask", "uwsgi-tuned", *REFERENCES]
    assert fake.events[: len(started) + 1] == [
        f"start {' '.join(started)}",
        *(f"healthy {name}" for name in started),
    ]
    assert {row.deployment for row in rows} == {"flask", *REFERENCES}
    run = prepared.folder.read_run()
    assert [target.name for target in run.targets] == ["flask", *REFERENCES]
    assert "configs/uwsgi/uwsgi-tuned.ini" in run.configs
    again = Fake()
    go(reopen(prepared.folder, tmp_path), again, tmp_path)
    assert again.events[0] == fake.events[0]


def test_load_can_be_added_to_a_stored_run(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path)
    go(prepared, Fake(), tmp_path)
    assert prepared.folder.read_steps() == []
    go(reopen(prepared.folder, tmp_path, load=True), Fake(), tmp_path)
    assert {one.status for one in prepared.folder.read_steps()} == {Status.OK}
    run = prepared.folder.read_run()
    assert run.load
    assert run.order and run.order.load


def test_a_sick_deployment_is_a_step_and_the_others_load_goes_on(tmp_path: Path) -> None:
    prepared = prepared_run(tmp_path, LOAD)
    go(prepared, Fake(sick="flask"), tmp_path)
    steps = {one.step_id.partition("/")[0]: one for one in prepared.folder.read_steps()}
    assert (steps["flask"].status, steps["flask"].error) == (Status.UNAVAILABLE, "flask has died")
    assert steps["raw-sink"].status is Status.OK


def test_a_plan_without_cells_is_load_only(tmp_path: Path) -> None:
    order = Order(plan="slow-clients", deployments=["flask"], seed=3)
    drafted = draft(order)
    assert drafted.cells == []
    assert {step.slow_users for step in drafted.steps} == {0, 8}
