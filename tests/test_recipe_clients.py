"""The clients of docs/recipes: files without a size, files that change, streams, hosts and proxies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from uploadlab.units import MIB

from .fake_server import DROP, serve
from .helpers import wait_until
from .raw_server import keep
from .receiving import receive
from .recipe_clients import CLIENTS, Folder, refused, stored

pytestmark = pytest.mark.slow

PROXIES = {"http_proxy": "http://me:secret@127.0.0.1:9", "no_proxy": ""}
"""Nothing listens there."""
ODD_URLS = [
    "http://a..b/", "http://", "http://[::1", "http://127.0.0.1:99999/", f"http://{'a' * 64}.example/", "http://h:x/",
    "http://a b/", "http://.example/", "127.0.0.1:8000/upload", "ftp://127.0.0.1/", "",
]  # fmt: skip
FOR_A_PROXY = [ODD_URLS[0], ODD_URLS[4]]
"""Names that no resolver takes; a client with a proxy looks up none."""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "work").mkdir()
    return Folder(tmp_path / "work")


CONTENT = b"some bytes\n" * 100_000
PIPES = {"/dev/stdin": 'cat big | "$@"', "/dev/fd/3": '"$@" 3< <(cat big)', "fifo": 'cat big >fifo & "$@"'}


@pytest.mark.parametrize("path", PIPES)
def test_a_pipe_is_sent_to_its_end_in_chunks_and_not_in_a_form(folder: Folder, path: str) -> None:
    (folder.path / "big").write_bytes(CONTENT)
    os.mkfifo(folder.path / "fifo")
    with receive() as received:
        stored(folder.run(["upload.py", path, received.url], PIPES[path]), path, len(CONTENT))
        assert received.files == [CONTENT]
        refused(folder.run(["upload_form.py", path, received.url], PIPES[path]), path, "has no size", "save")
    assert len(received.files) == 1


def test_a_pipe_that_cannot_be_sent_again_is_sent_once(folder: Folder) -> None:
    with serve(POST=(503, {})) as fake:
        refused(folder.run(["upload.py", "/dev/stdin", fake.url], 'echo | "$@"'), "answered 503")
    assert len(fake.requests) <= 1


@pytest.mark.parametrize("client", CLIENTS)
def test_a_file_behind_standard_input_has_its_size(folder: Folder, client: str) -> None:
    (folder.path / "big").write_bytes(CONTENT)
    with receive() as received:
        done = folder.run([client, "/dev/stdin", received.url], '"$@" <big')
    stored(done, "/dev/stdin", len(CONTENT))
    assert received.files == [CONTENT]


def test_a_file_of_the_kernel_has_the_size_of_what_is_read(folder: Folder) -> None:
    version = Path("/proc/version").read_bytes()
    with receive() as received:
        stored(folder.run(["upload.py", "/proc/version", received.url]), "/proc/version", len(version))
        assert received.files == [version]
        refused(folder.run(["upload.py", "/proc/self/mem", received.url]), "/proc/self/mem")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/full", ".", "no-such-file"])
def test_what_is_no_file_is_one_line(folder: Folder, client: str, path: str) -> None:
    with receive() as received:
        refused(folder.run([client, path, received.url]), path)
    assert received.files == []


@pytest.mark.parametrize("client", CLIENTS)
def test_an_empty_file_is_stored(folder: Folder, client: str) -> None:
    (folder.path / "empty").touch()
    with receive() as received:
        stored(folder.run([client, "empty", received.url]), "empty", 0)
    assert received.files == [b""]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_file_that_becomes_shorter_fails_at_once(folder: Folder, client: str) -> None:
    big = folder.path / "big"
    big.write_bytes(bytes(48 * MIB))
    with receive(lambda: os.truncate(big, 40 * MIB)) as received:
        refused(
            folder.run([client, "big", received.url]), f"big ended after {40 * MIB} of its {48 * MIB} bytes"
        )
    assert received.files == []


@pytest.mark.parametrize("client", CLIENTS)
def test_of_a_file_that_becomes_longer_the_first_bytes_are_stored(folder: Folder, client: str) -> None:
    big = folder.path / "big"
    big.write_bytes(bytes(48 * MIB))
    with receive(lambda: os.truncate(big, 64 * MIB)) as received:
        done = folder.run([client, "big", received.url])
    assert done.returncode == 0
    assert done.stdout.startswith(f"big: {48 * MIB} bytes stored")
    assert done.stderr == f"big grew while it was sent: its first {48 * MIB} bytes are stored\n"
    assert [len(content) for content in received.files] == [48 * MIB]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", ["é", b"\xff", "-", "-x", "@x", "two\nlines", "[red]"])
def test_any_name_is_sent_and_printed(folder: Folder, client: str, name: str | bytes) -> None:
    (folder.path / os.fsdecode(name)).write_bytes(b"x")
    with receive() as received:
        for env in ({}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
            done = folder.run([client, name, received.url], env=env)
            assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1), done
    assert received.files == [b"x"] * 4


@pytest.mark.parametrize(
    "shell", ['"$@" >/dev/full', '"$@" >&-', '"$@" 2>&- >&-', '"$@" | head -n 0', '"$@" <&-']
)
def test_an_upload_succeeds_whoever_reads_its_line(folder: Folder, shell: str) -> None:
    (folder.path / "a").write_bytes(b"x")
    with receive() as received:
        done = folder.run(["upload.py", "a", received.url], shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert received.files == [b"x"]


@pytest.mark.parametrize("shell", ['"$@" 2>/dev/full', '"$@" 2>&-', '"$@" >&- 2>&-'])
def test_an_upload_fails_whoever_reads_its_line(folder: Folder, shell: str) -> None:
    (folder.path / "a").write_bytes(b"x")
    with serve(POST=(400, {})) as fake:
        done = folder.run(["upload.py", "a", fake.url], shell)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("url", ODD_URLS)
def test_what_is_no_address_is_one_line(folder: Folder, url: str) -> None:
    (folder.path / "a").write_bytes(b"x")
    for proxies in ({}, PROXIES):
        words = ["the proxy"] if proxies and url in FOR_A_PROXY else [url, "http"]
        refused(folder.run(["upload.py", "a", url], env=proxies), *words)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0.0.0.0"])
def test_no_proxy_is_asked_for_this_host(folder: Folder, host: str) -> None:
    (folder.path / "a").write_bytes(b"x")
    with receive() as received:
        url = received.url.replace("127.0.0.1", host)
        stored(folder.run(["upload.py", "a", url], env=PROXIES), "a", 1)


def test_a_proxy_is_named_where_it_fails(folder: Folder) -> None:
    (folder.path / "a").write_bytes(b"x")
    done = folder.run(["upload.py", "a", "http://upload.example/"], env=PROXIES)
    refused(done, "the proxy 127.0.0.1:9: Connection refused")
    assert "upload.example" not in done.stderr
    for proxy in ("socks5://127.0.0.1:9", "http://a..b:1", "http://["):
        done = folder.run(["upload.py", "a", "http://upload.example/"], env={**PROXIES, "http_proxy": proxy})
        refused(done, f"the proxy {proxy}")
    assert "secret" not in done.stderr


def test_a_proxy_is_used_and_named_in_what_it_answers(folder: Folder) -> None:
    (folder.path / "a").write_bytes(b"x")
    with receive() as proxy:
        done = folder.run(
            ["upload.py", "a", "http://upload.example/"], env={**PROXIES, "http_proxy": proxy.url}
        )
        stored(done, "a", 1)
    for answer, words in [((407, {}), "answered 407"), (DROP, "")]:
        with serve(POST=answer) as fake:
            env = {**PROXIES, "http_proxy": fake.url}
            refused(folder.run(["upload.py", "a", "http://upload.example/"], env=env), fake.url, words)


def test_a_stopped_client_is_one_line(folder: Folder) -> None:
    fifo = folder.path / "fifo"
    os.mkfifo(fifo)
    with keep(b"HTTP/1.1 201 CREATED\r\nContent-Length: 0\r\n\r\n") as server:
        process = subprocess.Popen(
            [sys.executable, "upload.py", "fifo", server.url], cwd=folder.path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        with open(fifo, "wb"):  # as soon as the client reads it
            wait_until(lambda: any(b"\r\n\r\n" in request for request in server.received))
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=300) == ("", "not uploaded: stopped\n")
