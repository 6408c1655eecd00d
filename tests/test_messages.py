"""What an error's line says: the cause once, what to type next, and nothing that is a secret."""

import ast
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from uploadlab.errors import problem_of
from uploadlab.paths import ROOT
from uploadlab.private_urls import masked_line

from .fake_server import DROP, serve
from .helpers import lab
from .test_scripts import fails, serve_sh, uploader

CODE = sorted((ROOT / "client").rglob("*.py"))
SYSTEM_ERRORS = {
    "OSError",
    "FileNotFoundError",
    "PermissionError",
    "FileExistsError",
    "ConnectionError",
    "gaierror",
}


def whole_errors(tree: ast.Module) -> Iterator[int]:
    """The lines of messages that have an error of the system in them as Python writes it: with a number."""
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.type is None:
            continue
        caught = {name.id for name in ast.walk(handler.type) if isinstance(name, ast.Name)}
        for node in ast.walk(handler) if caught & SYSTEM_ERRORS else ():
            in_text = node.value if isinstance(node, ast.FormattedValue) else None
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "str":
                in_text = node.args[0]
            if isinstance(in_text, ast.Name) and in_text.id == handler.name:
                yield in_text.lineno


def test_no_message_repeats_the_number_of_a_systems_error() -> None:
    found = {str(path.relative_to(ROOT)): sorted(whole_errors(ast.parse(path.read_text()))) for path in CODE}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_what_such_a_message_would_be_is_found() -> None:
    text = "try: pass\nexcept (OSError, ValueError) as error:\n raise LabError(f'cannot read: {error}')"
    assert list(whole_errors(ast.parse(text))) == [3]
    assert problem_of(OSError(2, "No such file", "name")) == "No such file"
    assert [problem_of(error) for error in (ValueError("a b"), ValueError())] == ["a b", "ValueError"]


NO_FILE = "No such file or directory"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "flask", "flsk"], "did you mean 'flask'? see configs/ and compose.yaml"),
        (["compare", "configs/uwsgi/uwsgi-tund.ini", "flask"], f"{NO_FILE}; choose from nginx-offload.ini, "),
        (["ablate", "gunicorn-gthred"], "did you mean 'gunicorn-gthread'"),
        (["report", "no-such-run"], "name a run's folder, or last for the newest run"),
        (["report", "x" * 300], "no run at "),
        (["run", "--sizes", "64X"], "write 64MiB, 64M for the same, 64MB for 64000000"),
        (["run", "--sizes", ""], "names nothing. See lab run --help"),
        (["check", "words"], "extra argument (words). See lab check --help"),
        (["serve", "flask", "--limit", "much"], "--limit: size 'much' is not a number of bytes"),
        (["serve", "flask", "--reserve", "0.1"], "--reserve: size '0.1' is not"),
        (["run", "--load", "--expect-workers", "1", "--listen", "a:b@h:1"], "is not HOST:PORT"),
    ],
)
def test_a_mistake_is_one_line_with_what_to_type(words: list[str], said: str) -> None:
    done = lab(*words)
    (line,) = done.stderr.splitlines()
    assert said in line
    assert line.count(NO_FILE) == (NO_FILE in said)
    assert "[Errno" not in line


def test_a_run_whose_name_is_misspelt_is_suggested(tmp_path: Path) -> None:
    (tmp_path / "20260131-120000-quick").mkdir()
    (tmp_path / "20260131-120000-quick" / "run.json").write_text("{}")
    done = lab("report", "20260131-12000-quick", "--out", tmp_path)
    assert "did you mean '20260131-120000-quick'?" in done.stderr


def test_a_port_for_workers_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy, serve(POST=(200, b"")) as fake:
        port = busy.getsockname()[1]
        words = ["--plan", "crowd", "--users", "1", "--expect-workers", "1", "--listen", f"127.0.0.1:{port}"]
        target = ["--deployments", "mine", "--target", f"mine={fake.url}", "--expect-status", "200"]
        done = lab(*words, *target, "--runtime", "local", "--out", tmp_path)
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line == f"lab: --listen 127.0.0.1:{port}: Address already in use; choose another address"


SECRET = "s3cret-word"
PRIVATE = [f"http://someone:a/{SECRET}@h.invalid/?t={SECRET}", f"someone:{SECRET}@h.invalid"]
IN_VAIN = (
    "", "check", "resume", "report", "show last", "serve", "list", "compare flask", "ablate", "run --plan",
    "run --sizes", "run --deployments", "serve flask --host", "check --cases", "--check --target",
)  # fmt: skip
"""Words that no URL may follow."""


@pytest.mark.parametrize("word", PRIVATE)
@pytest.mark.parametrize("typed", IN_VAIN)
def test_a_login_in_a_wrong_place_is_never_printed(typed: str, word: str) -> None:
    done = lab(*typed.split(), word)
    assert done.returncode in (1, 2)
    assert SECRET not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "cannot write to /a/b: No space left on device; choose another --out",
        "--host x: write --host 127.0.0.1, or --host :: for all addresses",
        "http://127.0.0.1:8000/up does not answer (Connection refused); start that server",
        "unknown method 'request.strem': did you mean 'request.stream'? choose from a, b",
        "cannot read me@home: No such file or directory",
    ],
)
def test_a_line_without_secrets_stays_as_it_is(text: str) -> None:
    assert masked_line(text) == text


LOGIN = f"someone:{SECRET}@"
CALLED = "a was not uploaded to {url}/request-stream: "
ANSWERS = [
    ((404, b"<html>"), "refused: answered 404 Not Found, expected 201; --url takes the address of a server"),
    ((405, b""), "without a route: http://localhost:5000/"),
    ((413, {"error": "too large"}), "refused: too large"),
    ((500, b""), "refused: answered 500 Internal Server Error, expected 201"),
    (DROP, "./scripts/lab serve flask"),
]


@pytest.mark.parametrize("method", ["request.stream", "request.stream-curl"])
@pytest.mark.parametrize(("answer", "said"), ANSWERS)
def test_the_uploader_names_what_it_called(tmp_path: Path, method: str, answer: object, said: str) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with serve(POST=answer) as fake:
        url = fake.url.replace("http://", f"http://{LOGIN}") + f"/?token={SECRET}"
        done = uploader("a", "-t", method, "--url", url, folder=tmp_path)
    fails(done, 1, CALLED.format(url=fake.url))
    fails(done, 1, said)
    assert SECRET not in done.stdout + done.stderr


def test_the_uploader_names_where_it_asked_what_is_stored(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with serve(GET=(404, b"")) as fake:
        done = uploader("a", "--url", fake.url, folder=tmp_path)
    fails(
        done,
        1,
        f"{CALLED.format(url=fake.url)}wrong: not verified: answered 404 Not Found ({fake.url}/uploads/x",
    )
    with serve(
        POST=(201, {"id": "x"}), GET=(200, {"size_bytes": 3, "digest": "06b05ab6733a618578af5f94892f3950"})
    ) as fake:
        done = uploader("a", "--url", fake.url, "--profile", folder=tmp_path)
    assert f"{fake.url}/request-stream sent no profile" in done.stderr


def test_the_uploader_of_a_file_that_is_a_url_shows_no_login(tmp_path: Path) -> None:
    for words in ([f"http://{LOGIN}h/a"], ["a", f"http://{LOGIN}h/a"], ["a", "--url", f"http://{LOGIN}"]):
        done = uploader(*words, folder=tmp_path)
        assert (done.returncode in (1, 2), SECRET in done.stderr + done.stdout) == (True, False)
    assert serve_sh("flask", f"http://{LOGIN}h").returncode == 2
