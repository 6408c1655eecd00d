"""A success only where a body's end is certain: heads that servers read differently, at all tuned ones."""

import json
import socket
from contextlib import suppress
from http.client import HTTPResponse, RemoteDisconnected
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from uploadlab.paths import APP, RECIPES

from .helpers import DEPLOYMENTS, wait_until
from .running import Lab

pytestmark = pytest.mark.slow

TUNED = [name for name, one in DEPLOYMENTS.items() if one.tier == "tuned"]
HTTP_SOCKET = {"uwsgi-buffering", "uwsgi-chunked", "uwsgi-tuned"}
"""uWSGI reads HTTP by itself here."""
ROUTES = ["/request-stream", "/request-files", "/multipart-push", "/stream-pass-to-next"]
LENGTH = "Content-Length: 5"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def reason(self) -> str:
        return str(json.loads(self.body)["error"])


def exchange(url: str, head: list[str], body: bytes = b"bytes") -> Answer:
    """One request as it stands, and what is answered; the connection stays open till then."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 80), timeout=120) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
        response = HTTPResponse(connection)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


def put(*lines: str, route: str = "/request-stream", verb: str = "PUT", version: str = "1.1") -> list[str]:
    return [f"{verb} {route} HTTP/{version}", "Host: lab", "Content-Type: application/octet-stream", *lines]


REFUSED = {
    "a sign": (put("Content-Length: +5"), {400}),
    "minus": (put("Content-Length: -5"), {400}),
    "hexadecimal": (put("Content-Length: 0x5"), {400}),
    "a thousands separator": (put("Content-Length: 5_0"), {400}),
    "two numbers": (put("Content-Length: 5 5"), {400}),
    "other digits": (put("Content-Length: \xb2"), {400}),
    "an empty length": (put("Content-Length:"), {400, 411}),
    "two lengths": (put(LENGTH, "Content-Length: 3"), {400}),
    "a space before the colon": (put("Content-Length : 5"), {400}),
    "gzip": (put("Transfer-Encoding: gzip"), {400, 501}),
    "an unknown coding": (put("Transfer-Encoding: x"), {400, 501}),
    "gzip, chunked": (put("Transfer-Encoding: gzip, chunked"), {400, 501}),
    "chunked, gzip": (put("Transfer-Encoding: chunked, gzip"), {400, 501}),
    "chunked twice": (put("Transfer-Encoding: chunked, chunked"), {400, 501}),
    "chunked in two lines": (put("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), {400, 501}),
    "nearly chunked": (put("Transfer-Encoding: xchunked"), {400, 501}),
    "chunked with a space before the colon": (put("Transfer-Encoding : chunked"), {400, 501}),
    "gzip beside a length": (put(LENGTH, "Transfer-Encoding: gzip"), {400, 501}),
    "chunked beside a length": (put(LENGTH, "Transfer-Encoding: chunked"), {400}),
    "no length": (put(), {411}),
    "no length, POST": (put(verb="POST"), {411}),
    "chunked in HTTP/1.0": (put("Transfer-Encoding: chunked", version="1.0"), {400}),
    "a part of a file": (put(LENGTH, "Content-Range: bytes 0-4/10"), {400}),
    "a part of a file, POST": (put(LENGTH, "Content-Range: bytes 0-4/10", verb="POST"), {400}),
    "a long URL": (put(LENGTH, route=f"/request-stream?x={'y' * 8100}"), {400, 414}),
    "a byte that is no ASCII": (put(LENGTH, route="/request-stream?x=\xff"), {400}),
    "33 KiB of headers": (put(LENGTH, *[f"X-{n}: {'y' * 1000}" for n in range(33)]), {400, 431}),
}


@pytest.mark.parametrize("name", TUNED)
@pytest.mark.parametrize("head", REFUSED)
def test_an_uncertain_end_is_refused(lab: Lab, name: str, head: str) -> None:
    lines, statuses = REFUSED[head]
    answer = exchange(lab.target(DEPLOYMENTS[name]).url, lines)
    assert answer.status in statuses, answer
    assert b"<h1>" in answer.body if is_page(name, answer) else answer.reason
    wait_until(lambda: lab.stored_files(name) == [])  # nginx removes its own file after the answer


def is_page(name: str, answer: Answer) -> bool:
    """Whether gunicorn has refused by itself, before the app saw the request."""
    return name.startswith("gunicorn") and answer.headers["content-type"] == "text/html"


@pytest.mark.parametrize("name", ["uwsgi-tuned", "gunicorn-gthread"])
@pytest.mark.parametrize("route", ROUTES)
def test_the_guard_is_in_front_of_every_route(lab: Lab, name: str, route: str) -> None:
    lab.target(DEPLOYMENTS[name])
    answer = exchange(lab.target(DEPLOYMENTS[name]).url, put(route=route, verb="POST"), b"")
    assert (answer.status, "no certain end" in answer.reason) == (411, True)


STORED = {
    "a length": put(LENGTH),
    "spaces before the length": put("Content-Length:   5"),
    "leading zeros": put("Content-Length: 005"),
    "16 KiB of cookies": put(LENGTH, f"Cookie: {'y' * (16 << 10)}"),
    "30 KB in a header": put(LENGTH, f"X-Token: {'y' * 30_000}"),
    "120 headers": put(LENGTH, *[f"X-{n}: y" for n in range(120)]),
    "a URL of 7 KB": put(LENGTH, route=f"/request-stream?x={'y' * 7000}"),
    "HTTP/1.0": put(LENGTH, version="1.0"),
    "an empty file": put("Content-Length: 0"),
    "a whole address": put(LENGTH, route="http://lab/request-stream?x=1"),
}


@pytest.mark.parametrize("name", TUNED)
@pytest.mark.parametrize("head", STORED)
def test_what_is_well_formed_is_stored(lab: Lab, name: str, head: str) -> None:
    lab.clear()
    body = b"" if head == "an empty file" else b"bytes"
    answer = exchange(lab.target(DEPLOYMENTS[name]).url, STORED[head], body)
    assert answer.status == 201, answer
    (file,) = lab.stored_files(name)
    assert file.read_bytes() == body
    file.unlink()


CHUNKED = put("Transfer-Encoding: chunked")


@pytest.mark.parametrize("name", TUNED)
@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nbytes\r\n0\r\n\r\n",
        b"0005\r\nbytes\r\n000\r\n\r\n",
        b"1\r\nb\r\n4\r\nytes\r\n0\r\n\r\n",
        b"5\r\nbytes\r\n0\r\nX-Digest: 7\r\nX-More: y\r\n\r\n",
    ],
)
def test_well_formed_chunks_are_stored(lab: Lab, name: str, body: bytes) -> None:
    answer = exchange(lab.target(DEPLOYMENTS[name]).url, CHUNKED, body)
    assert answer.status == 201, answer
    (file,) = lab.stored_files(name)
    assert file.read_bytes() == b"bytes"
    file.unlink()


@pytest.mark.parametrize("name", TUNED)
@pytest.mark.parametrize(
    "body",
    [
        b"5;\r\nbytes\r\n" + b"x" * 100_000,
        b"-5\r\nbytes\r\n0\r\n\r\n",
        b" 5\r\nbytes\r\n0\r\n\r\n",
        b"5\r\nbytes\r\nz\r\n" + b"x" * 100_000,  # far more than uWSGI has read with the last chunk
    ],
)
def test_malformed_chunks_are_refused_where_they_can_be_seen(lab: Lab, name: str, body: bytes) -> None:
    answer = exchange(lab.target(DEPLOYMENTS[name]).url, CHUNKED, body)
    assert answer.status == 400, answer
    wait_until(lambda: lab.stored_files(name) == [])


@pytest.mark.parametrize("name", TUNED)
def test_a_length_beyond_all_disks_is_no_success(lab: Lab, name: str) -> None:
    with suppress(RemoteDisconnected):  # uWSGI with post-buffering hangs up before the app is called
        assert exchange(lab.target(DEPLOYMENTS[name]).url, put(f"Content-Length: {'9' * 40}")).status >= 400
    wait_until(lambda: lab.stored_files(name) == [])


@pytest.mark.parametrize("name", TUNED)
def test_a_length_that_is_spelt_otherwise_is_none(lab: Lab, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    answer = exchange(url, put(LENGTH, "Content_Length: 3"))
    stored = lab.stored_files(name)
    assert answer.status == 400 or [file.read_bytes() for file in stored] == [b"bytes"]
    for file in stored:
        file.unlink()


@pytest.mark.parametrize("name", sorted(HTTP_SOCKET))
def test_uwsgi_says_that_it_closes(lab: Lab, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    for head, body in ((put(LENGTH), b"bytes"), (put(), b""), (["GET /healthz HTTP/1.1"], b"")):
        assert exchange(url, head, body).headers["connection"] == "close"
    for file in lab.stored_files(name):
        file.unlink()


@pytest.mark.parametrize("name", [name for name in TUNED if name.startswith("nginx")])
@pytest.mark.parametrize(
    ("line", "statuses"),
    [
        ("nonsense", {400}),
        ("PUT", {400}),
        ("put /request-stream HTTP/1.1", {400, 405}),
        ("PUT /request%00stream HTTP/1.1", {400, 404}),
        ("PUT /request-stream HTTP/9.9", {400, 505}),
        (f"PUT /{'x' * 70_000} HTTP/1.1", {414}),
        ("PUT /request stream HTTP/1.1", {400}),
    ],
)
def test_nginx_refuses_a_request_line_with_a_reason(
    lab: Lab, name: str, line: str, statuses: set[int]
) -> None:
    answer = exchange(lab.target(DEPLOYMENTS[name]).url, [line, "Host: lab", LENGTH])
    assert answer.status in statuses
    assert (answer.headers["content-type"], bool(answer.reason)) == ("application/json", True)


def test_the_recipes_have_the_labs_own_modules() -> None:
    shared = ("digest", "form_body", "framing", "gunicorn_body", "linger", "one_file", "uwsgi_body")
    for name in (f"{module}.py" for module in shared):
        assert (RECIPES / name).read_text() == (APP / "upload_app" / name).read_text()
