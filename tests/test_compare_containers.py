"""``lab compare`` and ``lab ablate`` on a real engine."""

from pathlib import Path

import pytest
from uploadlab.model.measurements import Status
from uploadlab.storage.run_folder import RunFolder

from .checkout import copy_checkout
from .helpers import lab
from .test_check_grid import only_run
from .test_compare_commands import SMALL

pytestmark = pytest.mark.containers


@pytest.mark.usefixtures("nothing_left")
def test_containers_have_configs_that_no_service_names(tmp_path: Path) -> None:
    folder, out = tmp_path / "checkout", tmp_path / "out"
    copy_checkout(folder)
    inis, templates = (folder / "configs" / name for name in ("uwsgi", "nginx"))
    buffering = (inis / "uwsgi-buffering.ini").read_text()
    (inis / "mine.ini").write_text(f"{buffering}env = MAX_CONTENT_LENGTH=1\n")
    (inis / "bad.ini").write_text(f"{buffering}no-such-option = 1\n")
    proxy = (templates / "nginx-uwsgi.conf.template").read_text()
    (templates / "proxy.conf.template").write_text(proxy)
    names = ["uwsgi-buffering", "mine", "proxy", "bad"]
    words = ("--runtime", "docker", "--out", out, *SMALL)
    here = {"PYTHONPATH": str(folder / "client")}
    done = lab("compare", *names, *words, "--fail-above", "50%", **here)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Fails --fail-above 50%: mine request.stream: refused: 413" in done.stderr
    assert "+ env = MAX_CONTENT_LENGTH=1" in done.stdout
    rejected = "uwsgi --ini configs/uwsgi/bad.ini: [strict-mode] unknown config directive: no-such-option"
    assert rejected in done.stderr
    statuses = {(row.deployment, row.status) for row in only_run(out).read_measurements()}
    became = {"mine": Status.REFUSED, "bad": Status.UNAVAILABLE}
    assert statuses == {(name, became.get(name, Status.OK)) for name in [*names, f"{names[0]}-again"]}
    plain = (inis / "uwsgi-default.ini").read_text()  # a container for each setting that it does not have
    (inis / "few.ini").write_text(f"{plain}post-buffering = 4096\nenv = MAX_CONTENT_LENGTH=1\n")
    ablated = lab("ablate", "configs/uwsgi/few.ini", *words, "--rounds", "1", **here)
    assert ablated.returncode == 0, ablated.stdout + ablated.stderr
    newest = max(map(RunFolder, out.iterdir()), key=lambda one: one.read_run().started_at)
    rows = newest.read_measurements()
    assert {row.deployment for row in rows} >= {"few", "few-again", "few-without-post-buffering"}
    assert {row.deployment for row in rows if row.status is Status.OK} == {"few-without-env"}
    assert {row.status for row in rows} == {Status.OK, Status.REFUSED}


@pytest.mark.usefixtures("nothing_left")
def test_containers_have_packages_in_other_versions(tmp_path: Path) -> None:
    """Two versions of a server, and one that pip does not find."""
    sides = ["gunicorn==26.1.0", "gunicorn==26.2.0", "gunicorn==99"]
    words = ("--methods", "request.stream", "--sizes", "64KiB", "--rounds", "1", "--deployments", "gunicorn")
    done = lab("compare", *sides, *words, "--runtime", "docker", "--out", tmp_path)
    assert "gunicorn==99: there is no such version" in done.stderr
    folder = only_run(tmp_path)
    ran = {made.name: made.packages for made in folder.read_run().derived}
    rows = folder.read_measurements()
    lost = {name for name, packages in ran.items() if packages == [sides[-1]]}
    assert {row.deployment for row in rows if row.status is Status.UNAVAILABLE} == lost
    assert {row.deployment for row in rows if row.status is Status.OK} == ran.keys() - lost
    for name in ran.keys() - lost:
        (version,) = (packages.partition("==")[2] for packages in ran[name])
        assert f"gunicorn {version}" in (folder.logs / f"{name}.log").read_text()
