"""Forms with one file, stored as it is, and all others, refused with a true reason; on every route."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from uploadlab.paths import APP, RECIPES
from werkzeug.test import TestResponse

from .helpers import DEPLOYMENTS, wait_until
from .recipes import RECEIVE, Recipe, is_form, running
from .running import Lab
from .test_app import FORM_ROUTES, client, refused
from .wire import send_and_close

pytestmark = pytest.mark.slow

KIND = {"Content-Type": "multipart/form-data; boundary=x"}
FILE = b'form-data; name="file"; filename="f"'
FIELD = b'form-data; name="file"'
NONE = b'form-data; name="file"; filename=""'
OTHER = b'form-data; name="other"; filename="o"'
CONTENT = b"the\r\nfile" * 70_000
"""More than Werkzeug keeps in memory, and than a field may have."""
TUNED = [name for name, deployment in DEPLOYMENTS.items() if deployment.tier == "tuned"]
FORM_RECIPES = [title for title in RECEIVE if is_form(title)]


def part(disposition: bytes, content: bytes = CONTENT, more: bytes = b"") -> bytes:
    head = b"--x\r\nContent-Disposition: " + disposition + b"\r\n" + more
    return head + b"\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--x--\r\n"


class Case(NamedTuple):
    """A form, and the words of its refusal; without them it is stored."""

    body: bytes
    words: str = ""


def named(name: bytes) -> bytes:
    return form(part(b'form-data; name="file"; ' + name))


def coded(header: bytes) -> bytes:
    return form(part(FILE, more=header + b"\r\n"))


CASES = {
    "two files": Case(form(part(FILE), part(FILE, b"b")), "one file, please"),
    "an empty one first": Case(form(part(FILE, b""), part(FILE)), "one file, please"),
    "an empty one last": Case(form(part(FILE), part(FILE, b"")), "one file, please"),
    "none chosen beside it": Case(form(part(FILE), part(NONE, b"")), "one file, please"),
    "a field of its name before": Case(form(part(FIELD, b"v"), part(FILE)), "one file, please"),
    "a field of its name behind": Case(form(part(FILE), part(FIELD, b"v")), "one file, please"),
    "two, the name unquoted": Case(
        form(part(b"form-data; filename=f; name=file"), part(b"FORM-DATA; NAME=file; FILENAME=g")),
        "one file, please",
    ),
    "nothing chosen": Case(form(part(NONE, b"")), "no file was chosen"),
    "nothing chosen, in RFC 2231": Case(named(b"filename*=utf-8''"), "no file was chosen"),
    "a large field": Case(form(part(FIELD)), "has no filename"),
    "no file": Case(form(part(b'form-data; name="a"', b"b")), "no complete file part named 'file'"),
    "base64": Case(coded(b"Content-Transfer-Encoding: base64"), "Content-Transfer-Encoding: 'base64'"),
    "base64, in capitals": Case(coded(b"CONTENT-TRANSFER-ENCODING:BASE64"), "Content-Transfer-Encoding"),
    "quoted-printable": Case(coded(b"content-transfer-encoding: Quoted-Printable"), "send the file's bytes"),
    "base64, folded": Case(coded(b"Content-Transfer-Encoding:\r\n base64"), "Content-Transfer-Encoding"),
    "base64, with a comment": Case(coded(b"Content-Transfer-Encoding: base64 (x)"), "send the file's bytes"),
    "base64 after binary": Case(
        coded(b"Content-Transfer-Encoding: binary\r\nContent-Transfer-Encoding: base64"), "'base64'"
    ),
    "gzip": Case(coded(b"Content-Encoding: gzip"), "Content-Encoding: 'gzip'"),
    "binary": Case(coded(b"Content-Transfer-Encoding: binary")),
    "8bit": Case(coded(b"content-transfer-encoding:8BIT ")),
    "7bit": Case(coded(b"Content-Transfer-Encoding: 7Bit")),
    "a backslash at the end": Case(named(b'filename="a\\"')),
    "a backslash at the end, name last": Case(form(part(b'form-data; filename="a\\"; name="file"'))),
    "a backslash at the end, escaped": Case(named(b'filename="a\\\\"')),
    "escaped quotes": Case(named(b'filename="a\\"b; name=\\"c\\".txt"')),
    "quotes of HTML": Case(named(b'filename="a%22b; name=%22c"')),
    "bare quotes": Case(named(b'filename="a"b".txt"')),
    "RFC 2231 only": Case(named(b"filename*=UTF-8''%e2%82%ac%20rates")),
    "both, RFC 2231 empty": Case(named(b"filename=\"f\"; filename*=UTF-8''")),
    "both, the other empty": Case(named(b"filename*=UTF-8''f; filename=\"\"")),
    "RFC 2231 in pieces": Case(named(b"filename*0=a; filename*1=b")),
    "UTF-8": Case(named('filename="Zürich 表.bin"'.encode())),
    "not quoted": Case(named("filename=Zürich 1.bin".encode())),
    "a word without a value": Case(named(b'x; filename="a";')),
    "Latin-1": Case(named('filename="Zürich"'.encode("latin-1")), "malformed form"),
    "quotes that do not end": Case(named(b'filename="a'), "cannot be read"),
    "no form-data": Case(form(part(b'attachment; name="file"; filename="f"')), "Content-Disposition"),
    "no last boundary": Case(part(FILE), "malformed form"),
}
BESIDE = form(part(OTHER), part(FILE), part(OTHER, b"o"))
"""The app drops other files. The recipes refuse them."""


@pytest.mark.parametrize("route", FORM_ROUTES)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("strict", ["0", "1"])
def test_a_form_is_stored_or_refused_for_its_reason(
    tmp_path: Path, route: str, name: str, strict: str
) -> None:
    body, words = CASES[name]
    answer = client(tmp_path, STRICT_FRAMING=strict).post(route, data=body, headers=KIND)
    if words:
        refused(answer, 400, words, tmp_path)
    else:
        assert (tmp_path / answer.get_json()["id"]).read_bytes() == CONTENT


@pytest.mark.parametrize("route", FORM_ROUTES)
@pytest.mark.parametrize("missing", [1, 9])
@pytest.mark.parametrize("end", [b"", b"epilogue" * 20_000])
def test_a_form_is_read_to_its_announced_end(tmp_path: Path, route: str, missing: int, end: bytes) -> None:
    body = form(part(FILE)) + end
    app = client(tmp_path)
    for ends_itself in ({}, {"wsgi.input_terminated": True}):

        def send(length: int, more: dict[str, Any] = ends_itself) -> TestResponse:
            # Not as headers: without data, the test client would choose another boundary.
            head = {"CONTENT_TYPE": KIND["Content-Type"], "CONTENT_LENGTH": str(length)}
            return app.post(route, environ_overrides={"wsgi.input": io.BytesIO(body), **head, **more})

        refused(send(len(body) + missing), 400, "body ended", tmp_path)
        answer = send(len(body))
        assert answer.status_code == 201
        app.delete(f"/uploads/{answer.get_json()['id']}")


def check(url: str, folder: Path, name: str, case: Case) -> None:
    answer = requests.post(url, data=case.body, headers=KIND, timeout=60)
    if case.words:
        assert (answer.status_code, case.words in answer.json()["error"]) == (400, True), (name, answer.text)
    else:
        assert answer.status_code == 201, (name, answer.text)
        (folder / answer.json()["id"]).unlink()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", TUNED)
def test_the_tuned_deployments_take_one_file_or_give_the_reason(lab: Lab, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    for route in FORM_ROUTES:
        for label, case in {**CASES, "another file": Case(BESIDE)}.items():
            check(f"{url}{route}", lab.data / name, f"{route} {label}", case)
    wait_until(lambda: lab.stored_files(name) == [])


@pytest.mark.parametrize("name", TUNED)
def test_the_tuned_deployments_keep_no_form_that_ends_early(lab: Lab, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    for route in FORM_ROUTES:
        for content in (b"small", CONTENT):
            status = send_and_close(f"{url}{route}", form(part(FILE, content)), missing=9)
            assert status in (400, None), route  # nginx says nothing to a client that has closed its side
    wait_until(lambda: lab.stored_files(name) == [])


@pytest.mark.parametrize("name", TUNED)
def test_a_405_says_what_is_allowed(lab: Lab, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    for route, allowed in (("/request-files", {"POST", "OPTIONS"}), ("/healthz", {"GET", "HEAD", "OPTIONS"})):
        answer = requests.put(f"{url}{route}", data=b"x", timeout=60)
        assert (answer.status_code, list(answer.json())) == (405, ["error"])
        assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.fixture(scope="module", params=RECEIVE)
def recipe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipe]:
    """Each of the page's servers in turn, in a folder whose name is not ASCII."""
    recipe = Recipe.copy(tmp_path_factory.mktemp("recipe") / "ein Ordner für 文件", request.param)
    with running(recipe, request.param):
        yield recipe


@pytest.mark.parametrize("recipe", FORM_RECIPES, indirect=True)
def test_the_recipes_take_one_file_or_give_the_reason(recipe: Recipe) -> None:
    for label, case in {**CASES, "another file": Case(BESIDE, "send one file")}.items():
        check(recipe.url, recipe.uploads, label, case)
    assert recipe.stored() == []


@pytest.mark.parametrize("recipe", FORM_RECIPES, indirect=True)
def test_the_recipes_keep_no_form_that_ends_early(recipe: Recipe) -> None:
    for content in (b"small", CONTENT):
        assert send_and_close(recipe.url, form(part(FILE, content)), missing=9) == 400
    assert recipe.stored() == []


def test_the_recipes_store_beside_any_path_and_say_what_is_allowed(recipe: Recipe) -> None:
    send = requests.post if recipe.form else requests.put
    body = form(part(FILE)) if recipe.form else CONTENT
    answer = send(recipe.url, data=body, headers=KIND if recipe.form else {}, timeout=60)
    assert answer.status_code == 201, answer.text
    (path,) = recipe.stored()
    assert path.read_bytes() == CONTENT
    path.unlink()
    no = requests.delete(recipe.url, timeout=60)
    assert (no.status_code, list(no.json())) == (405, ["error"])
    assert "POST" in no.headers["Allow"].split(", ")


def test_the_recipe_has_the_rules_of_the_app() -> None:
    assert (RECIPES / "one_file.py").read_text() == (APP / "upload_app" / "one_file.py").read_text()
