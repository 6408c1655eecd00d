"""The doctor's far end, called as the interfaces of WSGI and ASGI say, without a server."""

import ast
import asyncio
import hashlib
import io
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from uploadlab.doctoring.far_end import PATH, make_far_end
from uploadlab.model.exchanges import Arrived

from .far_end import TOKEN, arrived_of, load_probe

BODY = b"0123456789" * 20_000
FORGERIES = ["", "no", TOKEN[:-1], f"{TOKEN} ", "\xff\xfe", "é" * 5000]


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_probe(tmp_path_factory.mktemp("probe"), make_far_end(token=TOKEN))


def own_wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"app"]


async def own_asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"app"})


def call_wsgi(app: Any, body: Any = b"", token: str | None = TOKEN, **more: Any) -> tuple[str, bytes]:
    """Status and body of an answer, checked as PEP 3333 says."""
    environ: dict[str, Any] = {"PATH_INFO": PATH, "SCRIPT_NAME": "", "REQUEST_METHOD": "POST"}
    setup_testing_defaults(environ)
    if isinstance(body, bytes):
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    else:
        environ["wsgi.input"] = body
    if token is not None:
        environ["HTTP_X_UPLOAD_LAB_TOKEN"] = token
    environ = {"QUERY_STRING": "", **environ, **more}
    statuses = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        statuses.append(status)
        return print

    length = environ.get("CONTENT_LENGTH", "0")
    if length.isdecimal() and len(length) < 9:
        app = validator(app)  # which takes no other length
    answer = app(environ, start_response)
    content = b"".join(answer)
    getattr(answer, "close", str)()
    return statuses[0], content


def call_asgi(app: Any, *messages: Any, token: str = TOKEN, **more: Any) -> list[dict[str, Any]]:
    """What an ASGI app sends after these messages; an exception among them is raised."""
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": PATH, "query_string": b"",
        "headers": [(b"x-upload-lab-token", token.encode("latin-1"))], **more,
    }  # fmt: skip
    coming, sent = iter(messages), []

    async def receive() -> Any:
        message = next(coming)
        if isinstance(message, Exception):
            raise message
        return message

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def part(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def arrived(content: bytes) -> Arrived:
    found = arrived_of(content)
    assert found, content
    return found


def test_a_wsgi_request_is_answered_with_what_arrived(probe: Any) -> None:
    began = time.time()
    status, content = call_wsgi(
        probe.upload_lab_probe(own_wsgi), BODY, HTTP_VIA="1.1 caddy", HTTP_COOKIE="secret",
        HTTP_X_FORWARDED_FOR="192.0.2.1, 192.0.2.2", SCRIPT_NAME="/api",
    )  # fmt: skip
    found = arrived(content)
    assert status == "200 OK"
    assert (found.size_bytes, found.digest) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert found.whole and not found.error
    assert found.first_seconds is not None and found.last_seconds is not None
    assert 0 <= found.first_seconds <= found.last_seconds
    assert began <= found.began <= time.time()
    assert (found.interface, found.protocol, found.content_length) == ("wsgi", "HTTP/1.0", str(len(BODY)))
    assert found.passed_on == ["Via: 1.1 caddy", "X-Forwarded-For: 192.0.2.1, 192.0.2.2"]
    assert b"secret" not in content


def test_an_asgi_request_is_answered_with_what_arrived(probe: Any) -> None:
    sent = call_asgi(
        probe.upload_lab_probe(own_asgi), part(BODY, more=True), part(b"", more=True), part(BODY),
        path=f"/any/prefix{PATH}/", headers=[(b"X-Upload-Lab-Token", TOKEN.encode()), (b"via", b"1.1 caddy")],
    )  # fmt: skip
    found = arrived(sent[1]["body"])
    assert sent[0]["status"] == 200
    assert (found.size_bytes, found.digest) == (2 * len(BODY), hashlib.sha256(BODY * 2).hexdigest())
    assert (found.whole, found.interface, found.protocol) == (True, "asgi", "HTTP/1.1")
    assert found.passed_on == ["Via: 1.1 caddy"]


@pytest.mark.parametrize("token", FORGERIES)
def test_without_the_token_it_cannot_be_seen(probe: Any, token: str) -> None:
    ours = probe.upload_lab_probe
    assert call_wsgi(ours(own_wsgi), BODY, token) == ("200 OK", b"app")
    assert call_wsgi(probe.application, BODY, token)[0] == "404 Not Found"
    if token.isascii():
        assert call_asgi(ours(own_asgi), part(BODY), token=token)[1]["body"] == b"app"
        assert call_asgi(probe.asgi_application, part(BODY), token=token)[0]["status"] == 404


def test_the_app_has_all_other_paths(probe: Any) -> None:
    for path in ("/", "/upload", f"{PATH}x", f"{PATH}/deeper", "/probe"):
        assert call_wsgi(probe.upload_lab_probe(own_wsgi), BODY, PATH_INFO=path) == ("200 OK", b"app")
        assert call_asgi(probe.upload_lab_probe(own_asgi), part(BODY), path=path)[1]["body"] == b"app"


def test_it_answers_nothing_before_it_has_a_token_or_after_its_last_day(tmp_path: Path) -> None:
    from uploadlab.doctoring import probe_app

    over = load_probe(tmp_path, make_far_end(days=-1, token=TOKEN))
    for module, token in ((over, TOKEN), (probe_app, ""), (probe_app, TOKEN)):
        assert call_wsgi(module.upload_lab_probe(own_wsgi), BODY, token) == ("200 OK", b"app")
        assert call_asgi(module.asgi_application, part(BODY), token=token)[0]["status"] == 404


def test_each_printed_file_has_a_token_of_its_own() -> None:
    first, second = make_far_end(), make_far_end()
    assert first.token != second.token and len(first.token) > 30
    assert first.token in first.source and second.token not in first.source


def test_an_early_answer_comes_before_the_body(probe: Any) -> None:
    status, content = call_wsgi(probe.application, Unread(), QUERY_STRING="early=1", CONTENT_LENGTH="5")
    assert (status, arrived(content).size_bytes, arrived(content).whole) == ("403 Forbidden", 0, False)
    sent = call_asgi(probe.asgi_application, AssertionError("read"), query_string=b"early=1")
    assert (sent[0]["status"], arrived(sent[1]["body"]).size_bytes) == (403, 0)


class Unread(io.BytesIO):
    """An input that must not be read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("it was read")


@pytest.fixture
def waited(probe: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a probe has waited, without waiting."""
    seconds: list[float] = []

    async def sleep(item: float) -> None:
        seconds.append(item)

    monkeypatch.setattr(probe.time, "sleep", seconds.append)
    monkeypatch.setattr(probe.asyncio, "sleep", sleep)
    return seconds


@pytest.mark.parametrize(
    ("query", "expected"),
    [("wait=1.5", 1.5), ("wait=9e9", 120), ("wait=-1", 0), ("wait=nan", 0), ("wait=inf", 120), ("wait=x", 0),
     ("wait", 0), ("wait=&wait=3", 0), ("%ff=%&;;==", 0), ("a&" * 2000, 0)],
)  # fmt: skip
def test_it_waits_as_long_as_it_may(probe: Any, waited: list[float], query: str, expected: float) -> None:
    assert call_wsgi(probe.application, b"", QUERY_STRING=query)[0] == "200 OK"
    assert call_asgi(probe.asgi_application, part(b""), query_string=query.encode())[0]["status"] == 200
    assert waited == [expected, expected]


class Cut(io.BytesIO):
    """An input whose client goes away after some bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        if not block:
            raise OSError("the client is gone")
        return block


class Endless(io.RawIOBase):
    """An input that never ends, as a raw connection does."""

    def read(self, size: int = -1, /) -> bytes:
        return b"x" * size


@pytest.mark.parametrize("length", ["abc", "-5", "5x", "٣", "9" * 5000, "+5", "1_0"])
def test_a_length_that_is_none_is_an_error_and_nothing_is_read(probe: Any, length: str) -> None:
    found = arrived(call_wsgi(probe.application, Unread(), CONTENT_LENGTH=length)[1])
    assert (found.size_bytes, found.whole) == (0, False)
    assert "Content-Length" in found.error and len(found.error) < 400


def test_what_reading_raises_is_in_the_answer(probe: Any) -> None:
    status, content = call_wsgi(probe.application, Cut(BODY), CONTENT_LENGTH=str(2 * len(BODY)))
    found = arrived(content)
    assert (status, found.size_bytes, found.whole) == ("200 OK", len(BODY), False)
    assert found.error == "OSError: the client is gone"
    sent = call_asgi(probe.asgi_application, part(BODY, more=True), OSError("gone"))
    found = arrived(sent[1]["body"])
    assert (found.size_bytes, found.whole, found.error) == (len(BODY), False, "OSError: gone")


def test_a_short_body_is_not_whole(probe: Any) -> None:
    found = arrived(call_wsgi(probe.application, io.BytesIO(BODY), CONTENT_LENGTH="999999")[1])
    assert (found.size_bytes, found.whole, found.error) == (len(BODY), False, "")


def test_a_client_that_has_gone_gets_no_answer(probe: Any) -> None:
    assert call_asgi(probe.asgi_application, part(b"x", more=True), {"type": "http.disconnect"}) == []


def test_it_never_reads_beyond_the_body(probe: Any) -> None:
    raw = Endless()
    assert arrived(call_wsgi(probe.application, raw, CONTENT_LENGTH="70000")[1]).size_bytes == 70_000
    assert arrived(call_wsgi(probe.application, raw)[1]).size_bytes == 0
    found = arrived(call_wsgi(probe.application, raw, HTTP_TRANSFER_ENCODING="chunked")[1])
    assert (found.size_bytes, found.whole) == (0, False)
    assert "does not say where the body ends" in found.error


def test_it_reads_a_chunked_body_where_the_input_ends(probe: Any) -> None:
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    found = arrived(call_wsgi(probe.application, io.BufferedReader(io.BytesIO(BODY)), **chunked)[1])  # type: ignore[arg-type]
    assert (found.size_bytes, found.input_terminated, found.looks_empty) == (len(BODY), True, False)
    # nginx with stock uwsgi_params: a length and a coding, and Flask reads nothing.
    found = arrived(call_wsgi(probe.application, BODY, HTTP_TRANSFER_ENCODING="chunked")[1])
    assert (found.size_bytes, found.input_terminated, found.looks_empty) == (len(BODY), None, True)


def test_it_knows_which_kind_of_app_it_stands_before(probe: Any) -> None:
    class Both:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await own_asgi(scope, receive, send)

    class Plain:
        def __call__(self, environ: Any, start_response: Any) -> Any:
            return own_wsgi(environ, start_response)

        def bound(self, environ: Any, start_response: Any, extra: Any = None) -> Any:
            return own_wsgi(environ, start_response)

    def unmarked(scope: Any, receive: Any, send: Any) -> Any:
        return own_asgi(scope, receive, send)

    ours = probe.upload_lab_probe
    for app in (own_asgi, Both(), unmarked, partial(own_asgi)):
        assert call_asgi(ours(app), token="no")[1]["body"] == b"app"
    for wsgi_app in (own_wsgi, Plain(), Plain().bound, partial(own_wsgi)):
        assert call_wsgi(ours(wsgi_app), token="no")[1] == b"app"
    assert call_asgi(ours(lambda *words: own_asgi(*words), asgi=True), token="no")[1]["body"] == b"app"


def test_alone_it_is_an_app_of_each_kind(probe: Any) -> None:
    assert arrived(call_wsgi(probe.application, BODY)[1]).interface == "wsgi"
    assert arrived(call_asgi(probe.application, part(BODY))[1]["body"]).interface == "asgi"

    def as_of_old(scope: Any, receive: Any, send: Any) -> Any:
        return probe.application(scope)(receive, send)

    assert arrived(call_asgi(as_of_old, part(BODY))[1]["body"]).interface == "asgi"
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = call_asgi(probe.application, *events, type="lifespan")
    assert [item["type"] for item in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert call_asgi(probe.application, type="websocket")[0]["type"] == "websocket.close"


def test_it_is_one_file_for_old_pythons_without_a_package(probe: Any) -> None:
    tree = ast.parse(make_far_end().source, feature_version=(3, 8))

    def modules() -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (item.name for item in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or ""

    roots = {name.partition(".")[0] for name in modules()}
    assert roots - sys.stdlib_module_names == {"uwsgi"}  # which exists in its own processes
