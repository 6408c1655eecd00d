"""uploader.py, serve.sh and make-file.sh, as the original write-up's reader would use them."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from uploadlab.paths import BENCHMARK, ROOT
from uploadlab.runtimes.local import free_ports

from .fake_server import serve
from .helpers import DEPLOYMENTS, environment, lab_processes, need, wait_until


def uploader(*words: str | Path, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [sys.executable, ROOT / "client" / "uploader.py", *words]
    return subprocess.run(
        command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=600, check=False
    )


def make_file(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [ROOT / "scripts" / "make-file.sh", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


@contextmanager
def serving(name: str, *words: str, said: list[str] | None = None) -> Iterator[str]:
    """``serve.sh NAME`` on a free port, until it has ``said`` its address; then Ctrl-C."""
    need(*DEPLOYMENTS[name].needs)
    process = subprocess.Popen(
        [sys.executable, "-m", "uploadlab", "serve", name, *words],
        env=environment(PORT=str(free_ports(1)[0])),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr
    try:
        for line in process.stderr:
            if said is not None:
                said.append(line)
            if found := re.search(rf"^{name} answers on (http://\S+)", line):
                threading.Thread(
                    target=process.stderr.read, daemon=True
                ).start()  # or it would wait for a reader
                yield found[1]
                break
        else:
            pytest.fail("serve.sh ended without an address")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=300)
    assert process.returncode == 130


@pytest.mark.parametrize("name", ["flask", "uwsgi-tuned"])
@pytest.mark.usefixtures("no_left_overs")
@pytest.mark.slow
def test_the_originals_two_types_with_profiles(tmp_path: Path, name: str) -> None:
    make_file("3MB", folder=tmp_path)
    profiles = {
        "request.stream": (r"application-octet-stream_3145728-bytes\.txt", "receivers.py"),
        "request.files": (r"multipart-form-data_3145\d{3}-bytes\.txt", "formparser.py"),
    }
    with serving(name) as url:
        for kind, (file_name, module) in profiles.items():
            done = uploader("3MB-file.txt", "-t", kind, "--profile", "--url", url, folder=tmp_path)
            assert done.returncode == 0, done.stderr
            first, second, third = done.stdout.splitlines()
            assert first == f"Uploading 3MB-file.txt using {kind} ..."
            assert second == f"File 3MB-file.txt uploaded using {kind}."
            path = Path(third.removeprefix("Profile: "))
            assert path.parent == BENCHMARK
            assert re.fullmatch(file_name, path.name)
            text = path.read_text()
            path.unlink()
            assert "function calls" in text.splitlines()[0]
            assert " seconds" in text.splitlines()[0]
            assert "Ordered by: cumulative time" in text
            assert module in text
            assert len(text.split("Top 10")[1].strip().splitlines()) == 11


@pytest.mark.parametrize(("words", "warns"), [((), False), (("--host", "0.0.0.0"), True)])
def test_whoever_listens_elsewhere_is_warned(words: tuple[str, ...], warns: bool) -> None:
    said: list[str] = []
    with serving("flask", *words, said=said) as url:
        port = url.rpartition(":")[2]
        listening = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
        address = "00000000" if warns else "0100007F"
        assert f"{address}:{int(port):04X}" in listening
        assert requests.get(f"{url}/healthz", timeout=60).status_code == 200
    warnings = [line for line in said if "check your firewall" in line]
    assert [f"0.0.0.0:{port}" in line for line in warnings] == ([True] if warns else [])


@pytest.mark.parametrize("name", ["flask", "uwsgi-tuned", "gunicorn-gthread"])
@pytest.mark.slow
def test_a_limit_refuses_larger_bodies_and_takes_one_that_is_just_as_large(tmp_path: Path, name: str) -> None:
    with serving(name, "--limit", "1MiB") as url:
        for size, words in (
            (1 << 20, "uploaded using"),
            ((1 << 20) + 1, "refused: too large: this server accepts"),
        ):
            (tmp_path / "a").write_bytes(bytes(size))
            done = uploader("a", "--url", url, folder=tmp_path)
            assert words in done.stdout + done.stderr
    fails(serve_sh("flask", "--limit", "much"), 2, "size 'much'")


def test_flasks_debugger_stays_off_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with serving("flask") as url:
        for path in ("/console", "/?__debugger__=yes&cmd=resource&f=debugger.js"):
            answer = requests.get(f"{url}{path}", timeout=60)
            assert (answer.status_code, list(answer.json())) == (404, ["error"])


def test_the_address_can_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with serving("flask") as url:
        done = uploader("a", folder=tmp_path, UPLOAD_URL=url)
    assert done.stdout.endswith("File a uploaded using request.stream.\n"), done.stderr


def fails(done: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert words in line
    assert "uploaded using" not in done.stdout


def test_a_file_that_cannot_be_sent_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    fails(uploader("nothing", folder=tmp_path), 1, "cannot read nothing: No such file")
    fails(uploader(".", folder=tmp_path), 1, "cannot read .: Is a directory")
    fails(uploader("empty", folder=tmp_path), 1, "empty is empty")
    fails(uploader("empty", "-t", "request.magic", folder=tmp_path), 2, "'request.magic' is not one of")
    fails(uploader(folder=tmp_path), 2, "Missing argument")


def test_a_server_that_did_not_take_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    fails(uploader("a", "--url", "http://127.0.0.1:9", folder=tmp_path), 1, "./scripts/lab serve flask")
    fails(uploader("a", "--url", "localhost:5000", folder=tmp_path), 2, "write http://localhost:5000/")
    with serve(POST=(413, {"error": "too large"})) as fake:
        fails(uploader("a", "--url", fake.url, folder=tmp_path), 1, "refused: too large")
    with serve(GET=(200, {"size_bytes": 0, "digest": ""})) as fake:
        fails(uploader("a", "--url", fake.url, folder=tmp_path), 1, "wrong: 0 of 3 bytes")


def serve_sh(name: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uploadlab", "serve", name, *words]
    return subprocess.run(
        command, env=environment(**more), capture_output=True, text=True, timeout=600, check=False
    )


def test_serving_what_cannot_be_served_is_told() -> None:
    fails(serve_sh("flsk"), 2, "did you mean 'flask'")
    fails(serve_sh("flask", PORT="http"), 2, "PORT='http'")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        fails(
            serve_sh("flask", PORT=str(port)),
            1,
            f"127.0.0.1:{port}: Address already in use; take another: PORT=",
        )


@pytest.mark.usefixtures("no_left_overs")
def test_serving_ends_when_its_server_dies() -> None:
    port = free_ports(1)[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "uploadlab", "serve", "raw-sink"],
        env=environment(PORT=str(port)),
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: bool(servers_on(port)))
    os.kill(servers_on(port)[0], signal.SIGKILL)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 1
    assert "raw-sink: python ended with status -9" in said


def servers_on(port: int) -> list[int]:
    """Processes that were told to serve this port, by the lab's environment contract."""
    wanted = (str(port), "raw-sink")
    return [
        pid
        for pid, settings in lab_processes().items()
        if (settings.get("PORT"), settings["LAB_DEPLOYMENT"]) == wanted
    ]


@pytest.mark.parametrize(
    ("size", "size_bytes"),
    [("2MB", 2 << 20), ("2MiB", 2 << 20), ("3KB", 3 << 10), ("1000", 1000), ("7B", 7)],
)
def test_a_file_is_made_as_the_original_counted(tmp_path: Path, size: str, size_bytes: int) -> None:
    done = make_file(size, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{size}-file.txt: {size_bytes} bytes" in done.stdout
    assert "1,048,576" in done.stdout
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [
        (f"{size}-file.txt", size_bytes)
    ]


@pytest.mark.parametrize("words", [[], [""], ["0MB"], ["12TB"], ["MB"], ["-1"], ["../x"], ["99999999999GiB"]])
def test_a_size_that_is_none_is_told(tmp_path: Path, words: list[str]) -> None:
    done = make_file(*words, folder=tmp_path)
    fails(done, 2, "512MB")
    assert list(tmp_path.iterdir()) == []
