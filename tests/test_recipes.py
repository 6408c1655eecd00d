"""docs/recipes: every command of its page, as it stands, in a copy of the folder; and what may go wrong."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import requests
from uploadlab.catalogue.attempts import form, noise, raw
from uploadlab.checking.wire import send_attempt
from uploadlab.paths import APP, PACKAGES, RECIPES
from uploadlab.units import MIB

from .fake_server import DROP, serve
from .helpers import wait_until
from .recipes import DIGEST, FILES, FORM, PAGE, RAW, SIZE_BYTES, Recipe, running

pytestmark = pytest.mark.slow
OWN_APP = APP / "upload_app"


@pytest.fixture
def client(tmp_path: Path) -> Recipe:
    """The clients alone."""
    client = Recipe.copy(tmp_path / "client")
    client.big()
    return client


def test_the_page_names_every_file_and_real_packages() -> None:
    assert {path.name for path in RECIPES.iterdir() if path.suffix != ".md"} == FILES
    installed = {
        name for words in re.findall(r"^pip install (.*)$", PAGE, re.MULTILINE) for name in words.split()
    }
    assert {"flask", "gunicorn", "multipart", "requests", "rich", "uwsgi"} <= installed
    of_clients = {path.stem for path in (PACKAGES / "clients").glob("*.in")}
    for name in installed - of_clients - {"uwsgi"}:
        assert version(name)


def test_what_the_app_and_the_recipes_share_is_the_same() -> None:
    shared = {path.name for path in RECIPES.glob("*.py")} & {path.name for path in OWN_APP.glob("*.py")} - {
        "app.py"
    }
    assert {"digest.py", "framing.py"} <= shared
    for name in shared:  # each of them is to be copied alone, so neither can import the other
        assert (RECIPES / name).read_text() == (OWN_APP / name).read_text(), name


def test_two_clients_at_once(empty: Recipe) -> None:
    content = empty.big()
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: empty.upload(), range(2)))
    assert [one.returncode for one in done] == [0, 0], done
    said = {f"big.bin: {SIZE_BYTES} bytes stored as {path.name}\n" for path in empty.stored()}
    assert {one.stdout for one in done} == said
    assert [path.read_bytes() for path in empty.stored()] == [content, content]
    assert {one.stderr for one in done} == {""}


def test_curl_announces_a_digest(empty: Recipe) -> None:
    content = empty.big()
    done = empty.upload(DIGEST)
    assert json.loads(done.stdout)["size_bytes"] == SIZE_BYTES, done.stdout + done.stderr
    (stored,) = empty.stored()
    assert stored.read_bytes() == content


def test_an_empty_file(empty: Recipe) -> None:
    empty.big(0)
    assert empty.upload().stdout.startswith("big.bin: 0 bytes stored")
    assert [path.read_bytes() for path in empty.stored()] == [b""]


def test_a_body_over_the_limit(empty: Recipe) -> None:
    empty.big(24 * MIB)
    done = empty.upload()
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(f"not uploaded: {empty.url} answered 413: .*\n", done.stderr)
    for chunked in (False, True):
        attempt = (form if empty.form else raw)(noise(24 * MIB), chunked=chunked)
        assert send_attempt(empty.url, attempt).status == 413
    wait_until(lambda: empty.stored() == [])


def test_a_server_that_loses_chunks_refuses_them(tmp_path: Path) -> None:
    recipe = Recipe.copy(tmp_path / "recipe", **{"uwsgi_app:application": "app:app"})
    with running(recipe, "uWSGI"):
        connection = HTTPConnection("127.0.0.1", recipe.port, timeout=60)
        connection.putrequest("PUT", "/upload")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()  # no more: what is sent on would be met by a reset
        assert connection.getresponse().status == 411
        connection.close()
        assert recipe.stored() == []


@pytest.mark.parametrize("recipe", ["nginx hands over"], indirect=True)
def test_no_header_names_a_file(recipe: Recipe) -> None:
    mine = recipe.folder / "mine"
    mine.write_text("mine")
    headers = {name: str(mine) for name in ("Upload-File", "UPLOAD_FILE", "Http-Upload-File")}
    assert requests.put(recipe.url, b"yours", headers=headers, timeout=60).json()["size_bytes"] == 5
    assert requests.put(recipe.url, b"", headers=headers, timeout=60).json()["size_bytes"] == 0
    assert mine.read_text() == "mine"


class InTurn(dict[str, Any]):
    """One answer after the other."""

    def __init__(self, *answers: Any) -> None:
        self.left = list(answers)

    def __getitem__(self, verb: str) -> Any:
        return self.left.pop(0)


def to(client: Recipe, url: str) -> Recipe:
    """The client, for a server elsewhere."""
    return client._replace(port=int(url.rpartition(":")[2]))


STORED = (201, {"id": "x", "size_bytes": SIZE_BYTES})


@pytest.mark.parametrize("title", [RAW, FORM])
def test_the_client_sends_again_from_the_start(client: Recipe, title: str) -> None:
    with serve() as fake:
        fake.answers = InTurn(DROP, (503, {}), STORED)
        done = to(client, fake.url).upload(title)
    assert done.stdout == f"big.bin: {SIZE_BYTES} bytes stored as x\n", done.stderr
    content = client.big()
    assert [content in body for body in fake.bodies] == [True] * 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, {"error": "no"}), "answered 400: no"),
        ((500, b"<html>"), "answered 500 Internal Server Error, expected 201"),
        ((200, {}), "answered 200 OK, expected 201"),
        ((201, {"size_bytes": 0}), f"stored 0 of {SIZE_BYTES} bytes"),
    ],
)
def test_the_client_takes_no_for_an_answer(client: Recipe, answer: Any, words: str) -> None:
    with serve(POST=answer) as fake:
        fails(to(client, fake.url).upload(RAW), words)
    assert len(fake.requests) == 1


def test_the_client_says_when_nobody_answers(client: Recipe) -> None:
    fails(client.upload(RAW), f"{client.url}: Connection refused")
    with serve(POST=DROP) as fake:
        fails(to(client, fake.url).upload(RAW), "is the file larger than the server takes?")
    assert len(fake.requests) == 4
    (client.folder / "big.bin").unlink()
    fails(client.upload(RAW), "No such file or directory: 'big.bin'")


def fails(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("not uploaded: ")
    assert words in line
