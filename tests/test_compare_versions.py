"""Versions compared for real: the servers load them, and the run says so."""

from pathlib import Path

from uploadlab.model.measurements import Status
from uploadlab.storage.run_folder import last_run

from .helpers import assert_nothing_left, lab, left_overs


def test_two_releases_are_compared_and_one_that_does_not_exist_is_a_row(tmp_path: Path) -> None:
    before = left_overs()
    done = lab(
        "compare", "gunicorn==26.1.0", "gunicorn==27.0.1", "gunicorn==99", "--methods", "request.stream",
        "--sizes", "64KiB", "--rounds", "2", "--runtime", "local", "--out", tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    text = " ".join(done.stdout.split())
    assert "gunicorn 99 does not run on gunicorn; gunicorn 27.0.1 cannot be judged against 26.1.0" in text
    assert "Breaks gunicorn 99 on gunicorn: request.stream (does not run: gunicorn==99: " in text
    assert "every file is whole" in text
    folder = last_run(tmp_path)
    run, rows = folder.read_run(), folder.read_measurements()
    versions = {
        name: run.versions.get(name, {}).get("gunicorn") for name in ("gunicorn-26-1-0", "gunicorn-27-0-1")
    }
    assert versions == {"gunicorn-26-1-0": "26.1.0", "gunicorn-27-0-1": "27.0.1"}
    statuses = {row.deployment: row.status for row in rows}
    assert statuses == {
        "gunicorn-26-1-0": Status.OK,
        "gunicorn-26-1-0-again": Status.OK,
        "gunicorn-27-0-1": Status.OK,
        "gunicorn-99": Status.UNAVAILABLE,
    }
    assert_nothing_left(before)
