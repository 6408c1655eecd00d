"""client/uploader.py and the lab's commands: files without a size, names, streams, hosts, proxies."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from uploadlab.catalogue.methods import METHODS
from uploadlab.paths import ROOT
from uploadlab.units import MIB

from .helpers import LOCUST, environment, lab, need
from .receiving import receive

UPLOADER = str(ROOT / "client" / "uploader.py")
SENDERS = [
    "request.stream",
    "request.files",
    "multipart-push",
    "request.stream-chunked",
    "request.stream-curl",
]
ODD_URLS = [
    "http://a..b",
    "http://",
    "http://[::1",
    "http://127.0.0.1:99999",
    f"http://{'a' * 64}.example",
    "h:1",
]


def bash(shell: str, *words: str | bytes, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """This Python with these words as ``"$@"`` of a line of bash, which may redirect its streams."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell, "bash", sys.executable, *words], cwd=cwd,
        env=environment(**more), capture_output=True, text=True, errors="replace", timeout=300, check=False,
    )  # fmt: skip


def fails(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done
    (line,) = done.stderr.splitlines()
    assert [word for word in words if word not in line] == []
    assert "uploaded using" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/dev/stdin", "is a pipe, which can be read only once: save its content to a file"),
        ("/dev/fd/3", "is a pipe"),
        ("fifo", "is a pipe"),
        ("/dev/zero", "is a device, which may never end: save its content to a file"),
        ("/dev/null", "is a device"),
    ],
)
def test_what_is_no_file_is_refused_by_name(tmp_path: Path, path: str, words: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with receive() as received:
        shell = 'echo | "$@" 3< <(echo)'
        fails(bash(shell, UPLOADER, path, "--url", received.url, cwd=tmp_path), 1, f"{path} {words}")
    assert received.files == []


def test_a_file_of_the_kernel_has_the_size_of_what_is_read(tmp_path: Path) -> None:
    with receive() as received:
        done = bash('"$@"', UPLOADER, "/proc/version", "--url", received.url, cwd=tmp_path)
    assert done.stdout.endswith("File /proc/version uploaded using request.stream.\n"), done.stderr
    assert received.files == [Path("/proc/version").read_bytes()]


NAMES: list[str | bytes] = ["é", b"\xff", "-", "@x", ".hidden", "[1-2]{a,b}"]
NAMED = ["request.files", "request.stream-curl"]
"""Methods that write a name into the body, and into the words of another program: the others open a file."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "method"),
    [(name, method) for method in SENDERS for name in (NAMES if method in NAMED else NAMES[:2])],
)
def test_any_name_is_sent_and_printed(tmp_path: Path, method: str, name: str | bytes) -> None:
    need(*["curl"] if METHODS[method].curl else [])
    (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    with receive() as received:
        words = [UPLOADER, name, "-t", method, "--url", received.url]
        done = bash('echo input | "$@"', *words, cwd=tmp_path, LC_ALL="C", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 2), done
    assert received.files == [b"x"]


@pytest.mark.slow
@pytest.mark.parametrize("shell", ['"$@" >/dev/full', '"$@" >&-', '"$@" <&- >&- 2>&-', '"$@" | head -n 0'])
def test_an_upload_succeeds_whoever_reads_its_lines(tmp_path: Path, shell: str) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with receive() as received:
        done = bash(shell, UPLOADER, "a", "--url", received.url, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert received.files == [b"x"]


@pytest.mark.parametrize("url", ODD_URLS)
def test_what_is_no_address_is_one_line(tmp_path: Path, url: str) -> None:
    (tmp_path / "a").write_bytes(b"x")
    fails(bash('"$@"', UPLOADER, "a", "--url", url, cwd=tmp_path), 2, url, "write http://localhost:5000/")


@pytest.mark.parametrize("url", ODD_URLS)
@pytest.mark.parametrize("name", ["run", "check"])
def test_a_target_without_an_address_is_one_line(name: str, url: str) -> None:
    done = lab(name, "--deployments", "mine", "--target", f"mine={url}")
    fails(done, 2, f"--target 'mine={url}'", "write mine=http://127.0.0.1:8000")


def test_a_file_that_grew_is_named(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(bytes(MIB))
    with receive(lambda: os.truncate(big, 2 * MIB)) as received:
        done = bash('"$@"', UPLOADER, "big", "--url", received.url, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == f"big grew while it was sent: its first {MIB} bytes are stored.\n"
    assert received.files == [bytes(MIB)]


@pytest.mark.parametrize("method", SENDERS)
def test_no_proxy_is_asked(tmp_path: Path, method: str) -> None:
    need(*["curl"] if METHODS[method].curl else [])
    (tmp_path / "a").write_bytes(b"x")
    proxies: dict[str, Any] = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")
    with receive() as received:
        words = [UPLOADER, "a", "-t", method, "--url", received.url]
        done = bash('"$@"', *words, cwd=tmp_path, no_proxy="", **proxies)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["list"], ["--help"], ["--version"], ["run", "--help"]])
def test_results_that_cannot_be_printed_are_one_line(tmp_path: Path, words: list[str]) -> None:
    command = ["-m", "uploadlab", *words]
    fails(bash('"$@" >/dev/full', *command, cwd=tmp_path), 1, "not printed: No space left on device")
    assert bash('"$@" | head -n 0', *command, cwd=tmp_path).stderr == ""


def test_results_without_a_place_are_no_error(tmp_path: Path) -> None:
    command = ["-m", "uploadlab", "list"]
    assert bash('"$@" | head -n 0 2>&1', *command, cwd=tmp_path).stderr == ""
    for shell in ('"$@" >&-', '"$@" 2>&-', '"$@" 2>/dev/full', '"$@" <&- >&- 2>&-'):
        done = bash(shell, *command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_error_that_cannot_be_printed_has_its_exit_code(tmp_path: Path) -> None:
    for shell in ('"$@" 2>&-', '"$@" 2>/dev/full', '"$@" >&- 2>&-'):
        done = bash(shell, "-m", "uploadlab", "no-such-command", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", ".", "no-such-file"])
def test_locust_refuses_what_is_no_file(path: str) -> None:
    done = subprocess.run(
        [*LOCUST, "--host", "http://127.0.0.1:9", "--headless", "--run-time", "1s", "--file", path],
        env=environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert f"--file {path}: the file does not exist, cannot be read, or is empty" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--out", "--data-dir"])
def test_a_folder_whose_name_is_no_text_is_one_line(tmp_path: Path, option: str) -> None:
    done = bash('"$@"', "-m", "uploadlab", "run", "--runtime", "local", option, b"\xff", cwd=tmp_path)
    fails(done, 2, f"{option} \\udcff: the name is not UTF-8")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("listen", ["a..b:5557", "h:99999", "h:0", ":5557", "[::1:5557", "here"])
def test_an_address_for_workers_that_is_none_is_one_line(tmp_path: Path, listen: str) -> None:
    words = ["-m", "uploadlab", "run", "--load", "--expect-workers", "1", "--listen", listen]
    fails(bash('"$@"', *words, cwd=tmp_path), 2, f"--listen '{listen}' is not HOST:PORT")


@pytest.mark.slow
def test_a_run_whose_results_cannot_be_printed_has_its_report(tmp_path: Path) -> None:
    words = ["-m", "uploadlab", "check", "--cases", "post", "--deployments", "mine", "--out", str(tmp_path)]
    with receive() as received:
        done = bash('"$@" >/dev/full', *words, "--target", f"mine={received.url}", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("lab: the results were not printed: No space left")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("*/report.html"))
