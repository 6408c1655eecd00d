import gzip
import json
import os
import resource
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.analysis.grid import known_exception
from uploadlab.errors import LabError
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Status
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import SCHEMA_VERSION
from uploadlab.paths import REFERENCE
from uploadlab.storage.files import CHECKS, LOAD_STEPS, LOAD_UPLOADS, MEASUREMENTS, RUN_FILE
from uploadlab.storage.reader import read_run_folder
from uploadlab.storage.run_folder import RunFolder

from .helpers import RUN, measured


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "r")


def test_what_is_written_is_read_back(folder: RunFolder) -> None:
    rows = [measured("flask"), measured("raw-sink", seconds=None, status=Status.FAILED, error="x")]
    for row in rows:
        folder.append(row)
    run = msgspec.structs.replace(RUN, order=Order(plan="p"))
    folder.write_run(run)
    again = RunFolder(folder.path)
    assert again.read_measurements() == rows
    assert again.read_run() == run


def test_each_measurement_is_on_disk_at_once(folder: RunFolder) -> None:
    folder.append(measured("flask"))
    assert len((folder.path / MEASUREMENTS).read_text().splitlines()) == 1


def test_a_torn_last_line_is_left_out_and_overwritten(folder: RunFolder) -> None:
    folder.append(measured("flask"))
    with open(folder.path / MEASUREMENTS, "ab") as file:
        file.write(b'{"status": "ok", "sec')
    again = RunFolder(folder.path)
    assert len(again.read_measurements()) == 1
    again.append(measured("raw-sink"))
    assert [row.deployment for row in again.read_measurements()] == ["flask", "raw-sink"]


def test_a_packed_file_is_read_and_added_to_as_any(folder: RunFolder) -> None:
    folder.append(measured("flask"))
    subprocess.run(["gzip", folder.path / MEASUREMENTS], check=True)
    again = RunFolder(folder.path)
    assert again.has_results()
    assert [row.deployment for row in again.read_measurements()] == ["flask"]
    again.append(measured("raw-sink"))
    assert [row.deployment for row in again.read_measurements()] == ["flask", "raw-sink"]
    assert [path.name for path in folder.path.iterdir()] == [MEASUREMENTS]


def test_a_damaged_packed_file_is_noted_and_never_overwritten(folder: RunFolder) -> None:
    folder.write_run(RUN)
    damaged = gzip.compress(b"x" * 1000)[:-9]
    for name in (MEASUREMENTS, LOAD_STEPS):
        path = folder.path / f"{name}.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(damaged)
        assert f"{name}.gz is damaged and left out." in read_run_folder(folder).notices
    assert folder.read_measurements() == []
    with pytest.raises(LabError, match=r"measurements.jsonl.gz is damaged"):
        folder.append(measured("flask"))
    (folder.path / LOAD_UPLOADS).write_text("{}\n")
    with pytest.raises(LabError, match=r"steps.jsonl.gz is damaged"):
        folder.append_step(LoadStep(step_id="s", started_at="", status=Status.OK), [])
    assert (folder.path / f"{MEASUREMENTS}.gz").read_bytes() == damaged
    assert (folder.path / LOAD_UPLOADS).read_text() == "{}\n"


def test_a_damaged_line_is_left_out_and_noted(folder: RunFolder) -> None:
    folder.write_run(RUN)
    for number in (1, 2, 3):
        folder.append(measured("flask", round=number))
    lines = (folder.path / MEASUREMENTS).read_text().splitlines(keepends=True)
    (folder.path / MEASUREMENTS).write_text("".join([lines[0], "nonsense\n", lines[2]]))
    again = RunFolder(folder.path)
    assert [row.round for row in again.read_measurements()] == [1, 3]
    assert read_run_folder(again).notices == ["measurements.jsonl: 1 line is damaged and left out."]
    again.append(measured("flask", round=2))
    assert [row.round for row in again.read_measurements()] == [1, 3, 2]


def load_uploads(name: str, count: int) -> list[LoadUpload]:
    return [
        LoadUpload(
            step_id=name, user=str(number), slow=False, method="request.stream", size_bytes=1,
            started_at=1.0, seconds=1.0, status=Status.OK, sent_bytes=1,
        )
        for number in range(count)
    ]  # fmt: skip


def test_the_uploads_of_a_step_whose_line_is_damaged_do_not_count_beside_those_of_its_next_try(
    folder: RunFolder,
) -> None:
    for name, count in (("a", 1), ("b", 2), ("c", 3)):
        step = LoadStep(step_id=name, started_at="", status=Status.OK)
        folder.append_step(step, load_uploads(name, count))
    path = folder.path / LOAD_STEPS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "nonsense\n", lines[2]]))
    assert [step.step_id for step in folder.read_steps()] == ["a", "c"]
    assert [upload.step_id for upload in folder.read_uploads()] == ["a", "c", "c", "c"]
    folder.append_step(LoadStep(step_id="b", started_at="", status=Status.OK), load_uploads("b", 2))
    assert [upload.step_id for upload in folder.read_uploads()] == ["a", "c", "c", "c", "b", "b"]
    os.truncate(folder.uploads_file, 0)  # by a power cut
    folder.append_step(LoadStep(step_id="d", started_at="", status=Status.OK), load_uploads("d", 2))
    assert [upload.step_id for upload in folder.read_uploads()] == ["d", "d"]


OLD_CHECK = Path(__file__).parent / "old_check"
"""A check of all deployments before its attempts and exceptions had codes."""


def old_check() -> list[dict[str, Any]]:
    """Rows as they were before they had codes."""
    with gzip.open(OLD_CHECK / f"{CHECKS}.gz") as file:
        return [json.loads(line) for line in file]


def test_an_old_check_has_codes_by_which_its_old_exceptions_match_as_by_their_texts() -> None:
    folder = RunFolder(OLD_CHECK)
    stored = json.loads((folder.path / RUN_FILE).read_text())["exceptions"]
    run, rows = folder.read_run(), folder.read_checks()
    assert [known.fix for known in run.exceptions] == [known["mend"] for known in stored]
    texts = [
        next(
            (
                known["name"]
                for known in stored
                if row["case"] in known["cases"]
                and row["deployment"] in known["deployments"]
                and row["verdict"] in ("fail", "silent loss")
                and any(fnmatchcase(row["text"], pattern) for pattern in known["shows"])
            ),
            None,
        )
        for row in old_check()
    ]
    covers = [known_exception(row, run.exceptions) for row in rows]
    assert [known.name if known else None for known in covers] == texts
    assert len({name for name in texts if name}) == 4


def test_a_full_disk_keeps_what_was_measured(folder: RunFolder) -> None:
    folder.append(measured("flask"))
    full_bytes = (folder.path / MEASUREMENTS).stat().st_size + 100
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (full_bytes, limits[1]))
    try:
        with pytest.raises(LabError, match=r"File too large; .* resume /.*/r"):
            folder.append(measured("raw-sink"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (folder.path / MEASUREMENTS).stat().st_size == full_bytes
    folder.append(measured("raw-sink"))
    assert [row.deployment for row in folder.read_measurements()] == ["flask", "raw-sink"]


def test_two_runs_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    assert [RunFolder.create(tmp_path, "r").path.name for _ in range(3)] == ["r", "r-2", "r-3"]


def test_a_new_run_without_measurements_leaves_nothing(folder: RunFolder) -> None:
    folder.write_run(RUN)
    RunFolder(folder.path).remove_if_empty()
    assert folder.path.exists(), "of an earlier command, or of somebody else"
    new = RunFolder.create(folder.path, "r")
    new.write_run(RUN)
    new.remove_if_empty()
    assert not new.path.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no run at"),
        (b"{", "damaged"),
        (b"{}", "damaged"),
        (b"[]", "damaged"),
        (b'{"id": "\xff"}', "damaged"),
        (b'{"exceptions": [{"shows": 1}]}', "damaged"),
    ],
)
def test_a_folder_that_is_no_run_is_told(folder: RunFolder, content: bytes | None, message: str) -> None:
    if content is not None:
        (folder.path / RUN_FILE).write_bytes(content)
    with pytest.raises(LabError, match=message):
        folder.read_run()


def test_a_run_of_an_earlier_schema_is_read(folder: RunFolder) -> None:
    folder.write_run(msgspec.structs.replace(RUN, schema_version=SCHEMA_VERSION - 1))
    assert folder.read_run().id == RUN.id
    assert read_run_folder(folder).notices == []


def test_a_newer_schema_is_not_misread(folder: RunFolder) -> None:
    folder.write_run(msgspec.structs.replace(RUN, schema_version=99))
    with pytest.raises(LabError, match="schema 99"):
        folder.read_run()


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("check", Order(kind=Kind.CHECK)),
        ("knobs", Order(kind=Kind.KNOBS)),
        ("quick", Order(plan="reference", load=True, rounds=5)),
        ("profiles", Order(plan="reference", profile=True, rounds=1)),
    ],
)
def test_a_run_from_before_orders_were_stored_has_one(folder: RunFolder, name: str, order: Order) -> None:
    folder.write_run(msgspec.structs.replace(RunFolder(REFERENCE / name).read_run(), order=None))
    run = folder.read_run()
    assert run.order
    assert run.kind is run.order.kind is order.kind
    for field in ("plan", "profile", "load", "rounds"):
        assert getattr(run.order, field) == getattr(order, field)
