"""Targets that answer something else than the lab asks for: reported at once, with what to type."""

import http.server
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from uploadlab.catalogue.payloads import Payload
from uploadlab.measuring.health import EXTERNAL_SECONDS
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Status
from uploadlab.model.targets import ANY_SUCCESS, StatusRange, TargetSpec
from uploadlab.processes.groups import Processes
from uploadlab.sending.client import Client

from .fake_server import serve
from .helpers import lab
from .raw_server import keep

OWN = TargetSpec(expect_status=[ANY_SUCCESS])


OWN_SERVER = "run --target mine={url}/upload --expect-status 200"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Processes() as processes:
        yield Client(processes)


def answer(status: str, body: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        (answer("404 Not Found"), "/healthz answered 404 Not Found; "),
        (
            answer("401 Unauthorized"),
            "/healthz answered 401 Unauthorized; put USER:PASSWORD@ before its host",
        ),
        (answer("403 Forbidden"), "answered 403 Forbidden"),
        (answer("405 Method Not Allowed"), "answered 405 Method Not Allowed"),
        (answer("500 Internal Server Error"), "answered 500"),
        (answer("204 No Content"), "answered 204"),
        (answer("200 OK", "<html>hello"), "answered 200 OK, but without the lab's JSON"),
        (answer("200 OK", "ok"), "without the lab's JSON"),
        (answer("200 OK", '["a"]'), "without the lab's JSON"),
        (answer("301 Moved", "", "Location: https://x.example/"), "points to https://x.example/"),
    ],
)
def test_a_definite_answer_is_not_asked_again(client: Client, answered: bytes, words: str) -> None:
    with keep(answered) as server:
        _, why = client.wait_healthy(Target("mine", server.url), 600, str)
        assert len(server.received) == 1
    assert words in why
    assert OWN_SERVER.format(url=server.url) in why


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not answer as a web server does"),
        (answer("200 OK", "{" + " " * 2_000_000 + "}"), "the answer is longer than"),
    ],
)
def test_what_is_no_web_server_is_not_asked_again(client: Client, answered: bytes, words: str) -> None:
    with keep(answered) as server:
        _, why = client.wait_healthy(Target("mine", server.url), 600, str)
    assert words in why
    assert "correct --target NAME=URL" in why


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
def test_a_server_behind_a_proxy_may_still_start(client: Client, status: str) -> None:
    healthy = answer("200 OK", '{"deployment": "x", "versions": {"python": "3"}}')
    with keep(answer(status)) as server:

        def start_up() -> str:
            """Called between two questions; never says that the server has died."""
            if len(server.received) >= 2:
                server.answer = healthy
            return ""

        versions, why = client.wait_healthy(Target("mine", server.url), 600, start_up)
    assert (versions.get("python"), why) == ("3", "")


def test_a_server_that_refuses_connections_may_still_start(client: Client) -> None:
    began = time.monotonic()
    _, why = client.wait_healthy(Target("mine", "http://127.0.0.1:9"), 0.5, str)
    assert time.monotonic() - began >= 0.5
    assert why.startswith(
        "http://127.0.0.1:9 does not answer /healthz (Connection refused); start that server"
    )


def test_a_host_that_nobody_knows_is_not_asked_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    for foreign in (None, OWN):
        target = Target("mine", "http://no-such-host.invalid", spec=foreign)
        _, why = client.wait_healthy(target, 600, str)
        assert "no address is known for the host of http://no-such-host.invalid (Name or service" in why
        assert "[Errno" not in why


@contextmanager
def over_tls(folder: Path) -> Iterator[str]:
    """A server with a certificate that nobody has signed but itself."""
    pem = folder / "both.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*make, "-keyout", pem, "-out", folder / "c"], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + (folder / "c").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("foreign", [None, OWN])
def test_a_certificate_that_is_not_trusted_is_not_asked_again(
    client: Client, tmp_path: Path, foreign: TargetSpec | None
) -> None:
    with over_tls(tmp_path) as url:
        _, why = client.wait_healthy(Target("mine", url, spec=foreign), 600, str)
        words = f"{url}: its certificate is not trusted: self-signed certificate; add --ca-file"
        assert words in why.replace("self ", "self-")
    with serve() as fake:
        _, why = client.wait_healthy(Target("mine", fake.url.replace("http", "https")), 600, str)
        assert "does not speak TLS" in why


@pytest.mark.parametrize("words", [["run", "--methods", "request.stream", "--sizes", "1k"], ["check"]])
def test_a_command_ends_long_before_it_would_give_up_a_silent_server(
    tmp_path: Path, words: list[str]
) -> None:
    more = ["--cases", "one-byte"] if words == ["check"] else ["--rounds", "1"]
    where = ["--runtime", "local", "--deployments", "mine", "--out", str(tmp_path)]
    with keep(answer("404 Not Found")) as server:
        done = lab(*words, *more, *where, "--target", f"mine={server.url}")
        health = [request for request in server.received if b"/healthz" in request]
    assert done.returncode == 1
    assert OWN_SERVER.format(url=server.url) in done.stderr
    assert len(health) == 1, f"it was asked for {EXTERNAL_SECONDS:g} s"


ANSWERS = [
    (200, {}, 201, "answered 200 OK, expected 201"),
    (200, {"error": "OK"}, 201, "answered 200 OK, expected 201"),
    (202, {"error": "later"}, 201, "answered 202 Accepted, expected 201: later"),
    (404, b"<html>", 200, "answered 404 Not Found, expected 200"),
    (404, {"error": "not found"}, 200, "answered 404 Not Found, expected 200"),
    (299, {}, 200, "answered 299, expected 200"),
    (415, {"error": "no such type"}, 200, "no such type"),
]


@pytest.mark.parametrize("method", ["request.stream", "request.stream-curl", "multipart-push"])
@pytest.mark.parametrize(("status", "content", "expected", "words"), ANSWERS)
def test_a_refusal_says_what_came_and_what_was_expected(
    client: Client, payload: Payload, method: str, status: int, content: object, expected: int, words: str
) -> None:
    with serve(POST=(status, content)) as fake:
        spec = TargetSpec(expect_status=[StatusRange(expected, expected)])
        outcome = client.measure(fake.url, method, payload, 60, spec)
    assert (outcome.status, outcome.error) == (Status.REFUSED, words)


@pytest.mark.parametrize("status", [400, 404, 502])
def test_a_route_of_the_labs_that_is_refused_names_the_status(
    client: Client, payload: Payload, status: int
) -> None:
    with serve(POST=(status, b"<html>")) as fake:
        outcome = client.measure(fake.url, "request.stream", payload, 60)
    assert str(outcome.error).startswith(f"answered {status} ")
    assert str(outcome.error).endswith(", expected 201")
