"""Logins and queries of a target's URL: used for its requests, and neither stored nor printed."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
import xxhash
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Measurement
from uploadlab.model.order import Order
from uploadlab.runtimes import compose
from uploadlab.storage.files import RUN_FILE
from uploadlab.storage.run_folder import RunFolder

from .helpers import LOCUST, RUN, environment, lab, measured
from .locust_runs import for_long_enough
from .test_commands import only_run

pytestmark = pytest.mark.slow

USER, PASSWORD, QUERY = "someone", "s3cr%2Ft-word", "token=quiet-please"
LOGIN = f"Basic {base64.b64encode(b'someone:s3cr/t-word').decode()}"
SECRETS = (PASSWORD, "s3cr/t-word", LOGIN.split()[1], USER, QUERY, "quiet-please")
SMALL = ("--deployments", "mine", "--sizes", "1KiB", "--rounds", "1", "--runtime", "local")


class Guarded:
    """A server that stores uploads for the one user it knows."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.refused: list[str] = []
        self.paths: list[str] = []

    def with_login(self, path: str = "", query: str = "") -> str:
        return self.url.replace("://", f"://{USER}:{PASSWORD}@") + path + query


@contextmanager
def served(query: str = "") -> Iterator[Guarded]:
    stored: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, content: object = None) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            guarded.paths.append(f"{self.command} {self.path}")
            if self.headers.get("Authorization") != LOGIN or query not in self.path:
                guarded.refused.append(f"{self.command} {self.path}")
                said = f"no access with {self.headers.get('Authorization')} to {self.path}"
                return self.answer(401, {"error": said})
            if self.command in ("POST", "PUT"):
                stored["x"] = body
                return self.answer(201, {"id": "x", "size_bytes": len(body)})
            found = stored.get("x", b"")
            self.answer(200, {"size_bytes": len(found), "digest": xxhash.xxh3_128(found).hexdigest()})

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    guarded = Guarded(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield guarded
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hidden(*texts: str) -> None:
    for secret in SECRETS:
        assert [text for text in texts if secret in text] == [], secret


def contents(folder: Path) -> list[str]:
    return [path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file()]


def reports(path: Path, method: str = "request.stream") -> list[str]:
    done = [lab("report", path, "--format", form) for form in ("html", "md", "csv")]
    done += [lab("show", path, f"mine/{method}/1KiB"), lab("diff", path, path)]
    return [one.stdout + one.stderr for one in done]


LOAD = ("--load", "--users", "1", "--workers", "1")


def rows_of(path: Path) -> list[Measurement]:
    rows = [row for row in RunFolder(path).read_measurements() if not (row.warmup or row.repeat)]
    return [row for row in rows if row.deployment == "mine"]


@pytest.mark.parametrize(("method", "more"), [("request.stream", LOAD), ("request.stream-curl", ())])
def test_a_run_uses_a_login_and_keeps_it_nowhere(tmp_path: Path, method: str, more: tuple[str, ...]) -> None:
    data = ("--data-dir", tmp_path / "data")
    with served() as guarded:
        words = ("--target", f"mine={guarded.with_login('/')}", "--methods", method)
        done = lab(*words, *SMALL, *more, "--out", tmp_path / "out", *data)
        assert done.returncode == 0, done.stderr
        path = only_run(tmp_path / "out").path
        uploads = [row for row in RunFolder(path).read_uploads() if row.step_id.startswith("mine")]
        assert {row.status for row in rows_of(path)} | {row.status for row in uploads} == {"ok"}
        assert bool(uploads) == bool(more)
        assert guarded.refused == []
        hidden(done.stdout, done.stderr, *contents(path), *reports(path, method))


@pytest.mark.parametrize("query", ["", "&reader=lines"])
def test_a_query_joins_the_query_of_a_route(tmp_path: Path, query: str) -> None:
    methods = "request.stream-lines,request.stream-fsync,request.files-direct"
    with served(QUERY + query) as guarded:
        target = f"mine={guarded.with_login('', f'?{QUERY}{query}')}"
        words = ("--target", target, "--methods", methods, *SMALL, "--out", tmp_path / "out")
        done = lab(*words, *LOAD, "--data-dir", tmp_path / "data")
        assert done.returncode == 0, done.stderr
        assert guarded.refused == []
        assert any(path.count("?") == 1 and "&token=" in path for path in guarded.paths)
        assert all(path.count("?") == 1 for path in guarded.paths)
        check = ("check", "--target", target, "--cases", "one-byte", *SMALL[:2], "--runtime", "local")
        lab(*check, "--out", tmp_path / "out", "--data-dir", tmp_path / "data")
        assert guarded.refused == []


def test_a_part_of_a_query_and_another_writing_of_a_login_are_masked() -> None:
    """A server repeats what it was sent in its own way."""
    script = (
        "import sys; from uploadlab.private_urls import kept_apart, masked\n"
        "kept_apart('http://someone:s3cr%2Ft-word@127.0.0.1/?a=1&token=quiet%2Fplease')\n"
        "print(masked('the token quiet/please or quiet%2Fplease of s3cr%2Ft-word or s3cr/t-word, a=1'))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "the token ... or ... of ... or ..., a=1\n"


def test_a_login_must_be_given_again_to_go_on(tmp_path: Path) -> None:
    data = ("--data-dir", tmp_path / "data")
    with served() as guarded:
        words = ("--target", f"mine={guarded.with_login('/')}", "--methods", "request.stream")
        lab(*words, *SMALL, "--out", tmp_path / "out", *data)
        path = only_run(tmp_path / "out").path
        (path / "measurements.jsonl").write_text("")
        again = lab("resume", path, *data)
        (row,) = rows_of(path)
        assert (row.status, "add --target mine=URL with it" in str(row.error)) == ("unavailable", True)
        assert guarded.refused == []
        given = lab("resume", path, *data, "--target", f"mine={guarded.with_login()}")
        assert [row.status for row in rows_of(path)] == ["unavailable", "ok"]
        other = lab("resume", path, "--target", f"mine={guarded.with_login('/elsewhere')}")
        assert (other.returncode, "is no target of" in other.stderr) == (2, True)
        hidden(*(one.stdout + one.stderr for one in (again, given, other)), *contents(path), *reports(path))


@pytest.mark.parametrize(("method", "more"), [("request.stream", LOAD), ("request.stream-curl", ())])
def test_a_query_of_a_foreign_server_is_sent_and_kept_nowhere(
    tmp_path: Path, method: str, more: tuple[str, ...]
) -> None:
    with served(f"?{QUERY}") as guarded:
        words = ["--target", f"mine={guarded.with_login('/up', f'?{QUERY}')}", "--expect-status", "201"]
        where = ("--out", tmp_path / "out", "--data-dir", tmp_path / "data")
        done = lab(*words, "--methods", method, *SMALL, *more, *where)
        assert done.returncode == 0, done.stderr
        assert guarded.refused == []
        path = only_run(tmp_path / "out").path
        uploads = [row for row in RunFolder(path).read_uploads() if row.step_id.startswith("mine")]
        assert {row.status for row in rows_of(path)} | {row.status for row in uploads} == {"unverified"}
        hidden(done.stdout, done.stderr, *contents(path), *reports(path, method))


@pytest.mark.parametrize("method", ["request.stream", "request.stream-curl", "request.files"])
def test_what_a_server_says_of_a_login_is_not_stored(tmp_path: Path, method: str) -> None:
    """It answers with what it was sent, as some pages for developers do."""
    where = ("--out", tmp_path / "out", "--data-dir", tmp_path / "data")
    with served("never") as guarded:
        words = ["--target", f"mine={guarded.with_login('/up', f'?{QUERY}')}", "--expect-status", "201"]
        done = lab(*words, "--methods", method, *SMALL, *where)
    path = only_run(tmp_path / "out").path
    assert "no access with ..." in done.stdout
    hidden(*(text.replace(f"Basic {USER}", "") for text in (done.stdout, done.stderr, *contents(path))))


def test_a_server_that_is_not_there_is_named_without_its_login(tmp_path: Path) -> None:
    where = ("--out", tmp_path / "out", "--data-dir", tmp_path / "data")
    words = ["--target", f"mine=http://{USER}:{PASSWORD}@127.0.0.1:9/up?{QUERY}", "--expect-status", "201"]
    done = lab(*words, "--methods", "request.stream", *SMALL, *where)
    path = only_run(tmp_path / "out").path
    assert "http://127.0.0.1:9/up does not answer" in done.stdout
    hidden(done.stdout, done.stderr, *contents(path))


def test_the_check_uses_a_login_and_shows_it_nowhere(tmp_path: Path) -> None:
    with served() as guarded:
        words = ("check", "--target", f"mine={guarded.with_login()}", "--cases", "one-byte", *SMALL[:2])
        done = lab(*words, "--runtime", "local", "--out", tmp_path / "out", "--data-dir", tmp_path / "data")
        assert guarded.refused == []
    assert "mine" in done.stdout
    hidden(done.stdout, done.stderr, *contents(tmp_path / "out"))


def uploader(url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(Path(LOCUST[-1]).with_name("uploader.py")), __file__]
    more = environment(UPLOAD_URL=url)
    return subprocess.run(command, env=more, capture_output=True, text=True, timeout=300, check=False)


WRONG = [
    f"mine=ftp://{USER}:{PASSWORD}@192.0.2.7/",
    f"{USER}:{PASSWORD}@192.0.2.7",
    f"mine=http://{USER}:{PASSWORD}@",
    f"mine=http://{USER}:{PASSWORD}@192.0.2.7:port/?{QUERY}",
    "mine=http://someone:s3cr/t-word@192.0.2.7/",
    "mine=http://someone:12/s3cr/t-word@192.0.2.7/",
    f"mine=http://{USER}:{PASSWORD}@[::1/?{QUERY}",
    f"mine=https://{USER}:{PASSWORD}@192.0.2.7/",
]


@pytest.mark.parametrize("word", WRONG)
def test_a_mistake_in_a_url_is_named_without_its_login(tmp_path: Path, word: str) -> None:
    """A URL without a mistake ends there, too: no engine is found."""
    for command in (["check"], ["run"], ["resume"]):
        done = lab(*command, "--target", word, "--runtime", "docker", PATH=str(tmp_path))
        assert done.returncode in (1, 2)
        hidden(done.stdout, done.stderr)
    done = uploader(word.partition("=")[2])
    assert done.returncode != 0
    hidden(done.stdout, done.stderr)


def test_the_small_command_uses_a_login_and_shows_it_nowhere() -> None:
    with served() as guarded:
        url = guarded.with_login("/")
        for given, status in ((url, 0), (url.replace("s3cr", "other"), 1)):
            done = uploader(given)
            assert done.returncode == status, done.stderr
            hidden(done.stdout, done.stderr)


def test_locust_uses_a_login_and_shows_it_nowhere(tmp_path: Path) -> None:
    with served() as guarded:
        words: list[str] = ["--host", guarded.with_login(), "--users", "1", "--size", "1KiB"]
        words += ["--rows", str(tmp_path / "rows"), "--csv", str(tmp_path / "stats")]
        words += ["--html", str(tmp_path / "page.html")]
        done = for_long_enough(words, 2, environment(), lambda done: guarded.paths and not done.returncode)
        assert done.returncode == 0, done.stderr
        assert guarded.paths
        assert guarded.refused == []
    hidden(done.stdout, done.stderr, *contents(tmp_path))


@pytest.mark.parametrize("option", ["--host", "--allow-host"])
@pytest.mark.parametrize("address", ["[bad", "127.0.0.1:99999", "127.0.0.1:9"])
def test_locust_names_a_mistake_without_its_login(tmp_path: Path, option: str, address: str) -> None:
    words = [option, f"http://{USER}:{PASSWORD}@{address}", "--headless", "--run-time", "1s"]
    words += ["--size", "1KiB", "--rows", str(tmp_path / "rows")]
    words += [] if option == "--host" else ["--host", "http://127.0.0.1:9"]
    done = subprocess.run(
        [*LOCUST, *words], env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    hidden(done.stdout, done.stderr)
    assert "Traceback" not in done.stderr


def test_curl_has_no_login_among_the_words_that_others_see(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    spy = tmp_path / "bin" / "curl"
    spy.write_text(f'#!/bin/sh\ntr "\\\\0" " " < /proc/$$/cmdline >> "{tmp_path}/seen"\nexit 7\n')
    spy.chmod(0o755)
    with served() as guarded:
        words = ("--target", f"mine={guarded.with_login()}", "--methods", "request.stream-curl", *SMALL)
        path = f"{spy.parent}:{os.environ['PATH']}"
        lab(*words, "--out", tmp_path / "out", "--data-dir", tmp_path / "data", PATH=path)
    hidden((tmp_path / "seen").read_text())


def test_what_older_versions_stored_is_shown_nowhere_and_written_no_more(tmp_path: Path) -> None:
    url = f"http://{USER}:{PASSWORD}@192.0.2.7:8000/a?{QUERY}"
    run = msgspec.structs.replace(
        RUN, targets=[*RUN.targets, Target("mine", url, "target")], order=Order(targets={"mine": url})
    )
    folder = RunFolder.create(tmp_path, "r")
    folder.write_run(run)
    folder.append(measured("mine", size_bytes=1024))
    hidden(*reports(folder.path))
    stored = RunFolder(folder.path).read_run()
    assert stored.targets[-1].private
    RunFolder(folder.path).write_run(stored)
    hidden((folder.path / RUN_FILE).read_text())


def test_a_proxys_login_is_not_in_the_engines_last_words() -> None:
    said = "pulling\nproxyconnect http://someone:s3cr/t-word@proxy.invalid:3128/: refused\n"
    said = said.replace("s3cr/t-word", PASSWORD)
    hidden(compose._last_line(said))
