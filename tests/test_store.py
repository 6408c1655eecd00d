import gzip
import subprocess
from pathlib import Path

import msgspec
import pytest
from uploadlab.model import LabError
from uploadlab.report.reading import read
from uploadlab.store import MEASUREMENTS, RUN_FILE, RunFolder

from .helpers import RUN, measured

pytestmark = pytest.mark.apart


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "r")


def test_what_is_written_is_read_back(folder: RunFolder) -> None:
    rows = [measured("flask"), measured("raw-sink", seconds=None, error="x")]
    for row in rows:
        folder.append(row)
    folder.write_run(RUN)
    again = RunFolder(folder.path)
    assert again.read_measurements() == rows
    assert again.read_run() == RUN


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


def test_a_damaged_packed_file_is_told(folder: RunFolder) -> None:
    folder.write_run(RUN)
    (folder.path / f"{MEASUREMENTS}.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])
    with pytest.raises(LabError, match=r"measurements.jsonl.gz is damaged"):
        folder.read_measurements()
    assert ["measurements.jsonl.gz is damaged" in notice for notice in read(folder).notices] == [True]


def test_a_damaged_line_is_told(folder: RunFolder) -> None:
    (folder.path / MEASUREMENTS).write_text("nonsense\n")
    with pytest.raises(LabError, match="damaged"):
        folder.read_measurements()


def test_a_full_disk_keeps_what_was_measured(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.append(measured("flask"))
    with open("/dev/full", "ab", buffering=0) as full:
        monkeypatch.setattr(folder, "_file", full)
        with pytest.raises(LabError, match=r"No space left.*--resume /.*/r"):
            folder.append(measured("raw-sink"))
    assert len(RunFolder(folder.path).read_measurements()) == 1


def test_two_runs_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    assert [RunFolder.create(tmp_path, "r").path.name for _ in range(3)] == ["r", "r-2", "r-3"]


def test_a_run_without_measurements_leaves_nothing(folder: RunFolder) -> None:
    folder.write_run(RUN)
    folder.remove_if_empty()
    assert not folder.path.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no run at"), (b"{", "damaged"), (b"{}", "damaged")],
)
def test_a_folder_that_is_no_run_is_told(folder: RunFolder, content: bytes | None, message: str) -> None:
    if content is not None:
        (folder.path / RUN_FILE).write_bytes(content)
    with pytest.raises(LabError, match=message):
        folder.read_run()


def test_a_newer_schema_is_not_misread(folder: RunFolder) -> None:
    folder.write_run(msgspec.structs.replace(RUN, schema_version=99))
    with pytest.raises(LabError, match="schema 99"):
        folder.read_run()
