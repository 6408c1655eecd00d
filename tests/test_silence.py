"""A silent client holds a place of a tuned server for SILENCE_SECONDS; others upload beside many of them."""

import io
import runpy
import select
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from gunicorn.workers.gthread import ThreadWorker
from upload_app.linger import SILENT, Linger
from uploadlab.declared.compose import load_needs
from uploadlab.paths import COMPOSE, CONFIGS, RECIPES
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.local import LocalRuntime, Scratch, free_ports
from uploadlab.sending.client import Client
from werkzeug.wsgi import ClosingIterator

from .helpers import DEPLOYMENTS, RAW_ROUTES, SPLICED, need, wait_until
from .recipes import Recipe, running
from .running import Lab

pytestmark = pytest.mark.slow

TUNED = [name for name, one in DEPLOYMENTS.items() if one.tier == "tuned"]
SHARED = ["gunicorn-gthread", "nginx-uwsgi-streaming", "nginx-offload", "uwsgi-tuned"]
"""The tuned deployments with a place for each of many silent clients, or with nginx to shield them."""
HEAD = b"PUT /request-stream HTTP/1.1\r\nHost: lab\r\n"
SILENT_PUTS = {
    "in its head": HEAD[:20],
    "in its body": HEAD + b"Content-Length: 100000\r\n\r\nabc",
    "in a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
}


@contextmanager
def silent_clients(url: str, sent: bytes, count: int) -> Iterator[list[socket.socket]]:
    place = urlsplit(url)
    with ExitStack() as held:
        clients = []
        for _ in range(count):
            client = socket.create_connection((place.hostname or "", place.port or 80), timeout=120)
            clients.append(held.enter_context(client))
            client.sendall(sent)
        yield clients


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("silent", ["from the start", *SILENT_PUTS])
def test_an_upload_is_done_beside_64_silent_clients(lab: Lab, name: str, silent: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    with silent_clients(url, SILENT_PUTS.get(silent, b""), 64) as clients:
        answer = requests.put(f"{url}/request-stream", b"bytes", timeout=600)
        assert answer.status_code == 201
        # While all of them still wait: it has not waited for one to be cut off.
        assert select.select(clients, [], [], 0)[0] == []
    requests.delete(f"{url}{answer.headers['Location']}", timeout=600)


@pytest.mark.parametrize("name", TUNED)
def test_a_silent_client_is_cut_off(tmp_path: Path, name: str) -> None:
    deployment = DEPLOYMENTS[name]
    need(*deployment.needs)
    with Processes() as processes:
        scratch = Scratch.make(processes, tmp_path, "silence")
        fixes, settings = load_needs(COMPOSE), {"SILENCE_SECONDS": "1"}
        runtime = LocalRuntime(processes, scratch, tmp_path, fixes, settings)
        target = runtime.start_one(deployment, free_ports(1)[0])
        _, why = Client(processes).wait_healthy(target, 120, lambda: runtime.explain(name))
        assert why == ""
        spliced = SILENT_PUTS["in its body"].replace(b"/request-stream", SPLICED.encode())
        others = [spliced] if (name, SPLICED) in RAW_ROUTES else []
        for sent in (*SILENT_PUTS.values(), *others):
            with silent_clients(target.url, sent, 1) as (client,):
                answer = b"".join(iter(lambda client=client: client.recv(4096), b""))  # type: ignore[misc]
                assert b"201" not in answer.partition(b"\r\n")[0]
        wait_until(lambda: not [path for path in (scratch.data_dir / name).rglob("*") if path.is_file()])


@pytest.mark.parametrize(
    "conf", [CONFIGS / "gunicorn" / "gunicorn-gthread.conf.py", RECIPES / "gunicorn.conf.py"]
)
def test_a_thread_of_gunicorn_ends_the_connection(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the thread that accepts need not wait, however long the client keeps its side open.

    It bounds a client's silence by itself: the connection may be older than its worker.
    """
    monkeypatch.setenv("BIND", "")
    monkeypatch.setenv("SILENCE_SECONDS", "30")
    monkeypatch.syspath_prepend(str(conf.parent))  # as gunicorn does with the folder it starts in
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    worker = runpy.run_path(str(conf))["Worker"]
    monkeypatch.setattr(ThreadWorker, "handle", lambda *_: False)
    client, server = socket.socketpair()
    with client, server:
        worker.handle(object.__new__(worker), SimpleNamespace(sock=server))
        silence = server.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.calcsize("ll"))
        assert struct.unpack("ll", silence) == (30, 0)
        server.setblocking(False)
        assert server.recv(1) == b""


@pytest.mark.parametrize(("marks", "left"), [({}, b""), ({SILENT: True}, b"rest")])
def test_after_a_408_only_a_silent_client_is_not_waited_for(marks: dict[str, bool], left: bytes) -> None:
    """A client that spent its time budget still sends, and is to see why it was refused."""

    def refuse(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ.update(marks)
        start_response("408 Request Timeout", [])
        return [b"{}"]

    body = io.BytesIO(b"rest")
    answer = Linger(refuse, 60)({"wsgi.input": body}, lambda *_: None)
    if isinstance(answer, ClosingIterator):
        answer.close()
    assert body.read() == left


SHORT = {
    "socket-timeout = 30": "socket-timeout = 1",
    "SILENCE_SECONDS = 30": "SILENCE_SECONDS = 1",
    "client_header_timeout 30": "client_header_timeout 1",
    "client_body_timeout 30": "client_body_timeout 1",
}
"""A second of silence in place of 30, in each of the recipes' configs."""


@pytest.mark.parametrize("title", ["gunicorn", "uWSGI", "nginx and uWSGI", "nginx hands over"])
def test_the_recipes_cut_off_a_silent_client(tmp_path: Path, title: str) -> None:
    recipe = Recipe.copy(tmp_path / "recipe", title, **SHORT)
    with running(recipe, title):
        for sent in SILENT_PUTS.values():
            with silent_clients(recipe.url, sent, 1) as (client,):
                answer = b"".join(iter(lambda client=client: client.recv(4096), b""))  # type: ignore[misc]
                assert b"201" not in answer.partition(b"\r\n")[0]
        wait_until(lambda: recipe.stored() == [])
