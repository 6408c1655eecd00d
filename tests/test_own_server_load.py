"""Many users, and slow ones, at a server without the lab's routes."""

from pathlib import Path

import pytest
from uploadlab.model.load import LoadUpload
from uploadlab.storage.run_folder import RunFolder

from .helpers import lab
from .test_commands import only_run
from .upload_apps import UploadApp, upload_app

pytestmark = pytest.mark.slow

SLOW = ("--plan", "slow-clients", "--sizes", "256KiB", "--workers", "1")


def uploads(
    checkout: dict[str, str], folder: Path, app: UploadApp, *words: str | Path
) -> tuple[str, list[LoadUpload]]:
    where = ("--runtime", "local", "--out", folder / "out", "--data-dir", folder / "data")
    done = lab("run", "--target", f"mine={app.url}/up", "--expect-status", "200", *words, *where, **checkout)
    assert done.returncode in (0, 1), done.stderr  # 1: nothing arrived
    rows = RunFolder(only_run(folder / "out").path).read_uploads()
    return done.stdout + done.stderr, [row for row in rows if row.step_id.startswith("mine/")]


def test_slow_clients_are_tried_at_a_server_of_ones_own(tmp_path: Path, one_ceiling: dict[str, str]) -> None:
    with upload_app(tmp_path / "store") as app:
        said, rows = uploads(
            one_ceiling, tmp_path, app, *SLOW, "--stored-dir", app.folder, "--clean-up", "--tables"
        )
        assert {row.status for row in rows} == {"ok"}
        assert {row.slow for row in rows} == {False, True}
        assert "beside 8" in said
        assert app.files == []


def test_an_endpoint_for_forms_is_sent_forms(tmp_path: Path, one_ceiling: dict[str, str]) -> None:
    with upload_app(tmp_path / "store", forms_only=True) as app:
        load = ("--load", "--plan", "smoke", "--sizes", "64KiB", "--workers", "1")
        _, rows = uploads(one_ceiling, tmp_path, app, *load, "--field", "file")
        assert {(row.method, row.status) for row in rows} == {("request.files-streamed", "unverified")}


def test_users_at_once_send_no_more_than_a_server_may_get(
    tmp_path: Path, one_ceiling: dict[str, str]
) -> None:
    with upload_app(tmp_path / "store") as app:
        said, rows = uploads(one_ceiling, tmp_path, app, *SLOW, "--max-bytes", "12MB")
        assert {row.status for row in rows} == {"unverified"}
        assert {row.step_id.rpartition("/")[2] for row in rows} == {"1", "1+8"}
        assert 6_000_000 < app.received_bytes <= 12_000_000
        assert f"{len(app.files)} uploads" in " ".join(said.split())


def test_a_step_that_may_not_be_sent_is_a_row(tmp_path: Path, one_ceiling: dict[str, str]) -> None:
    with upload_app(tmp_path / "store") as app:
        uploads(one_ceiling, tmp_path, app, *SLOW, "--max-bytes", "2MB")
        steps = RunFolder(only_run(tmp_path / "out").path).read_steps()
        (beside,) = [step for step in steps if step.step_id == "mine/request.stream/262144/1+8"]
        assert (beside.status, "--max-bytes 2MB of mine" in str(beside.error)) == ("unavailable", True)
        assert app.received_bytes <= 2_000_000


def test_users_have_what_they_sent_read_back_and_removed(tmp_path: Path, one_ceiling: dict[str, str]) -> None:
    with upload_app(tmp_path / "store", loses=True) as app:
        load = ("--load", "--users", "2", "--workers", "1", "--sizes", "64KiB", "--rounds", "1")
        words = (
            "--methods",
            "request.files",
            "--form",
            "album=1",
            "--stored-url",
            "{location}",
            "--clean-up",
        )
        _, rows = uploads(one_ceiling, tmp_path, app, *load, *words)
        assert {(row.status, row.stored_bytes, row.removed) for row in rows} == {("wrong", 32768, True)}
        assert app.files == []
