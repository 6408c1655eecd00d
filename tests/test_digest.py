"""The digest that a client announces: what the app stores, what it refuses, and what the client sends."""

import base64
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from requests_toolbelt import MultipartEncoder
from uploadlab.catalogue.methods import METHODS, OWN_METHODS, Part
from uploadlab.catalogue.payloads import write_payload
from uploadlab.model.measurements import Status
from uploadlab.sending.upload import upload
from uploadlab.sending.verification import verify
from uploadlab.units import MIB
from werkzeug.test import TestResponse

from .helpers import SPLICED
from .test_app import CHUNKED, FORM_ROUTES, client, files, refused
from .test_offload import taken
from .test_relay import ROUTE, TERMINATED, Second, first
from .test_relay import second as second  # a fixture

BODY = b"some\r\nbytes" * 1000
RAW_ROUTES = ["/request-stream", "/request-stream?reader=lines", SPLICED]
LOST = {**CHUNKED, "wsgi.input": io.BytesIO(BODY)}
"""A chunked body of which Werkzeug gives the app nothing, as at a server that does not say that it ends."""


def announced(content: bytes, algorithm: str = "sha256", name: str = "sha-256") -> str:
    return f"{name}=:{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}:"


def send(
    app: FlaskClient, route: str, headers: dict[str, str] | None = None, digest_of: bytes | None = None
) -> TestResponse:
    """Send the body, or a form with it, and the digest of all that is sent, or of something else."""
    body, kind = BODY, "application/octet-stream"
    if route in FORM_ROUTES:
        form = MultipartEncoder({"file": ("f", BODY)})
        body, kind = form.read(), form.content_type
    headers = headers or {"Repr-Digest": announced(body if digest_of is None else digest_of)}
    return app.post(route, data=body, content_type=kind, headers=headers)


@pytest.mark.parametrize("route", [*RAW_ROUTES, *FORM_ROUTES])
def test_a_body_with_its_digest_is_stored_and_another_one_is_not(tmp_path: Path, route: str) -> None:
    app = client(tmp_path)
    answer = send(app, route)
    assert answer.status_code == 201, answer.text
    assert (tmp_path / answer.get_json()["id"]).read_bytes() == BODY
    app.delete(f"/uploads/{answer.get_json()['id']}")
    words = "the body that arrived has another sha-256 than its Repr-Digest says"
    refused(send(app, route, digest_of=b"another"), 400, words, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Digest", announced(BODY)),
        ("Repr-Digest", announced(BODY, "sha512", "sha-512")),
        ("Repr-Digest", f"{announced(BODY)},\t{announced(BODY, 'sha512', 'sha-512')}"),
        ("Repr-Digest", f"{announced(BODY)[:-2]}:"),  # without padding
        ("Repr-Digest", f'{announced(BODY)};a;b=1;c="x, y" ; d=:AA==:'),
        ("Repr-Digest", f"md5=:AAAA:, x-sum=::, {announced(BODY)}"),
        ("Repr-Digest", f"{announced(b'another')}, {announced(BODY)}"),  # the last one counts
        ("Repr-Digest", "md5=:AAAA:"),  # nobody has to know it
        ("Repr-Digest", ""),
    ],
)
def test_what_the_standard_allows_is_read(tmp_path: Path, name: str, value: str) -> None:
    answer = send(client(tmp_path), "/request-stream", {name: value})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "value",
    [
        "sha-256",
        "sha-256=abc",
        "sha-256=:?:",
        "sha-256=:AAAA:",
        f"{announced(BODY)},",
        f",{announced(BODY)}",
        announced(BODY).upper(),
        f"{announced(BODY)} x=:AAAA:",
        f"{announced(BODY)};A",
        f"x-sum=1, {announced(BODY)}",
        "sha-256=:" + ";" * 5000,
        announced(BODY) + ";a" * 5000 + "=",
    ],
)
def test_a_malformed_header_is_refused(tmp_path: Path, value: str) -> None:
    answer = send(client(tmp_path), "/request-stream", {"Repr-Digest": value})
    refused(answer, 400, "Repr-Digest", tmp_path)


def test_each_announced_digest_counts(tmp_path: Path) -> None:
    wrong = announced(b"another", "sha512", "sha-512")
    for headers in (
        {"Repr-Digest": announced(BODY), "Content-Digest": announced(b"another")},
        {"Repr-Digest": f"{announced(BODY)}, {wrong}"},
    ):
        refused(send(client(tmp_path), "/request-stream", headers), 400, "another", tmp_path)


def test_a_digest_shows_a_body_that_the_server_lost(tmp_path: Path) -> None:
    app = client(tmp_path)
    assert app.post("/request-stream", environ_overrides=LOST).get_json()["size_bytes"] == 0
    (lost,) = files(tmp_path)
    lost.unlink()
    headers = {"Repr-Digest": announced(BODY)}
    refused(app.post("/request-stream", headers=headers, environ_overrides=LOST), 400, "sha-256", tmp_path)


def test_a_deployment_or_a_client_can_demand_a_digest(tmp_path: Path) -> None:
    for app, route in (
        (client(tmp_path, REQUIRE_DIGEST="1"), "/request-stream"),
        (client(tmp_path), "/request-stream?require_digest=1"),
    ):
        refused(app.post(route, data=BODY), 400, "send Repr-Digest: sha-256=:BASE64:", tmp_path)
        answer = send(app, route)
        assert answer.status_code == 201
        app.delete(answer.headers["Location"])


def test_where_a_cut_body_looks_whole_chunks_need_a_digest(tmp_path: Path) -> None:
    app = client(tmp_path, CHUNKED_NEEDS_DIGEST="1")
    in_chunks = {**TERMINATED, "wsgi.input": io.BytesIO(BODY)}
    refused(app.post("/request-stream", environ_overrides=in_chunks), 411, "Content-Length", tmp_path)
    hidden = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(BODY)}  # a server may hide the chunks, too
    refused(app.post("/request-stream", environ_overrides=hidden), 411, "Content-Length", tmp_path)
    headers = {"Repr-Digest": announced(BODY)}
    in_chunks["wsgi.input"] = io.BytesIO(BODY)
    assert app.post("/request-stream", headers=headers, environ_overrides=in_chunks).status_code == 201
    assert app.post("/request-stream", data=BODY).status_code == 201


def test_a_body_that_nginx_has_taken_is_compared(tmp_path: Path) -> None:
    app, path = client(tmp_path), taken(tmp_path, BODY)
    given: dict[str, Any] = {"environ_overrides": {"UPLOAD_FILE": str(path), "CONTENT_LENGTH": ""}}
    wrong = {"Repr-Digest": announced(b"another")}
    refused(app.put("/request-stream", headers=wrong, **given), 400, "sha-256", tmp_path)
    path.write_bytes(BODY)
    answer = app.put("/request-stream", headers={"Repr-Digest": announced(BODY)}, **given)
    assert (answer.status_code, answer.get_json()["framing"]) == (201, "file")
    assert (tmp_path / answer.get_json()["id"]).read_bytes() == BODY


def test_a_relay_has_the_next_deployment_compare(tmp_path: Path, second: Second) -> None:
    app = first(tmp_path, second.url)
    refused(send(app, ROUTE, digest_of=b"another"), 400, "another sha-256", tmp_path)
    refused(app.put(f"{ROUTE}?require_digest=1", data=BODY), 400, "needs a digest", tmp_path)
    refused(send(app, ROUTE, {"Content-Digest": "sha-256"}), 400, "Content-Digest", tmp_path)
    assert send(app, f"{ROUTE}?require_digest=1").status_code == 201
    (stored,) = files(second.folder)
    assert stored.read_bytes() == BODY


def test_an_answer_says_how_the_server_framed_the_body(tmp_path: Path) -> None:
    app = client(tmp_path)
    assert app.post("/request-stream", data=b"x").get_json()["framing"] == "length"
    assert app.post("/request-stream", environ_overrides=TERMINATED).get_json()["framing"] == "chunked"
    assert (
        app.post("/request-stream", environ_overrides={"CONTENT_LENGTH": ""}).get_json()["framing"] == "none"
    )


@pytest.mark.parametrize("size_bytes", [0, 2 * MIB])
def test_the_method_sends_the_whole_file_after_its_digest(
    tmp_path: Path,
    second: Second,
    size_bytes: int,
) -> None:
    payload, method = write_payload(tmp_path / "file", size_bytes), METHODS["request.stream-digest"]
    outcome = verify(second.url, upload(second.url, method, payload), payload)
    assert (outcome.status, outcome.digest_ok) == (Status.OK, True)
    with open(payload.path, "rb") as file:
        sent = method.send(file, size_bytes, Part())
        assert sent["headers"]["Repr-Digest"] == announced(Path(payload.path).read_bytes())
        assert file.tell() == 0
    assert "request.stream-digest" not in OWN_METHODS
