"""A server without the lab's routes: what it is sent, when an upload counts, and what stays there."""

from pathlib import Path

import pytest
from uploadlab.model.measurements import Measurement
from uploadlab.storage.run_folder import RunFolder

from .helpers import lab
from .test_commands import only_run
from .upload_apps import UploadApp, upload_app

pytestmark = pytest.mark.slow

LIGHT = ("--sizes", "1MiB", "--rounds", "1")


def measure(folder: Path, app: UploadApp, *words: str | Path, path: str = "/up") -> tuple[str, RunFolder]:
    """What ``lab run`` prints of a target, and the run's folder."""
    where = ("--runtime", "local", "--out", folder / "out", "--data-dir", folder / "data")
    done = lab("run", "--target", f"mine={app.url}{path}", *words, *where)
    assert done.returncode in (0, 1), done.stderr  # 1: nothing arrived
    return done.stdout + done.stderr, only_run(folder / "out")


def rows_of(run: RunFolder) -> list[Measurement]:
    return [row for row in run.read_measurements() if row.deployment == "mine" and not row.warmup]


def statuses(run: RunFolder) -> set[str]:
    return {row.status for row in rows_of(run)}


def test_the_default_is_light_and_one_request_is_measured_once(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        _, folder = measure(tmp_path, app, "--expect-status", "200")
        run = folder.read_run()
        assert [target.name for target in run.targets] == ["raw-sink", "mine"]
        assert {row.method for row in rows_of(folder)} == {
            "request.stream", "request.stream-chunked", "request.files", "request.files-streamed",
        }  # fmt: skip
        assert app.received_bytes < 400_000_000
        assert len(rows_of(folder)) == 20


def test_a_method_of_the_same_request_is_measured_as_that_request(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        asked = "multipart-push,request.files-direct,request.stream-lines"
        _, folder = measure(tmp_path, app, "--expect-status", "200", *LIGHT, "--methods", asked)
        assert {row.method for row in rows_of(folder)} == {"request.stream", "request.files-streamed"}


def test_what_a_server_refuses_it_is_not_sent_again(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", forms_only=True) as app:
        words = ("--expect-status", "200", "--sizes", "1MiB", "--rounds", "3", "--methods", "request.stream")
        _, folder = measure(tmp_path, app, *words)
        (row,) = rows_of(folder)
        assert (row.status, row.error) == ("refused", "no form")


def test_a_described_form_is_sent_alone_with_its_fields(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", forms_only=True) as app:
        words = (
            "--expect-status",
            "2xx",
            *LIGHT,
            "--field",
            "document",
            "--form",
            "album=1",
            "--form",
            "tag=b",
        )
        _, folder = measure(tmp_path, app, *words)
        assert {row.method for row in rows_of(folder)} == {"request.files", "request.files-streamed"}
        assert statuses(folder) == {"unverified"}
        heads = [part for part in app.parts if b"filename=" in part]
        assert all(b'name="document"' in part for part in heads)
        assert any(b'name="album"' in part and part.endswith(b"1") for part in app.parts)


def test_a_file_may_be_put_to_a_url_of_its_own_and_removed_there(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store", by_name=True) as app:
        words = ("--expect-status", "200", *LIGHT, "--request-method", "put", "--methods")
        url = "/files/{name}"
        more = ("request.stream,request.stream-curl", "--stored-url", url, "--cleanup-url", url)
        said, folder = measure(tmp_path, app, *words, *more, path="/up/{name}")
        assert statuses(folder) == {"ok"}
        assert {row.removed for row in rows_of(folder)} == {True}
        assert [method for method in app.methods if method in ("PUT", "POST")].count("PUT") == 4
        assert app.files == []
        assert "not removed" not in said


def test_what_stays_is_said_with_its_number_and_size(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        said, _ = measure(tmp_path, app, "--expect-status", "200", *LIGHT, "--methods", "request.stream")
        assert len(app.files) == 2  # with a warm-up
        assert "2 uploads, 0.0021 GB, were not removed from mine" in " ".join(said.split())
        report = (only_run(tmp_path / "out").path / "report.html").read_text()
        assert "were not removed from mine" in report


def test_a_folder_is_cleaned_of_the_labs_files_alone(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        mine = app.folder / "mine.bin"
        mine.write_bytes(b"x" * (1 << 20))
        words = ("--expect-status", "200", *LIGHT, "--stored-dir", app.folder, "--clean-up")
        said, folder = measure(tmp_path, app, *words, "--methods", "request.stream")
        assert statuses(folder) == {"ok"}
        assert app.files == [mine]
        assert "not removed" not in said


def test_a_clean_up_that_fails_is_said(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        words = ("--expect-status", "200", *LIGHT, "--cleanup-url", "/files/none-{id}", "--methods")
        said, folder = measure(tmp_path, app, *words, "request.stream")
        assert statuses(folder) == {"unverified"}
        assert {row.removed for row in rows_of(folder)} == {False}
        assert "its clean-up failed" in " ".join(said.split())


def test_no_more_is_sent_than_a_server_may_get(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        words = ("--expect-status", "200", "--sizes", "1MiB", "--rounds", "9", "--max-bytes", "6MB")
        said, folder = measure(tmp_path, app, *words, "--methods", "request.stream,request.files")
        assert app.received_bytes <= 6_000_000
        assert "are left out: --max-bytes 6MB of mine is used up" in said
        assert statuses(folder) == {"unverified"}
        done = lab("resume", folder.path, "--max-bytes", "12MB", "--data-dir", tmp_path / "data")
        assert done.returncode == 0, done.stderr
        assert 6_000_000 < app.received_bytes <= 12_000_000


def test_a_cell_that_may_not_be_sent_at_all_is_a_row(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        words = ("--expect-status", "200", "--sizes", "4MiB", "--max-bytes", "5MB", "--methods")
        _, folder = measure(tmp_path, app, *words, "request.stream")
        assert {row.status for row in rows_of(folder)} == {"unavailable"}
        assert "--max-bytes 5MB of mine is used up" in str(rows_of(folder)[0].error)


def test_the_report_repeats_the_command(tmp_path: Path) -> None:
    with upload_app(tmp_path / "store") as app:
        words = ("--expect-status", "2xx", "--expect-json", "ok=true", *LIGHT, "--stored-url", "/{path}")
        measure(tmp_path, app, *words, "--methods", "request.stream")
        run = only_run(tmp_path / "out")
        text = lab("report", run.path, "--format", "md").stdout
        assert "--expect-status 2xx --expect-json ok=true --stored-url '/{path}'" in text
