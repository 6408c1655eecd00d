"""--data-dir and --out: what is made is removed again, and what is no folder is one line."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .fake_server import serve
from .helpers import environment, lab, wait_until

ONE = ("--methods", "request.stream", "--sizes", "1k", "--rounds", "1", "--runtime", "local")
RUN = ("--deployments", "raw-sink", *ONE)


@pytest.mark.parametrize("name", ["data", "a/b/data", "link/data"])
def test_a_data_dir_that_is_missing_is_removed_again(tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    before = sorted(tmp_path.rglob("*"))
    done = lab(*RUN, "--data-dir", tmp_path / name, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert [
        path for path in sorted(tmp_path.rglob("*")) if not path.is_relative_to(tmp_path / "out")
    ] == before


def test_a_data_dir_stays_with_what_others_put_there(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "uploadlab", *RUN, "--rounds", "3000", "--data-dir", str(tmp_path / "a/b")]
    process = subprocess.Popen(
        [*words, "--out", str(tmp_path / "out")], env=environment(), stderr=subprocess.PIPE
    )
    wait_until(lambda: (tmp_path / "a/b").is_dir())
    (tmp_path / "a/mine").touch()
    wait_until(lambda: bool(list(tmp_path.glob("out/*/measurements.jsonl"))))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["mine"]


@pytest.mark.slow
def test_a_data_dir_is_removed_after_a_kill(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "uploadlab", *RUN, "--rounds", "3000", "--data-dir", str(tmp_path / "a/b")]
    process = subprocess.Popen(
        [*words, "--out", str(tmp_path / "out")], env=environment(), stderr=subprocess.PIPE
    )
    wait_until(lambda: bool(list(tmp_path.glob("out/*/measurements.jsonl"))))
    process.kill()
    process.communicate()
    wait_until(lambda: not (tmp_path / "a").exists())


def test_two_runs_at_once_share_a_data_dir(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "uploadlab", *RUN, "--data-dir", str(tmp_path / "data")]
    both = [
        subprocess.Popen(
            [*words, "--out", str(tmp_path / f"out{number}")], env=environment(), stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        for number in range(2)
    ]  # fmt: skip
    for process in both:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert list((tmp_path / "data").rglob("*")) == []


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """Names that are no folders."""
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


@pytest.mark.parametrize("option", ["--data-dir", "--out"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("file", "is not a folder"),
        ("file/below", "is not a folder"),
        ("nowhere", "is a link to "),
        ("nowhere/below", "which does not exist"),
        ("loop", "is a link to loop"),
        ("x" * 300, "File name too long"),
        ("/dev/null", "/dev/null is not a folder"),
        ("/proc/x", "No such file or directory"),
    ],
)
def test_what_is_no_folder_is_one_line(wrong: Path, option: str, name: str, words: str) -> None:
    before = sorted(wrong.iterdir())
    for command in (["run", *RUN], ["check", "--cases", "one-byte", "--deployments", "raw-sink"]):
        done = lab(*command, "--runtime", "local", option, wrong / name)
        assert (done.returncode in (1, 2), done.stdout) == (True, "")
        (said,) = done.stderr.splitlines()
        assert words in said
        assert f"choose another {option}" in said
        assert "[Errno" not in said
    assert sorted(wrong.iterdir()) == before


@pytest.mark.parametrize(
    "command", [["report"], ["show", "last", "x"], ["diff", "a", "b"], ["knobs"], ["resume"]]
)
def test_commands_that_read_runs_make_no_folder(wrong: Path, command: list[str]) -> None:
    done = lab(*command, "--out", wrong / "file")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "is not a folder; choose another --out" in done.stderr
    if command != ["knobs"]:
        done = lab(*command, "--out", wrong / "missing" / "out")
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert not (wrong / "missing").exists()


def test_a_folder_without_rights_is_one_line(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o500)
    for option in ("--data-dir", "--out"):
        done = lab(*RUN, option, tmp_path / "x")
        (said,) = done.stderr.splitlines()
        assert (done.returncode, f"Permission denied; choose another {option}" in said) == (1, True)


def test_an_out_folder_of_a_run_that_measured_nothing_is_not_left_behind(tmp_path: Path) -> None:
    with serve() as fake:
        target = ("--deployments", "mine", "--target", f"mine={fake.url}")
        done = lab(*ONE[:-4], "--sizes", "9000000GiB", *target, "--out", tmp_path / "a" / "out")
    assert done.returncode == 1
    assert "smaller --sizes" in done.stderr
    assert list(tmp_path.iterdir()) == []
