"""An upload through two hops: the first app in this process, the second a server of its own thread."""

import io
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from upload_app.app import create_app
from upload_app.settings import Settings
from uploadlab.units import MIB
from werkzeug.serving import make_server

from .fake_server import DROP, serve
from .helpers import wait_until
from .holding_server import hold_uploads
from .listening import listen
from .raw_server import keep
from .test_app import BODY, CHUNKED, client, files, refused, send_form

ROUTE = "/stream-pass-to-next"
ID = "0123456789abcdef" * 2
STORED = {"id": ID, "size_bytes": len(BODY), "seconds": 7.5}
TERMINATED = {**CHUNKED, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}


class Endless:
    """A client that sends as long as somebody reads, and remembers how much that was."""

    sent_bytes = 0

    def read(self, size: int = -1) -> bytes:
        self.sent_bytes += size
        return bytes(size)


class Breaking(io.BytesIO):
    """A chunked body that breaks off: servers raise what they like."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size) or self._break()

    def _break(self) -> bytes:
        raise EOFError("gone")


class Second:
    """The next deployment: its folder, its URL."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        app = create_app(Settings.from_environment({"DATA_DIR": str(folder), **settings}))
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Second]:
    deployment = Second(tmp_path / "second", MAX_CONTENT_LENGTH=str(2 * MIB))
    thread = threading.Thread(target=deployment.server.serve_forever, args=(0.02,))
    thread.start()
    yield deployment
    deployment.server.shutdown()
    thread.join()
    deployment.server.server_close()


def first(tmp_path: Path, url: str, **settings: str) -> FlaskClient:
    return client(tmp_path / "first", NEXT_HOPS=f"second={url}", **settings)


@pytest.mark.parametrize("verb", ["POST", "PUT"])
@pytest.mark.parametrize("route", [ROUTE, f"{ROUTE}?next=second"])
@pytest.mark.parametrize("body", [BODY, b""])
def test_an_upload_is_stored_by_the_next_and_can_be_read_back_and_removed_here(
    tmp_path: Path, second: Second, verb: str, route: str, body: bytes
) -> None:
    app = first(tmp_path, second.url)
    answer = app.open(route, method=verb, data=body)
    stored = answer.get_json()
    assert (answer.status_code, stored["size_bytes"], stored["next"]) == (201, len(body), "second")
    assert stored["seconds"] > stored["next_seconds"] > 0
    assert (second.folder / stored["id"]).read_bytes() == body
    assert files(tmp_path / "first") == []
    place = answer.headers["Location"]
    assert place == f"/uploads/{stored['id']}?next=second"
    found = app.get(f"{place}&digest=sha256").get_json()
    assert (found["size_bytes"], found["algorithm"]) == (len(body), "sha256")
    assert app.get(f"/uploads/{stored['id']}").status_code == 404  # the first has not stored it
    assert app.delete(place).status_code == 204
    refused(app.get(place), 404, "no upload", tmp_path)
    refused(app.delete(place), 404, "no upload", tmp_path)


def test_a_chunked_body_is_passed_on_in_chunks(tmp_path: Path) -> None:
    body = io.BytesIO(b"abc")
    with keep(b"HTTP/1.1 201 CREATED\r\n\r\n{}") as raw:
        first(tmp_path, raw.url).put(ROUTE, environ_overrides={**TERMINATED, "wsgi.input": body})
    head, _, sent = raw.received[0].partition(b"\r\n\r\n")
    assert sent == b"3\r\nabc\r\n0\r\n\r\n"
    assert b"Transfer-Encoding: chunked" in head and b"Content-Length" not in head


def test_the_next_is_told_the_length_the_type_and_what_it_has_to_keep(tmp_path: Path) -> None:
    query = "next=second&budget=9&limit=99&fsync=1&reader=lines&profile=0"
    with keep(b"HTTP/1.1 201 CREATED\r\n\r\n{}") as raw:
        first(tmp_path, raw.url).put(f"{ROUTE}?{query}", data=b"abc", content_type="a/b;c=d")
    head, _, sent = raw.received[0].partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    assert (line, sent) == ("PUT /request-stream?budget=9&limit=99&fsync=1 HTTP/1.1", b"abc")
    assert {"Content-Length: 3", "Content-Type: a/b;c=d"} < set(fields)


def test_a_refusal_of_the_next_is_the_clients(tmp_path: Path, second: Second) -> None:
    app = first(tmp_path, second.url)
    refused(app.put(f"{ROUTE}?fsync=soon", data=BODY), 400, "fsync='soon'", tmp_path)
    environ = {**TERMINATED, "wsgi.input": io.BytesIO(bytes(3 * MIB))}
    refused(app.put(ROUTE, environ_overrides=environ), 413, f"{2 * MIB} bytes", tmp_path)
    refused(app.put(f"{ROUTE}?limit=7", data=BODY), 413, "7 bytes", tmp_path)
    with serve(POST=(507, {"error": "no space left"})) as fake:
        refused(first(tmp_path, fake.url).put(ROUTE, data=BODY), 507, "no space left", tmp_path)


def test_an_early_refusal_ends_the_sending_whether_or_not_the_next_still_reads(tmp_path: Path) -> None:
    answer = b'HTTP/1.1 413 TOO LARGE\r\nContent-Length: 22\r\n\r\n{"error": "too large"}'

    def reads_no_more(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(answer)
        held.append(connection)

    held: list[socket.socket] = []
    with listen(reads_no_more) as url:
        refuse_early(tmp_path, url)
    held[0].close()
    with listen(lambda connection: refuse_and_read_on(connection, answer)) as url:
        refuse_early(tmp_path, url)


def refuse_and_read_on(connection: socket.socket, answer: bytes) -> None:
    with connection:
        connection.sendall(answer)
        while connection.recv(MIB):
            pass


def refuse_early(tmp_path: Path, url: str) -> None:
    body = Endless()
    environ = {"wsgi.input": body, "CONTENT_LENGTH": str(1 << 40)}
    answer = first(tmp_path, url).put(f"{ROUTE}?budget=60", environ_overrides=environ)
    refused(answer, 413, "too large", tmp_path)
    assert body.sent_bytes < 1 << 36


def test_where_the_next_reads_no_more_neither_does_the_first(tmp_path: Path) -> None:
    for budget in ("0.7", "7", "70"):  # enough of it to fill the system's buffers, whatever else runs here
        body = Endless()
        environ = {"wsgi.input": body, "CONTENT_LENGTH": str(1 << 40)}
        with hold_uploads() as holding:
            answer = first(tmp_path, holding.url).put(f"{ROUTE}?budget={budget}", environ_overrides=environ)
        refused(answer, 408, f"budget of {budget} s", tmp_path)
        if body.sent_bytes > MIB:
            break
    assert MIB < body.sent_bytes < 64 * MIB  # what those buffers hold on both sides


@pytest.mark.parametrize("terminated", [{}, {"wsgi.input_terminated": True}])
def test_a_body_that_ends_short_is_stored_nowhere(
    tmp_path: Path, second: Second, terminated: dict[str, Any]
) -> None:
    app = first(tmp_path, second.url)
    short = {"CONTENT_LENGTH": "2000000", "wsgi.input": io.BytesIO(BODY), **terminated}
    assert_left_nowhere(app.put(ROUTE, environ_overrides=short), tmp_path, second)
    broken = {**TERMINATED, "wsgi.input": Breaking(BODY)}
    assert_left_nowhere(app.put(ROUTE, environ_overrides=broken), tmp_path, second)


def assert_left_nowhere(answer: Any, tmp_path: Path, second: Second) -> None:
    assert (answer.status_code, list(answer.get_json())) == (400, ["error"])
    health = client(second.folder)
    # The second deployment may begin its upload only after the first has answered.
    wait_until(lambda: not health.get("/healthz").get_json()["uploads_in_progress"] and not files(tmp_path))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (DROP, "second cannot be reached, or broke off"),
        ((201, b"not JSON"), "names no upload"),
        ((201, b"[" * 60_000), "names no upload"),
        ((201, {**STORED, "id": "../x"}), "names no upload"),
        ((201, {**STORED, "size_bytes": 7}), "has not stored every byte"),
        ((302, {}), "second answered 302"),
        ((200, [1]), "names no upload"),
    ],
)
def test_a_next_that_answers_nonsense_is_a_502(tmp_path: Path, answer: Any, words: str) -> None:
    with serve(POST=answer) as fake:
        refused(first(tmp_path, fake.url).put(ROUTE, data=BODY), 502, words, tmp_path)
    assert ("DELETE" in str(fake.requests)) == ("every byte" in words)


def test_a_refusal_without_a_sentence_is_told_by_its_status(tmp_path: Path) -> None:
    with serve(POST=(503, b"<html>")) as fake:
        refused(first(tmp_path, fake.url).put(ROUTE, data=BODY), 503, "second answered 503", tmp_path)


def test_a_next_that_is_not_there_is_a_502(tmp_path: Path) -> None:
    with listen(socket.socket.close) as url:
        pass
    app = first(tmp_path, url)
    refused(app.put(ROUTE, data=BODY), 502, "second cannot be reached", tmp_path)
    refused(app.get(f"/uploads/{ID}?next=second"), 502, "second cannot be reached", tmp_path)


def test_a_next_that_breaks_off_in_mid_body_is_a_502(tmp_path: Path) -> None:
    environ = {"wsgi.input": Endless(), "CONTENT_LENGTH": str(1 << 40)}
    with listen(socket.socket.close) as url:
        answer = first(tmp_path, url).put(ROUTE, environ_overrides=environ)
    refused(answer, 502, "broke off", tmp_path)


def test_uploads_are_passed_on_only_to_the_names_of_the_list(tmp_path: Path) -> None:
    with serve() as fake:
        app = client(tmp_path, NEXT_HOPS=f"one={fake.url} two=http://[::1]:9")
        for name in ("three", fake.url, "one/../two", ""):
            refused(app.put(f"{ROUTE}?next={name}", data=BODY), 400, "choose one of one, two", tmp_path)
            assert app.get(f"/uploads/{ID}?next={name}").status_code == 400
            assert app.delete(f"/uploads/{ID}?next={name}").status_code == 400
        for upload_id in ("..", ID.upper(), "healthz"):
            refused(app.get(f"/uploads/{upload_id}?next=one"), 404, "no upload", tmp_path)
        assert fake.requests == []
    refused(client(tmp_path).put(ROUTE, data=BODY), 403, "NEXT_HOPS=", tmp_path)


def test_a_form_is_not_passed_on(tmp_path: Path) -> None:
    with serve() as fake:
        refused(send_form(first(tmp_path, fake.url), ROUTE), 415, "/request-files", tmp_path)
    assert fake.requests == []


@pytest.mark.parametrize(
    "text",
    ["a", "a=b", "a=https://b", "=http://b", "a=http://b/c", "a=http://b:x", "a&b=http://c", "a=http://"],
)
def test_a_wrong_list_is_told_at_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError):
        client(tmp_path, NEXT_HOPS=text)


def test_an_upload_that_is_passed_on_counts_as_in_progress(tmp_path: Path) -> None:
    seen: list[int] = []

    class Looking:
        def read(self, size: int = -1) -> bytes:
            seen.append(client(tmp_path / "first").get("/healthz").get_json()["uploads_in_progress"])
            return b"abc"

    with serve(POST=(201, {**STORED, "size_bytes": 3})) as fake:
        environ = {"wsgi.input": Looking(), "CONTENT_LENGTH": "3"}
        assert first(tmp_path, fake.url).put(ROUTE, environ_overrides=environ).status_code == 201
    assert set(seen) == {1}
    assert files(tmp_path) == []


def test_a_profile_is_the_first_ones_own_and_goes_with_the_upload(tmp_path: Path, second: Second) -> None:
    app = first(tmp_path, second.url, PROFILING="1")
    answer = app.put(f"{ROUTE}?profile=1", data=BODY)
    upload_id, (text, _) = answer.get_json()["id"], answer.get_json()["profile"]
    assert b"relay.py" in app.get(f"/profiles/{upload_id}/{text}").data
    app.delete(answer.headers["Location"])
    assert files(tmp_path) == []
