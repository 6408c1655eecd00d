"""The clients of docs/recipes by each library, and the page for browsers: progress, cuts, and refusals."""

import base64
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from uploadlab.paths import client_environment
from uploadlab.runtimes.local import free_ports, search_path
from uploadlab.units import MIB

from .asked_server import ask
from .cutting import cut
from .fake_server import serve
from .helpers import leave_out, wait_until
from .receiving import receive
from .recipes import OTHERS, SIZE_BYTES, Recipe, end, running
from .upload_apps import self_signed

pytestmark = pytest.mark.slow

LIBRARIES = {
    "upload": "", "upload_httpx": "httpx", "upload_aiohttp": "aiohttp", "upload_http_client": "",
    "upload_sendfile": "",
}  # fmt: skip
"""The modules, and the client whose environment has what they import."""
SHARING = [name for name in LIBRARIES if name != "upload"]
"""Those that share ``sent_file``: files only, and a progress that is called."""
CALL = """
import asyncio, inspect, json, sys
module = __import__(sys.argv[1])
for line in sys.stdin:
    seen = []
    words = [*json.loads(line), lambda *bytes: seen.append(bytes)]
    said = {"seen": seen, "answer": None, "error": ""}
    try:
        called = module.upload(*words[:2] if sys.argv[1] == "upload" else words)
        said["answer"] = asyncio.run(called) if inspect.iscoroutine(called) else called
    except module.UploadError as error:
        said["error"] = str(error)
    print(json.dumps(said), flush=True)
"""
WITHOUT_A_COPY = """
import json, os, sys, upload_sendfile
pread, reads, seen = os.pread, [], []
os.pread = lambda *words: reads.append(words) or pread(*words)
answer = upload_sendfile.upload("big.bin", sys.argv[1], lambda *bytes: seen.append(bytes))
print(json.dumps([answer["size_bytes"], len(reads), seen]))
"""
CUT_AFTER_BYTES = 1 * MIB
BUFFERED_BYTES = 12 * MIB
"""More than the system takes for a server that reads nothing."""


class Sender:
    """A program that uploads by a module, in the folder of the recipe."""

    def __init__(self, module: str, folder: Path) -> None:
        self.module = module
        environment = {**os.environ, "PYTHONPATH": f"{folder}:{client_environment(LIBRARIES[module])}"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", CALL, module], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def send(self, path: str, url: str) -> dict[str, Any]:
        """The answer, the error and the progress."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps([path, url]), file=self._process.stdin, flush=True)
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said

    def refused(self, url: str) -> str:
        """The line that says why big.bin is not stored."""
        said = self.send("big.bin", url)
        assert said["answer"] is None
        assert said["error"].isprintable()
        return str(said["error"])

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipe]:
    """gunicorn, and the page in its folder for static files."""
    recipe = Recipe.copy(tmp_path_factory.mktemp("recipe") / "a copy", "gunicorn")
    (recipe.folder / "static").mkdir()
    (recipe.folder / "upload.html").rename(recipe.folder / "static" / "upload.html")
    with running(recipe, "gunicorn"):
        yield recipe


@pytest.fixture
def empty(recipe: Recipe) -> Recipe:
    for path in recipe.stored():
        path.unlink()
    return recipe


@pytest.fixture(scope="module", params=LIBRARIES)
def sender(request: pytest.FixtureRequest, recipe: Recipe) -> Iterator[Sender]:
    """Each module, in one process."""
    installed(LIBRARIES[request.param])
    sender = Sender(request.param, recipe.folder)
    yield sender
    sender.close()


def installed(*libraries: str) -> None:
    for library in filter(None, libraries):
        if not client_environment(library).is_dir():
            leave_out("clients", f"{library} is not installed")


def test_each_command_of_the_page_stores_the_file(empty: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(*LIBRARIES.values())
    content = empty.big()
    monkeypatch.setenv(
        "PYTHONPATH", ":".join(str(client_environment(name)) for name in LIBRARIES.values() if name)
    )
    done = empty.upload(OTHERS)
    assert done.stderr == ""
    assert re.sub(r"\w+\n", "\n", done.stdout) == f"big.bin: {SIZE_BYTES} bytes stored as \n" * len(SHARING)
    assert [path.read_bytes() for path in empty.stored()] == [content] * len(SHARING)


def test_a_file_whose_connection_is_cut_is_sent_again_from_its_start(empty: Recipe, sender: Sender) -> None:
    content = empty.big()
    with cut(empty.port, CUT_AFTER_BYTES) as (port, cutting):
        said = sender.send("big.bin", empty._replace(port=port).url)
    assert (cutting.cuts, said["error"]) == (1, "")
    assert said["answer"]["size_bytes"] == SIZE_BYTES
    assert [path.read_bytes() for path in empty.stored()] == [content]
    if sender.module in SHARING:
        assert said["seen"].count([0, SIZE_BYTES]) == 2
        assert said["seen"][-1] == [SIZE_BYTES, SIZE_BYTES]


def test_a_file_is_announced_with_its_digest_and_only_its_size_is_success(
    empty: Recipe, sender: Sender
) -> None:
    content = empty.big()
    with ask() as (url, asked):
        assert f"stored None of {SIZE_BYTES} bytes" in sender.refused(url)
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    (request,) = asked
    announced = None if sender.module == "upload_sendfile" else f"sha-256=:{digest}:"
    assert (request.body, request.head.get("repr-digest")) == (content, announced)


def test_the_reason_of_a_refusal_is_in_the_error(empty: Recipe, sender: Sender) -> None:
    empty.big(24 * MIB)
    assert "answered 413: " in sender.refused(empty.url)
    empty.big(1)
    with serve(POST=(400, {"error": "\x1b]0;no\x07\n"})) as fake:
        assert r"answered 400: \x1b]0;no\x07" in sender.refused(fake.url)
    assert len(fake.requests) == 1
    assert "ftp://127.0.0.1/ is no address" in sender.refused("ftp://127.0.0.1/")


def test_a_file_that_changes_is_not_taken_for_another(empty: Recipe, sender: Sender) -> None:
    big, half, size = empty.folder / "big.bin", BUFFERED_BYTES, 2 * BUFFERED_BYTES
    big.write_bytes(bytes(size))
    with receive(lambda: os.truncate(big, half)) as received:
        assert f"ended after {half} of its {size} bytes" in sender.refused(received.url)
    assert received.files == []
    big.write_bytes(bytes(half))
    with receive(lambda: os.truncate(big, size)) as received:
        assert sender.send("big.bin", received.url)["error"] == ""
    assert [len(content) for content in received.files] == [half]


def test_an_empty_file_is_stored_and_a_device_refused(empty: Recipe, sender: Sender) -> None:
    empty.big(0)
    said = sender.send("big.bin", empty.url)
    assert (said["answer"]["size_bytes"], said["error"]) == (0, "")
    assert [path.read_bytes() for path in empty.stored()] == [b""]
    assert re.search("is no file|is a device", sender.send("/dev/null", empty.url)["error"])


def test_pieces_are_read_over_tls_alone(empty: Recipe, tmp_path: Path) -> None:
    content, certificate = empty.big(), str(self_signed(tmp_path))
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": certificate, "PATH": search_path()}
    (port,) = free_ports(1)
    place = f"127.0.0.1:{port}"
    command = ["gunicorn", "--bind", place, "--certfile", certificate, "--keyfile", certificate]
    server = subprocess.Popen(command, cwd=empty.folder, env=environment, start_new_session=True, text=True)
    try:
        wait_until(lambda: is_listening(port))
        said = [
            subprocess.run(
                [sys.executable, "-c", WITHOUT_A_COPY, url], cwd=empty.folder, env=environment,
                stdout=subprocess.PIPE, check=True,
            ).stdout
            for url in (empty.url, f"https://{place}/upload")
        ]  # fmt: skip
    finally:
        end(server)
    steps = [*range(0, SIZE_BYTES, MIB), SIZE_BYTES]
    assert [json.loads(line) for line in said] == [
        [SIZE_BYTES, 0, [[0, SIZE_BYTES], [SIZE_BYTES, SIZE_BYTES]]],
        [SIZE_BYTES, len(steps) - 1, [[sent_bytes, SIZE_BYTES] for sent_bytes in steps]],
    ]
    assert [path.read_bytes() for path in empty.stored()] == [content] * 2


def is_listening(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def test_a_page_sends_a_file_again_after_a_cut(empty: Recipe, browser: Browser) -> None:
    content = empty.big()
    # After the first cut Chromium itself sends the file again, as it had the connection from the page.
    with cut(empty.port, CUT_AFTER_BYTES, times=2) as (port, cutting), browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/static/upload.html")
        page.set_input_files("input", empty.folder / "big.bin")
        expect(page.get_by_role("status")).to_have_text(re.compile(r"^Stored as \w+\.$"))
        assert page.locator("progress").evaluate("bar => bar.value") == 1
    assert cutting.cuts == 2
    assert [path.read_bytes() for path in empty.stored()] == [content]


def test_a_page_shows_why_a_file_is_refused(empty: Recipe, browser: Browser) -> None:
    empty.big(24 * MIB)
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{empty.port}/static/upload.html")
        page.set_input_files("input", empty.folder / "big.bin")
        expect(page.get_by_role("status")).to_have_text(re.compile(r"^Not stored: the server answered 413: "))
    assert empty.stored() == []
