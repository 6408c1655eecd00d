"""docs/recipes/app_resumable.py after a kill, on a full disk, behind a server that buffers; its clients."""

import importlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from uploadlab.paths import RECIPES
from uploadlab.units import MIB

from .browser import shut_out
from .cutting import cut
from .fake_server import DROP, serve
from .helpers import wait_until
from .recipes import RESUMABLE, RESUMING, Recipe, answers, end, running
from .small_disk import fill, small_disk
from .tus import Tus

pytestmark = pytest.mark.slow

FILE = random.Random(26).randbytes(3 * MIB + 1)
MORE_TRIES = (0.1,) * 99


def copied(folder: Path) -> Tus:
    """A copy with the file to upload, and the page where Flask serves it."""
    tus = Tus(Recipe.copy(folder / "a copy"))
    (tus.recipe.folder / "big.bin").write_bytes(FILE)
    (tus.recipe.folder / "static").mkdir()
    page = tus.recipe.folder / "upload_resumable.html"
    page.rename(page.parent / "static" / page.name)
    return tus


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tus]:
    tus = copied(tmp_path_factory.mktemp("recipe"))
    with running(tus.recipe, RESUMABLE):
        yield tus


@pytest.fixture
def tus(served: Tus) -> Tus:
    for path in served.recipe.stored():
        path.unlink(missing_ok=True)
    return served


def whole(tus: Tus) -> list[bytes]:
    """What is stored under final names."""
    return [path.read_bytes() for path in tus.recipe.uploads.iterdir() if path.is_file()]


@contextmanager
def started(tus: Tus) -> Iterator[subprocess.Popen[str]]:
    """The server, which a test may kill."""
    server = tus.recipe.start(RESUMABLE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(tus.recipe))
        yield server
    finally:
        end(server)


def through(tus: Tus, port: int) -> Tus:
    """The same server by another port."""
    return tus._replace(recipe=tus.recipe._replace(port=port))


def kill(server: subprocess.Popen[str]) -> None:
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def test_a_kill_of_the_server_costs_no_byte_that_it_has_written(tmp_path: Path) -> None:
    tus = copied(tmp_path)
    with started(tus) as server:
        place, full = tus.begin(len(FILE)), tus.begin(5)
        part = tus.recipe.uploads / "resumable" / f"{place.rpartition('/')[2]}.part"
        with tus.open(place, 0, len(FILE), FILE[:MIB]):
            wait_until(lambda: part.stat().st_size > 0)
            kill(server)
        part.with_name(f"{full.rpartition('/')[2]}.part").write_bytes(
            b"bytes"
        )  # killed before it got its name
    assert whole(tus) == []
    with started(tus):
        assert tus.offset(full) == 5
        assert whole(tus) == [b"bytes"]
        offset = tus.offset(place)
        assert offset == part.stat().st_size
        assert 0 < offset <= MIB
        assert tus.patch(place, offset, FILE[offset:]).status_code == 204
        assert sorted(map(len, whole(tus))) == [5, len(FILE)]
        assert FILE in whole(tus)


def test_a_full_disk_keeps_what_has_arrived(tmp_path: Path) -> None:
    tus = copied(tmp_path)
    with small_disk(tus.recipe.uploads, 8 * MIB):
        tus.recipe.uploads.chmod(0o700)
        with started(tus):
            place = tus.begin(len(FILE))
            filler = fill(tus.recipe.uploads, MIB)
            refused = tus.patch(place, 0, FILE)
            assert (refused.status_code, refused.json()["error"]) == (
                507,
                "not stored: No space left on device",
            )
            offset = tus.offset(place)
            assert offset is not None
            assert 0 < offset <= MIB
            assert tus.ask("POST", headers={"Upload-Length": str(MIB)}).status_code == 507
            filler.unlink()
            assert tus.patch(place, offset, FILE[offset:]).status_code == 204
            assert whole(tus) == [FILE]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """upload_resumable.py, as a program imports it that has a copy."""
    for name in ("upload_resumable.py", "sent_file.py"):
        shutil.copy(RECIPES / name, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("upload_resumable")
    monkeypatch.setattr(module, "PAUSES_SECONDS", MORE_TRIES)
    yield module
    for name in ("upload_resumable", "sent_file"):
        del sys.modules[name]


def test_behind_a_server_that_buffers_only_pieces_go_on(tmp_path: Path, client: Any) -> None:
    """waitress takes each body whole before it calls the app."""
    tus = copied(tmp_path)
    words = [sys.executable, "-m", "waitress", f"--port={tus.recipe.port}", "app_resumable:app"]
    server = subprocess.Popen(words, cwd=tus.recipe.folder, text=True, start_new_session=True)
    try:
        wait_until(lambda: answers(tus.recipe))
        place = tus.begin(len(FILE))
        tus.patch(place, 0, FILE[:MIB])
        tus.open(place, MIB, len(FILE) - MIB, FILE[MIB : 2 * MIB]).close()
        wait_until(lambda: tus.offset(place) is not None)
        assert tus.offset(place) == MIB
        with cut(tus.recipe.port, MIB // 2, times=1) as (port, cutting):
            client.upload(tus.recipe.folder / "big.bin", through(tus, port).url, piece_bytes=MIB)
        assert (cutting.cuts, whole(tus)) == (1, [FILE])
    finally:
        end(server)


def test_the_client_goes_on_after_each_cut(tus: Tus) -> None:
    with cut(tus.recipe.port, MIB, times=2) as (port, cutting):
        done = through(tus, port).recipe.upload(RESUMING)
    assert (cutting.cuts, done.stderr) == (2, "")
    assert re.fullmatch(rf"big\.bin: {len(FILE)} bytes stored as \w{{32}}\n", done.stdout)
    assert whole(tus) == [FILE]
    assert not (tus.recipe.folder / "big.bin.upload-url").exists()


def begun(tus: Tus, client: Any) -> Path:
    """What a client that was killed has left: a MiB at the server, and the address beside the file."""
    big = tus.recipe.folder / "big.bin"
    with big.open("rb") as file:
        about = client.describe(big, file)
    place = tus.begin(len(FILE), **{"Upload-Metadata": about["Upload-Metadata"]})
    tus.patch(place, 0, FILE[:MIB])
    memory = big.with_name("big.bin.upload-url")
    memory.write_text(tus.url.replace("/files", place))
    return memory


def test_the_same_call_goes_on_after_the_client_was_killed(tus: Tus, client: Any) -> None:
    memory, big, seen = begun(tus, client), tus.recipe.folder / "big.bin", list[tuple[int, int]]()
    place = memory.read_text().rpartition("/")[2]
    answer = client.upload(big, tus.url, lambda *bytes: seen.append(bytes))
    assert answer == {"id": place, "size_bytes": len(FILE)}
    assert (seen[0], seen[-1]) == ((2 * MIB, len(FILE)), (len(FILE), len(FILE)))
    assert (whole(tus), memory.exists()) == ([FILE], False)
    client.upload(big, tus.url)  # a second copy, as asked
    assert whole(tus) == [FILE] * 2


def test_another_file_or_an_upload_that_expired_begins_again(tus: Tus, client: Any) -> None:
    memory, big = begun(tus, client), tus.recipe.folder / "big.bin"
    os.utime(big, (1, 1))
    old = memory.read_text()
    assert client.upload(big, tus.url)["id"] not in old
    for place in (old[:-32] + "0" * 32, old.replace("127.0.0.1", "127.0.0.2"), "no address"):
        memory.write_text(place)
        client.upload(big, tus.url)
    assert whole(tus) == [FILE] * 4


def test_a_file_that_changes_while_it_is_sent_is_no_success(tus: Tus, client: Any) -> None:
    big = tus.recipe.folder / "changing.bin"
    for change in (lambda: big.touch(), lambda: os.truncate(big, MIB)):
        big.write_bytes(FILE)
        with pytest.raises(client.UploadError, match="change"):
            client.upload(big, tus.url, lambda *_, change=change: change())


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"POST": (404, {"error": "no"})}, "answered 404: no"),
    ({"POST": (201, {})}, "as the upload's address"),
    ({"POST": (413, {"error": "too large\x1b]0;"})}, r"answered 413: too large\x1b]0;"),
    ({"POST": (302, {})}, "answered 302 Found, expected 201"),
    ({"POST": (500, b"<html>")}, "answered 500 Internal Server Error, expected 201"),
    ({"POST": DROP}, "Remote end closed connection"),
    ({"POST": (503, {"error": "busy"})}, "answered 503: busy"),
]
"""The last three may pass."""


def test_the_client_gives_up_with_one_line(tus: Tus, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSES_SECONDS", (0.01, 0.01))
    big = tus.recipe.folder / "big.bin"
    for number, (responses, words) in enumerate(REFUSALS):
        with serve(**responses) as fake, pytest.raises(client.UploadError) as refused:
            client.upload(big, f"{fake.url}/files")
        assert words in str(refused.value)
        assert str(refused.value).isprintable()
        assert len(fake.requests) == (1 if number < len(REFUSALS) - 3 else 3)
    for address in ("ftp://127.0.0.1/", "127.0.0.1", "http://"):
        with pytest.raises(client.UploadError, match=address):
            client.upload(big, address)
    with pytest.raises(client.UploadError, match="is no file"):
        client.upload("/dev/null", tus.url)


def test_two_clients_with_one_upload_store_it_once(tus: Tus, client: Any) -> None:
    begun(tus, client)
    with ThreadPoolExecutor() as pool:
        done = [*pool.map(lambda _: client.upload(tus.recipe.folder / "big.bin", tus.url), range(2))]
    assert done[0] == done[1]
    assert whole(tus) == [FILE]


@contextmanager
def opened(
    browser: Browser, port: int, name: str = "upload_resumable.html"
) -> Iterator[tuple[Page, list[Request]]]:
    """The page, and the requests that it sends."""
    with browser.new_context() as context:
        page, requests = context.new_page(), list[Request]()
        page.on("request", lambda request: requests.append(request))
        page.goto(f"http://127.0.0.1:{port}/static/{name}")
        yield page, requests


def choose(page: Page, tus: Tus) -> None:
    page.set_input_files("input", tus.recipe.folder / "big.bin")


def offsets(requests: list[Request]) -> list[int]:
    return [int(one.headers["upload-offset"]) for one in requests if one.method == "PATCH"]


STORED = re.compile(r"^Stored as \w{32}\.$")


def test_the_page_goes_on_after_a_cut(tus: Tus, browser: Browser) -> None:
    with cut(tus.recipe.port, MIB, times=2) as (port, cutting), opened(browser, port) as (page, requests):
        assert shut_out(page) == []
        choose(page, tus)
        expect(page.get_by_role("status")).to_have_text(STORED)
        assert page.locator("progress").evaluate("bar => bar.value") == 1
        assert page.evaluate("localStorage.length") == 0
    assert (cutting.cuts, whole(tus)) == (2, [FILE])
    methods = [one.method for one in requests]
    assert (methods.count("POST"), "HEAD" in methods) == (1, True)


def test_the_page_goes_on_after_a_reload(tus: Tus, browser: Browser) -> None:
    waiting = tus.recipe.folder / "static" / "waiting.html"  # a page that does not go on by itself
    text = waiting.with_name("upload_resumable.html").read_text()
    waiting.write_text(text.replace("Array(99).fill(100)", "[3600000]"))
    # Chromium itself sends the body again after a cut, and that is cut, too.
    with cut(tus.recipe.port, MIB, 100) as (port, _), opened(browser, port, waiting.name) as (page, requests):
        choose(page, tus)
        status = page.get_by_role("status")
        expect(status).to_have_text(re.compile("^Again in 3600 s"))
        (part,) = tus.recipe.uploads.glob("*/*.part")
        wait_until(lambda: (tus.offset(f"/files/{part.stem}") or 0) > 0)
        page.reload()
        expect(status).to_have_text("Not complete: big.bin. Choose the file again to go on.")
        before = len(requests)
        page.goto(page.url.replace(waiting.name, "upload_resumable.html"))
        choose(page, tus)
        expect(status).to_have_text(f"Stored as {part.stem}.")
    assert whole(tus) == [FILE]
    assert 0 < min(offsets(requests[before:])) < len(FILE)


def test_the_page_shows_why_a_file_is_refused(tus: Tus, browser: Browser) -> None:
    big = tus.recipe.folder / "large.bin"
    with big.open("wb") as file:
        file.truncate(24 * MIB)
    with opened(browser, tus.recipe.port) as (page, _):
        page.set_input_files("input", big)
        expect(page.get_by_role("status")).to_have_text(
            re.compile("^Not stored: the server answered 413: at most")
        )
    assert tus.recipe.stored() == []
