"""The profiled pass and ``--show``, as a user meets them."""

import re
from pathlib import Path

import pytest
from uploadlab.storage.files import PROFILED
from uploadlab.storage.profiles import read_calls
from uploadlab.storage.run_folder import RunFolder

from .helpers import lab, need

pytestmark = pytest.mark.slow

WORDS = ("--runtime", "local", "--deployments", "flask,nginx-uwsgi", "--sizes", "512KiB", "--rounds", "1")
"""512 KiB: the least that Werkzeug spools on the disk, as a profile of each byte takes its time."""
METHODS = "request.stream-lines,request.files"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, str]:
    """A profiled run, and what it printed."""
    need("nginx", "uwsgi")
    folder = tmp_path_factory.mktemp("profiled")
    where = ("--out", folder / "out", "--data-dir", folder / "data")
    done = lab(*WORDS, "--methods", METHODS, "--profile", *where)
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "out").iterdir()
    return RunFolder(path), lab("report", path, "--format", "md").stdout


def profile(folder: RunFolder, deployment: str, method: str, suffix: str) -> Path:
    (path,) = (folder.path / "profiles" / deployment / method).glob(f"*{suffix}")
    return path


def test_a_profiled_run_keeps_every_profile_under_the_originals_names(run: tuple[RunFolder, str]) -> None:
    folder, said = run
    names = {Path(name).name for one in folder.read_profiled() for name in one.files}
    raw, form = "application-octet-stream_524288-bytes", "multipart-form-data_524474-bytes"
    assert names == {f"{name}{suffix}" for name in (raw, form) for suffix in (".txt", ".pstats", ".html")}
    for deployment in ("flask", "nginx-uwsgi"):
        text = profile(folder, deployment, "request.files", ".txt").read_text()
        assert " function calls" in text.splitlines()[0]
        assert text.index("Ordered by: cumulative time") < text.index("Top 10 by memory")
        assert "werkzeug/formparser.py" in text
        html = profile(folder, deployment, "request.files", ".html").read_text()
        assert "pyinstrument" in html
        assert not re.search(r"(src|href)=\W?http", html)
    lines = read_calls(folder)["flask", "request.stream-lines"]
    assert lines.per_byte("werkzeug/wsgi.py", "readinto") == pytest.approx(1.0, rel=0.01)
    assert "Under the profiler of calls, uploads took" in said
    assert "Under the profiler of samples, uploads took" in said


def test_profiles_never_count_as_timing(run: tuple[RunFolder, str]) -> None:
    folder, _ = run
    rows = [row for row in folder.read_measurements() if row.method == "request.files"]
    rounds = sorted(row.round for row in rows if row.deployment == "flask")
    assert rounds == [0, 1]


def test_what_is_not_profiled_yet_is_on_resume(run: tuple[RunFolder, str]) -> None:
    folder, _ = run
    path = folder.path / PROFILED
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:20])  # as a kill leaves it
    done = lab("resume", folder.path, "--data-dir", folder.path.parents[1] / "data")
    assert done.returncode == 0, done.stderr
    assert sorted((one.cell_id, one.kind) for one in folder.read_profiled()) == sorted(
        (f"{deployment}/{method}/524288", kind)
        for deployment in ("flask", "nginx-uwsgi")
        for method in METHODS.split(",")
        for kind in ("calls", "samples")
    )


def test_a_cell_is_shown_in_full(run: tuple[RunFolder, str]) -> None:
    folder, _ = run
    shown = lab("show", folder.path, "nginx-uwsgi/request.files/512KiB").stdout
    for words in (
        "nginx-uwsgi/request.files/524288 in ", " MB/s (", "round 1", "server CPU", "client memory",
        "parsed-form: ", "profiles/nginx-uwsgi/request.files/multipart", "configs/uwsgi/nginx-uwsgi.ini:",
        "configs/nginx/nginx-uwsgi.conf.template:",
    ):  # fmt: skip
        assert words in shown
    (spooled,) = [line for line in shown.splitlines() if line.startswith("spooled ")]
    amount, unit = spooled.split()[1:3]
    # Two copies of the file, and what logs and the disk's pages add; tmpfs does not count writes.
    assert (amount, unit) == ("-", "-") or (unit == "MiB" and float(amount) == pytest.approx(1, abs=0.4))


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("flask", "write flask/request.stream/64MiB"),
        ("flsk/request.files/512KiB", "did you mean 'flask'"),
        ("flask/request.fils/512KiB", "did you mean 'request.files'"),
        ("flask/request.files/2MiB", "sizes of flask/request.files are 0.5MiB"),
        ("flask/request.files/x", "size 'x'"),
    ],
)
def test_a_cell_that_a_run_has_not_is_told(run: tuple[RunFolder, str], cell: str, reason: str) -> None:
    done = lab("show", run[0].path, cell)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert reason in line
