"""docs/recipes: every command of its page, as it stands, in a copy of the folder; and what may go wrong."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
import xxhash
from uploadlab.catalogue.attempts import Attempt, form, noise, raw
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.payloads import write_payload
from uploadlab.checking.wire import Reply, send_attempt
from uploadlab.paths import RECIPES
from uploadlab.processes.groups import is_running
from uploadlab.runtimes.local import free_ports, search_path
from uploadlab.units import MIB

from .fake_server import DROP, serve
from .helpers import need, wait_until

pytestmark = [pytest.mark.apart, pytest.mark.slow]

PAGE = (RECIPES / "README.md").read_text()
FILES = set(re.findall(r"`([\w.-]+\.(?:py|ini|conf))`", PAGE))
BLOCKS = dict(re.findall(r"^### ([^\n]+)\n(?:(?!^#).)*?^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
"""The commands below each heading."""
RECEIVE = [title for title, words in BLOCKS.items() if "big.bin" not in words]
RAW, FORM = (title for title in BLOCKS if title not in RECEIVE)
SMALLER = {"10 << 30": "8 << 20", "10g": "8m", "(1, 2, 4)": "(0.1, 0.1, 0.1)"}
"""The limit and the client's pauses, in the copy."""
SIZE_BYTES = 3 * MIB + 1
CASES_SENT = [
    "chunked", "post", "empty-file", "torn-boundary", "all-cr", "client-gone", "short-body", "two-framings",
    "file-names", "no-file", "broken-form", "many-parts", "large-field",
]  # fmt: skip


def is_form(title: str) -> bool:
    """Whether what stands below this heading takes forms."""
    return "form" in title


def commands(title: str) -> str:
    """Those of the page, but for the installation."""
    return "".join(line for line in BLOCKS[title].splitlines(True) if not line.startswith("pip "))


class Recipe(NamedTuple):
    """A copy of the folder, perhaps with a server that runs in it."""

    folder: Path
    port: int
    form: bool = False

    @classmethod
    def copy(cls, folder: Path, title: str = "", **replace: str) -> "Recipe":
        recipe = cls(folder, free_ports(1)[0], is_form(title))
        folder.mkdir()
        for name in FILES:
            (folder / name).write_text(recipe.changed((RECIPES / name).read_text(), **replace))
        return recipe

    def changed(self, text: str, **more: str) -> str:
        text = re.sub(r"\b8000\b", str(self.port), text)
        for old, new in {**SMALLER, **more}.items():
            text = text.replace(old, new)
        return text

    def start(self, title: str, **pipes: Any) -> subprocess.Popen[str]:
        """A block of the page, in a process group of its own."""
        environment = {**os.environ, "PATH": search_path()}
        command = ["bash", "-c", self.changed(commands(title))]
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, text=True, start_new_session=True, **pipes
        )

    def upload(self, title: str = "") -> subprocess.CompletedProcess[str]:
        """big.bin, by the page's client."""
        client = self.start(
            title or (FORM if self.form else RAW), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        said, complaint = client.communicate(timeout=300)
        return subprocess.CompletedProcess(title, client.returncode, said, complaint)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{'form' if self.form else 'upload'}"

    def stored(self) -> list[Path]:
        """All files, those in work included."""
        return [path for path in (self.folder / "uploads").rglob("*") if path.is_file()]

    def big(self, size_bytes: int = SIZE_BYTES) -> bytes:
        """The file that is uploaded."""
        write_payload(self.folder / "big.bin", size_bytes)
        return (self.folder / "big.bin").read_bytes()


@contextmanager
def running(recipe: Recipe, title: str) -> Iterator[None]:
    """The server, from its first answer to its end, with all of its processes."""
    need(*(name for name in ("nginx", "uwsgi") if f"{name} " in commands(title)))
    with open(recipe.folder / "log", "wb") as log:
        server = recipe.start(title, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(recipe))
        yield
    finally:
        end(server)


def end(server: subprocess.Popen[str]) -> None:
    """With all of its processes; one that has only just started may miss the first signal."""
    for how in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, how)
        with suppress(AssertionError):
            wait_until(
                lambda: server.poll() is not None and not is_running(server.pid),
                120 if how is signal.SIGKILL else 10,
            )
            return
    raise AssertionError("it does not end")


def answers(recipe: Recipe) -> bool:
    try:
        return requests.get(recipe.url, timeout=60).status_code == 405
    except requests.RequestException:
        return False


@pytest.fixture(scope="module", params=RECEIVE)
def recipe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipe]:
    """Each of the page's servers in turn."""
    recipe = Recipe.copy(tmp_path_factory.mktemp("recipe") / "a copy", request.param)
    with running(recipe, request.param):
        yield recipe


@pytest.fixture
def empty(recipe: Recipe) -> Recipe:
    """With nothing stored."""
    for path in recipe.stored():
        path.unlink()
    return recipe


@pytest.fixture
def client(tmp_path: Path) -> Recipe:
    """The clients alone."""
    client = Recipe.copy(tmp_path / "client")
    client.big()
    return client


def test_the_page_names_every_file_and_real_packages() -> None:
    assert {path.name for path in RECIPES.iterdir() if path.suffix in (".py", ".ini", ".conf")} == FILES
    installed = {
        name for words in re.findall(r"^pip install (.*)$", PAGE, re.MULTILINE) for name in words.split()
    }
    assert {"flask", "gunicorn", "multipart", "requests", "rich", "uwsgi"} <= installed
    for name in installed - {"uwsgi"}:
        assert version(name)


def test_two_clients_at_once(empty: Recipe) -> None:
    content = empty.big()
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: empty.upload(), range(2)))
    assert [one.returncode for one in done] == [0, 0], done
    said = {f"big.bin: {SIZE_BYTES} bytes stored as {path.name}\n" for path in empty.stored()}
    assert {one.stdout for one in done} == said
    assert [path.read_bytes() for path in empty.stored()] == [content, content]
    assert {one.stderr for one in done} == {""}


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


def attempts(name: str, form: bool) -> list[Attempt]:
    """Those of a case that are forms, or not."""
    return [one for one in CASES[name].attempts() if one.form == form]


TRIED = [(title, name) for title in RECEIVE for name in CASES_SENT if attempts(name, is_form(title))]


@pytest.mark.parametrize(("recipe", "name"), TRIED, indirect=["recipe"])
def test_every_byte_or_a_clear_no(empty: Recipe, name: str) -> None:
    stored = sum(check(empty, one, send_attempt(empty.url, one)) for one in attempts(name, empty.form))
    wait_until(lambda: len(empty.stored()) == stored)


def check(recipe: Recipe, attempt: Attempt, reply: Reply) -> bool:
    """Whether it is stored."""
    if reply.accepted:
        assert not attempt.must_refuse, attempt.label
        content = (recipe.folder / "uploads" / reply.content["id"]).read_bytes()
        assert xxhash.xxh3_128(content).hexdigest() == reply.digest, attempt.label
        assert reply.content["size_bytes"] == len(content)
    elif not reply.left:  # a server that closes on an unread body may reset its own refusal
        assert attempt.refusals and reply.status in (*attempt.refusals, None), (attempt.label, reply)
    return reply.accepted


@pytest.mark.parametrize("recipe", ["uWSGI"], indirect=True)
def test_an_upload_that_pauses(recipe: Recipe) -> None:
    attempts = [attempt for attempt in CASES["stall"].attempts() if not attempt.form]
    with ThreadPoolExecutor() as pool:
        replies = list(pool.map(lambda attempt: send_attempt(recipe.url, attempt), attempts))
    assert all(map(check, [recipe] * len(attempts), attempts, replies))


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
        ((500, b"<html>"), "answered 500: Internal Server Error"),
        ((200, {}), "answered 200: OK"),
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
