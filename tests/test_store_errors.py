"""Errors of the system while an upload is stored: a true reason, nothing left, and no file left open."""

import errno
import gc
import io
import os
import resource
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from uploadlab.model.deployments import Target

from .helpers import open_files, wait_until
from .recipes import RECEIVE, Recipe, is_form, running
from .test_app import FORM_ROUTES, client, refused
from .test_faults import NO_ANSWER, Site, site
from .test_form_kinds import FILE, KIND, TUNED, form, part

pytestmark = pytest.mark.slow

ROUTES = ["/request-stream", *FORM_ROUTES]
REASONS = {
    errno.ENOSPC: (507, "no space left"),
    errno.EDQUOT: (507, "quota"),
    errno.EFBIG: (413, "largest file"),
    errno.EMFILE: (503, "too many open files"),
    errno.EROFS: (500, "read-only"),
    errno.EACCES: (500, "permission"),
    errno.ENOENT: (500, "is gone"),
    errno.EIO: (500, "input/output error"),
    errno.ENXIO: (500, os.strerror(errno.ENXIO)),
}
CONTENT = b"the file" * 100_000
"""More than Werkzeug keeps in memory."""
MOST_BYTES = 600 << 10
TOO_LARGE = b"x" * (2 << 20)


def send(app: FlaskClient, route: str) -> Any:
    # As bytes: the test client would write a larger form to a temporary file of its own.
    raw = "stream" in route
    return app.post(route, data=CONTENT if raw else form(part(FILE, CONTENT)), headers={} if raw else KIND)


class Failing:
    """A file that is written to no further."""

    def __init__(self, file: Any, number: int) -> None:
        self._file, self._number = file, number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, _: bytes) -> int:
        raise OSError(self._number, os.strerror(self._number))


def open_below(folder: Path) -> list[str]:
    return [name for name in open_files("self") if name.startswith(str(folder))]


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Without the garbage collector, a file that nothing closes stays open, and is found."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("number", REASONS)
@pytest.mark.parametrize("at", ["opening", "writing"])
def test_each_error_has_its_reason_and_leaves_nothing(
    tmp_path: Path, route: str, number: int, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = client(tmp_path, STRICT_FRAMING="1")

    def fail(path: Any, *mode: str) -> Any:
        if at == "opening":
            raise OSError(number, os.strerror(number), str(path))
        return Failing(open(path, *mode), number)  # type: ignore[call-overload]

    monkeypatch.setattr("upload_app.storage.open", fail, raising=False)
    monkeypatch.setattr("upload_app.storage.fcntl.flock", lambda *_: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    refused(send(app, route), *REASONS[number], tmp_path)
    assert open_below(tmp_path) == []


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("end", [b"", b"--x\r\nContent-Disposition", part(FILE)])
def test_a_form_that_fails_after_its_file_was_spooled_leaves_no_spool_open(
    tmp_path: Path, end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    app = client(tmp_path)
    for _ in range(3):
        answer = app.post("/request-files", data=part(FILE) + end, headers=KIND)
        refused(answer, 400, "", tmp_path)
        assert open_below(tmp_path) == []


@contextmanager
def limited(what: int, most: int) -> Iterator[None]:
    """Lower a limit of this process for the servers that it starts meanwhile."""
    before = resource.getrlimit(what)
    resource.setrlimit(what, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(what, before)


def held_open(folder: Path) -> list[str]:
    """Files that some process has open although they are deleted; gunicorn's sign of life is one."""
    processes = [path.name for path in Path("/proc").glob("[0-9]*")]
    deleted = [name for pid in processes for name in open_files(pid) if name.endswith("(deleted)")]
    return [name for name in deleted if name.startswith(str(folder)) and "wgunicorn" not in name]


def answers(target: Target, name: str, content: bytes) -> Iterator[tuple[str, requests.Response]]:
    for route in ["/request-stream"] if name == "nginx-offload" else ROUTES:
        if "stream" in route:
            yield route, requests.put(f"{target.url}{route}", data=content, timeout=60)
        else:
            files = {"file": ("f", io.BytesIO(content))}
            yield route, requests.post(f"{target.url}{route}", files=files, timeout=60)


def nothing_left(one: Site) -> None:
    wait_until(lambda: one.stored() == [] and one.temporary() == [])
    wait_until(lambda: held_open(one.data) == [])


ANSWERING = [name for name in TUNED if name not in NO_ANSWER]


@pytest.mark.parametrize("name", ANSWERING)
def test_a_limit_of_the_system_for_files_is_a_refusal(tmp_path: Path, name: str) -> None:
    with site(name, tmp_path) as one:
        with limited(resource.RLIMIT_FSIZE, MOST_BYTES):
            target = one.start()
        for route, answer in answers(target, name, TOO_LARGE):
            if name == "nginx-offload":  # nginx says the same for every reason
                assert (answer.status_code, "its log" in answer.json()["error"]) == (507, True)
            else:
                assert (answer.status_code, "largest file" in answer.json()["error"]) == (413, True), route
        nothing_left(one)
        for route, answer in answers(target, name, b"small"):
            assert answer.status_code == 201, route


@pytest.mark.parametrize("name", ANSWERING)
def test_a_folder_that_is_gone_is_named_as_the_reason(tmp_path: Path, name: str) -> None:
    with site(name, tmp_path) as one:
        target = one.start()
        away = one.data.rename(one.data.parent / "away")
        expected = (507, "its log") if name == "nginx-offload" else (500, "is gone")

        def all_refused() -> bool:
            shutil.rmtree(one.data, ignore_errors=True)  # a worker that has only just started makes it again
            found = [(answer.status_code, answer.text) for _, answer in answers(target, name, TOO_LARGE)]
            return all(status == expected[0] and expected[1] in text for status, text in found)

        wait_until(all_refused)
        shutil.rmtree(one.data, ignore_errors=True)
        away.rename(one.data)
        nothing_left(one)
        assert requests.put(f"{target.url}/request-stream", data=b"x", timeout=60).status_code == 201


MOST_OPEN = 256
"""Files that a process of a server may have open: fewer than two of the four forms have."""
OTHERS = [part(b'form-data; name="p%d"; filename="p"' % number, b"") for number in range(175)]
PART = b"y" * (520 << 10)


def send_many_parts(url: str) -> int:
    """Send a form of many large files and the one to store; return the answer's status."""
    pieces = [piece for other in OTHERS for piece in (other[:-2], PART, b"\r\n")] + [
        form(part(FILE, CONTENT))
    ]
    connection = HTTPConnection(url.removeprefix("http://"), timeout=300)
    connection.putrequest("POST", "/request-files")
    connection.putheader("Content-Type", KIND["Content-Type"])
    connection.putheader("Content-Length", str(sum(map(len, pieces))))
    connection.endheaders()
    for piece in pieces:
        connection.send(piece)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("name", [name for name in TUNED if name != "nginx-offload"])
def test_forms_of_many_files_leave_the_server_answering(tmp_path: Path, name: str) -> None:
    with site(name, tmp_path) as one:
        with limited(resource.RLIMIT_NOFILE, MOST_OPEN):
            target = one.start()
        with ThreadPoolExecutor(4) as pool:
            statuses = [pool.submit(send_many_parts, target.url) for _ in range(4)]
            assert requests.get(f"{target.url}/healthz", timeout=300).status_code == 200
        assert [status.result() for status in statuses] == [201] * 4
        assert [path.read_bytes() == CONTENT for path in one.stored()] == [True] * 4
        assert requests.put(f"{target.url}/request-stream", data=b"x", timeout=60).status_code == 201
        wait_until(lambda: held_open(one.data) == [])


@pytest.mark.parametrize("name", TUNED)
def test_an_upload_in_a_folder_of_any_name_has_the_usual_rights(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "Übertragung 文件 é"
    with site(name, tmp_path, folder) as one:
        target = one.start()
        usual = one.data / "usual"
        usual.touch()
        mode = usual.stat().st_mode
        usual.unlink()
        for content in (b"", TOO_LARGE):
            for route, answer in answers(target, name, content):
                assert answer.status_code == 201, (route, answer.text)
                path = one.data / answer.json()["id"]
                assert path.read_bytes() == content
                assert path.stat().st_mode == mode, route
                path.unlink()


STORING = [title for title in RECEIVE if title != "nginx hands over"]


@pytest.mark.parametrize("title", STORING)
def test_the_recipes_give_the_reason_of_the_system(tmp_path: Path, title: str) -> None:
    recipe = Recipe.copy(tmp_path / "recipe", title)

    def status(content: bytes) -> tuple[int, str]:
        if is_form(title):
            answer = requests.post(recipe.url, files={"file": ("f", io.BytesIO(content))}, timeout=60)
        else:
            answer = requests.put(recipe.url, data=content, timeout=60)
        return answer.status_code, answer.json().get("error", "")

    with limited(resource.RLIMIT_FSIZE, MOST_BYTES), running(recipe, title):
        assert status(TOO_LARGE) == (413, "not stored: File too large")
        assert recipe.stored() == []
        away = shutil.move(recipe.uploads, recipe.folder / "away")
        assert status(TOO_LARGE) == (500, "not stored: No such file or directory")
        shutil.move(away, recipe.uploads)
        assert status(b"small") == (201, "")
