"""Versions compared for real: the servers load them, and the run says so."""

from pathlib import Path

import pytest
from uploadlab.model.measurements import Status
from uploadlab.storage.stored_runs import last_run

from .helpers import lab
from .package_index import add_wheel, fresh_version, index


@pytest.mark.usefixtures("no_left_overs")
def test_two_releases_are_compared_and_one_that_does_not_exist_is_a_row(tmp_path: Path) -> None:
    old, new = fresh_version(97), fresh_version(98)
    for version in (old, new):
        add_wheel(tmp_path / "index", "gunicorn", version)
    done = lab(
        "compare", f"gunicorn=={old}", f"gunicorn=={new}", "gunicorn==99", "--methods", "request.stream",
        "--sizes", "64KiB", "--rounds", "2", "--runtime", "local", "--out", tmp_path / "runs",
        **index(tmp_path / "index"),
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    text = " ".join(done.stdout.split())
    assert f"gunicorn 99 does not run on gunicorn; gunicorn {new} cannot be judged against {old}" in text
    assert "Breaks gunicorn 99 on gunicorn: request.stream (does not run: " in text
    assert "every file is whole" in text
    folder = last_run(tmp_path / "runs")
    run, rows = folder.read_run(), folder.read_measurements()
    assert run.comparison
    (group,) = run.comparison.groups
    loaded = {name: run.versions.get(name, {}).get("gunicorn") for name in (group.base, *group.others)}
    assert list(loaded.values()) == [old, new, None]
    statuses = {row.deployment: row.status for row in rows}
    assert statuses == {**dict.fromkeys(statuses, Status.OK), "gunicorn-99": Status.UNAVAILABLE}
    assert set(statuses) == {group.base, group.again, *group.others}
