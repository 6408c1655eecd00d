"""The doctor's far end on real servers: what arrives there, and that it knows the server."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from uploadlab.doctoring.far_end import PATH, make_far_end
from uploadlab.model.exchanges import Arrived
from uploadlab.runtimes.local import search_path

from .far_end import APP, TOKEN, arrived_of, request_of, write_probe
from .helpers import leave_out, need
from .serving import answered, serving

SIZE = 200_000
BODY = bytes(range(250)) * (SIZE // 250)
CHUNKS = (b"%x\r\n%s\r\n" % (SIZE // 2, BODY[: SIZE // 2])) * 2 + b"0\r\n\r\n"


class Served(NamedTuple):
    """How a server is started, and what the far end must see there."""

    command: str
    interface: str = "wsgi"
    name: str = ""
    """Of the server; empty: the command's first word."""
    looks_empty: bool = False
    """Whether Flask reads nothing of a chunked body there."""


SERVERS = {
    "uwsgi": Served("uwsgi --http-socket 127.0.0.1:{port} --module user --need-app", looks_empty=True),
    "gunicorn": Served("gunicorn --bind 127.0.0.1:{port} user"),
    "werkzeug": Served("flask --app user:flask_app run --port {port}", name="werkzeug"),
    "waitress": Served("waitress-serve --listen 127.0.0.1:{port} user:application", name="waitress"),
    "uvicorn": Served("uvicorn --port {port} user:asgi", "asgi"),
    "uvicorn-wsgi": Served("uvicorn --port {port} --interface wsgi user:application", looks_empty=True),
    "hypercorn": Served("hypercorn --bind 127.0.0.1:{port} asgi:user:asgi", "asgi"),
    "hypercorn-wsgi": Served("hypercorn --bind 127.0.0.1:{port} wsgi:user:application", looks_empty=True),
}
FLASK = """
from flask import Flask
flask_app = Flask("user")
flask_app.wsgi_app = upload_lab_probe(flask_app.wsgi_app)
"""


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The ports of all servers that are installed here."""
    folder = tmp_path_factory.mktemp("far-end")
    with ExitStack() as stack, ThreadPoolExecutor() as starting:

        def start(name: str) -> int:
            own = folder / name
            own.mkdir()
            write_probe(own, make_far_end(token=TOKEN))
            (own / "user.py").write_text(APP + (FLASK if name == "werkzeug" else ""))
            server: AbstractContextManager[int] = serving(own, SERVERS[name].command.split())
            return stack.enter_context(server)

        installed = [name for name in SERVERS if not missing(name)]
        yield dict(zip(installed, starting.map(start, installed), strict=True))


def missing(name: str) -> str:
    """The program that a server needs and this host lacks; empty: it is there."""
    program = SERVERS[name].command.partition(" ")[0]
    return "" if shutil.which(program, path=search_path()) else program


@pytest.fixture(params=SERVERS)
def place(request: pytest.FixtureRequest, ports: dict[str, int]) -> tuple[int, Served]:
    """A server's port, and what is expected of it."""
    if lacking := missing(request.param):
        leave_out(lacking, f"{lacking} is not installed")
    return ports[request.param], SERVERS[request.param]


def asked(port: int, *lines: str, body: bytes = b"", path: str = PATH) -> tuple[int, Arrived]:
    """Status and content of a far end's answer."""
    head, _, content = answered(port, request_of("POST", *lines, body=body, path=path)).partition(b"\r\n\r\n")
    found = arrived_of(content)
    assert found, (head, content)
    return int(head.split()[1]), found


def test_a_body_with_a_length_arrives(place: tuple[int, Served]) -> None:
    port, served = place
    status, found = asked(port, f"Content-Length: {SIZE}", "Via: 1.1 front", body=BODY, path=f"/api{PATH}")
    assert (status, found.size_bytes, found.digest) == (200, SIZE, hashlib.sha256(BODY).hexdigest())
    assert (found.content_length, found.transfer_encoding, found.looks_empty) == (str(SIZE), None, False)
    assert (found.whole, found.error, found.passed_on) == (True, "", ["Via: 1.1 front"])
    assert (found.interface, found.protocol) == (served.interface, "HTTP/1.1")
    assert found.server == served.name or served.command.startswith(found.server)
    assert found.server and found.version


def test_a_chunked_body_arrives_or_is_hidden(place: tuple[int, Served]) -> None:
    port, served = place
    status, found = asked(port, "Transfer-Encoding: chunked", body=CHUNKS)
    assert (status, found.size_bytes + found.hidden_bytes, found.whole) == (200, SIZE, True)
    assert found.looks_empty is served.looks_empty
    assert bool(found.hidden_bytes) is (found.server == "uwsgi")


def test_a_request_without_a_body_is_answered(place: tuple[int, Served]) -> None:
    status, found = asked(place[0])
    assert (status, found.size_bytes, found.first_seconds, found.whole) == (200, 0, None, True)


def test_an_early_answer_is_403(place: tuple[int, Served]) -> None:
    status, found = asked(place[0], "Content-Length: 5", path=f"{PATH}?early=1&wait=0.01", body=b"12345")
    assert (status, found.size_bytes) == (403, 0)


def test_the_app_answers_without_the_token(place: tuple[int, Served]) -> None:
    port, served = place
    answer = answered(port, request_of("GET", token="no"))
    assert answer.startswith(b"HTTP/1.1 404 " if "flask" in served.command else b"HTTP/1.1 200 "), answer
    assert b"size_bytes" not in answer


def test_the_oldest_python_that_it_is_for_runs_it(tmp_path: Path) -> None:
    need("python3.8")
    write_probe(tmp_path, make_far_end(token=TOKEN))
    program = f"""
import upload_lab_probe as probe
environ = {{"PATH_INFO": {PATH!r}, "HTTP_X_UPLOAD_LAB_TOKEN": {TOKEN!r}}}
print(b"".join(probe.application(environ, lambda *words: None)).decode())
"""
    done = subprocess.run(["python3.8", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    if done.returncode == 127:
        leave_out("python3.8", "python3.8 is not installed")
    assert arrived_of(done.stdout.encode()), done.stderr
