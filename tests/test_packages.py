"""Packages in other versions than the lock files', as a user meets them: ``--with`` and ``--versions``."""

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from uploadlab.commands import main
from uploadlab.errors import UsageError
from uploadlab.model.checks import Verdict
from uploadlab.paths import ROOT
from uploadlab.planning.stored import restored
from uploadlab.processes.groups import Processes
from uploadlab.versions import folders
from uploadlab.versions.folders import made_before, make_package_folder
from uploadlab.versions.locks import server_locks
from uploadlab.versions.reasons import reason_of_pip
from uploadlab.versions.sides import parse_side

from .helpers import environment, lab, wait_until
from .package_index import add_source, add_wheel, fresh_version, index
from .test_check_grid import only_run

ONE_CASE = ("check", "--runtime", "local", "--deployments", "gunicorn", "--cases", "content-length")


def asked(*words: str | Path, **more: str) -> tuple[int, str]:
    """Exit code of a command, and what it printed beside its results."""
    done = lab(*words, **more)
    return done.returncode, done.stderr.strip()


def refused(*words: str) -> str:
    """Why a command is not understood."""
    with pytest.raises(UsageError) as failed:
        main.lab.main([*words], prog_name="lab", standalone_mode=False)
    return str(failed.value)


@pytest.mark.usefixtures("no_left_overs")
def test_a_check_with_another_version_loads_it_and_says_so(tmp_path: Path) -> None:
    version = fresh_version(98)
    add_wheel(tmp_path / "index", "gunicorn", version)
    code, said = asked(
        *ONE_CASE, "--with", f"gunicorn=={version}", "--out", tmp_path / "runs", **index(tmp_path / "index")
    )
    assert code == 0, said
    assert f"gunicorn=={version}: gunicorn {version}." in said
    run = only_run(tmp_path / "runs").read_run()
    assert run.versions["gunicorn"]["gunicorn"] == version
    text = lab("report", "last", "--out", tmp_path / "runs", "--format", "md").stdout
    assert f"with gunicorn {version}" in text
    assert f"--with gunicorn=={version} --runtime local" in text
    again = {deployment.name: deployment.packages for deployment in restored(run).deployments}
    assert again["gunicorn"] == [f"gunicorn=={version}"]  # so a run that goes on has the same


@pytest.mark.usefixtures("no_left_overs")
def test_the_client_loads_another_version_and_the_run_names_it(tmp_path: Path) -> None:
    version = fresh_version(2)
    add_wheel(tmp_path / "index", "urllib3", version)
    words = ("--plan", "smoke", "--methods", "request.stream", "--sizes", "64KiB", "--rounds", "1")
    code, said = asked(
        "run", *words, "--deployments", "flask", "--runtime", "local", "--out", tmp_path / "runs",
        "--with", f"urllib3=={version}", **index(tmp_path / "index"),
    )  # fmt: skip
    assert code == 0, said
    assert f"The client: urllib3 {version}." in said
    run = only_run(tmp_path / "runs").read_run()
    assert run.versions["flask"]["urllib3"] == version


@pytest.mark.usefixtures("no_left_overs")
def test_each_release_that_fits_is_a_row_and_one_that_does_not_install_says_why(tmp_path: Path) -> None:
    older, broken, newer = (fresh_version(major) for major in (96, 97, 98))
    place = tmp_path / "index"
    add_wheel(place, "gunicorn", older)
    add_wheel(place, "gunicorn", broken, needs=["nowhere-to-be-found"])
    add_wheel(place, "gunicorn", newer)
    code, said = asked(
        "check", "--versions", f"gunicorn>={older}", "--cases", "content-length", "--runtime", "local",
        "--out", tmp_path / "runs", **index(place),
    )  # fmt: skip
    assert code == 0, said
    assert f"Releases that fit gunicorn>={older}: {newer}, {broken}, {older}." in said
    folder = only_run(tmp_path / "runs")
    rows = {row.deployment: row for row in folder.read_checks()}
    names = [f"gunicorn-{version.replace('.', '-')}" for version in (newer, broken, older)]
    assert [target.name for target in folder.read_run().targets] == names
    verdicts = [rows[name].verdict for name in names]
    assert verdicts == [Verdict.PASS, Verdict.UNAVAILABLE, Verdict.PASS]
    assert "nowhere-to-be-found: pip finds no version of it" in rows[names[1]].text
    assert folder.read_run().versions[names[2]]["gunicorn"] == older


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--with", "gunicor==26.1.0"], "loads gunicor; did you mean 'gunicorn'? see the lock files"),
        (["--with", "django==5"], "no server and no client of the lab loads django; see the lock files"),
        (["--with", "waitress==2.1.2"], "no chosen deployment loads waitress; name others: --depl"),
        (["--with", "gunicorn==1,gunicorn==2"], "gunicorn is named twice (gunicorn==1, gunicorn==2)"),
        (["--with", "./nothing-*.whl"], "./nothing-*.whl does not exist: name a wheel that is there"),
        (["--with", "../no-such-folder"], "../no-such-folder does not exist: name a wheel, a folder"),
        (["--with", "nothing.txt"], "cannot read nothing.txt: No such file or directory"),
        (["--with", "==3"], "'==3' is no requirement: write gunicorn==26.1.0"),
        (["--versions", "urllib3>=1"], "urllib3 is a package of clients; try one release of it by"),
        (["--versions", "gunicorn>=23,werkzeug"], "is not one package: write --versions 'gunicorn>=23'"),
        (["--versions", "gunicorn>=23", "--with", "flask==3"], "leave out --with, --clients and --target"),
        (["--versions", "waitress", "--deployments", "flask"], "flask does not load waitress: choose from"),
        (["--clients", "--with", "gunicorn==26.1.0"], "no client loads it; leave out --clients"),
        (["--clients", "curl", "--with", "httpx==0.27.0"], "no chosen client loads it; these do: httpx"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line(words: list[str], reason: str) -> None:
    assert reason in refused("check", *words)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of folders, and an index with one version of a server."""
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    for name, value in index(tmp_path / "index").items():
        monkeypatch.setenv(name, value)
    add_wheel(tmp_path / "index", "gunicorn", "98.1")
    return tmp_path / "cache"


def test_what_pip_cannot_install_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    add_wheel(tmp_path / "index", "werkzeug", "98.1")
    add_wheel(tmp_path / "index", "flask", "98.1", needs=["werkzeug>=98.2"])
    reasons = {
        "gunicorn==98.2": "gunicorn==98.2: there is no such version; the newest are 98.1",
        "werkzeug==98.1,flask==98.1": "flask 98.1 needs werkzeug>=98.2; change one of them, or leave it out",
    }

    def failed_by(text: str) -> str:
        with Processes() as processes, pytest.raises(UsageError) as failed:
            make_package_folder(parse_side(text).server, server_locks(), processes)
        return str(failed.value)

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(reasons, pool.map(failed_by, reasons), strict=True))
    for text, why in reasons.items():
        assert why in found[text]
    assert not list(cache.glob("*"))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "ERROR: Ignored the following versions that require a different python version: "
            "2.5.0 Requires-Python >=3.12; 2.5.5 Requires-Python >=3.12\n"
            "ERROR: Could not find a version that satisfies the requirement numpy==2.5.5 "
            "(from versions: 2.4.4, 2.4.5, 2.4.6rc1, 2.4.6)",
            "numpy==2.5.5 needs Python >=3.12, and this is ",
        ),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
            "ERROR: Could not find a version that satisfies the requirement a==1 (from versions: none)",
            "a==1: the index of packages does not answer; check the network, or set PIP_INDEX_URL",
        ),
        (
            "ERROR: granian-2.8.9-cp310-cp310-win_amd64.whl is not a supported wheel on this platform.",
            "granian-2.8.9-cp310-cp310-win_amd64.whl is a wheel for another platform, and this is Python",
        ),
        (
            "  error: subprocess-exited-with-error\n  Getting requirements did not run successfully.\n"
            "      NameError: name 'broken' is not defined\n      [end of output]\n",
            "gunicorn @ file:///tmp/it does not build here: NameError: name 'broken' is not defined; "
            "try it alone: pip wheel /tmp/it",
        ),
        (
            "ERROR: Cannot install b==1\n\nThe conflict is caused by:\n    The user requested b==1\n"
            "    c 2 depends on b>=2\n    The user requested (constraint) c==2\n\n"
            "ERROR: ResolutionImpossible",
            "cannot be installed together: c 2 needs b>=2, the lock files have c 2; change one of them",
        ),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "No space left on device"),
        ("Killed", "gunicorn @ file:///tmp/it: Killed"),
    ],
)
def test_what_pip_prints_is_one_line_with_what_to_type(said: str, why: str) -> None:
    line = reason_of_pip(said, ["gunicorn @ file:///tmp/it"])
    assert why in line
    assert "\n" not in line


def test_a_source_folder_is_installed_again_when_it_changes(tmp_path: Path, cache: Path) -> None:
    wheel = tmp_path / "index" / "gunicorn-98.1-py3-none-any.whl"
    backend = (
        "import shutil\n\n\ndef build_wheel(folder, *more):\n"
        f"    return shutil.copy({str(wheel)!r}, folder).rpartition('/')[2]\n"
    )
    source = add_source(tmp_path / "gunicorn", "gunicorn", backend)
    words = parse_side(str(source)).server
    with Processes() as processes:
        made = make_package_folder(words, server_locks(), processes)
    assert made.versions == {"gunicorn": "98.1"}
    assert (made.path / "bin" / "gunicorn").is_file()
    assert made_before(words, server_locks()) == made
    (source / "changed.py").write_text("1")
    assert made_before(words, server_locks()) is None


def test_two_commands_at_once_make_one_folder_and_old_ones_go(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "KEPT", 2)
    for number in range(3):
        (cache / f"old{number}").mkdir(parents=True)
        os.utime(cache / f"old{number}", (number, number))
    (cache / "new-of-a-killed-command").mkdir()
    os.utime(cache / "new-of-a-killed-command", (1, 1))

    def make(_: int) -> folders.PackageFolder:
        with Processes() as processes:
            return make_package_folder(["gunicorn==98.1"], server_locks(), processes)

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(make, range(2)))
    assert made[0] == made[1]
    assert (made[0].path / "gunicorn").is_dir()
    assert sorted(path.name for path in cache.iterdir()) == sorted(["old2", made[0].path.name])


@pytest.mark.usefixtures("no_left_overs")
def test_ctrl_c_while_pip_works_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        own = {name: value for name, value in environment().items() if not name.startswith("PIP_")}
        before = set(folders.CACHE.glob("*"))
        command = subprocess.Popen(
            [sys.executable, "-m", "uploadlab", *ONE_CASE, "--with", "gunicorn==98.1",
             "--out", str(tmp_path)],
            env={**own, "PIP_INDEX_URL": address, "PIP_CONFIG_FILE": os.devnull}, cwd=ROOT,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        connection, _ = silent.accept()  # pip waits for an answer now
        with connection:
            command.send_signal(signal.SIGINT)
            _, said = command.communicate(timeout=60)
    assert command.returncode == 130, said
    wait_until(lambda: set(folders.CACHE.glob("*")) <= before)
    assert not list(tmp_path.iterdir())
