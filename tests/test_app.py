import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from requests_toolbelt import MultipartEncoder
from upload_app.app import create_app
from upload_app.settings import Settings
from werkzeug.test import TestResponse

from .helpers import SPLICED

BODY = b"some\r\nbytes" * 100_000


def client(data_dir: Path, **settings: str) -> FlaskClient:
    environ = {"DATA_DIR": str(data_dir), "LAB_DEPLOYMENT": "test", **settings}
    return create_app(Settings.from_environment(environ)).test_client()


def send_form(app: FlaskClient, route: str, **fields: Any) -> TestResponse:
    fields = fields or {"file": (io.BytesIO(BODY), "f.txt")}
    return app.post(route, data=fields, content_type="multipart/form-data")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def refused(answer: TestResponse, status: int, words: str, folder: Path) -> None:
    """The contract's refusal: a status, one sentence, and nothing stored."""
    assert answer.status_code == status
    assert list(answer.get_json()) == ["error"]
    assert words in answer.get_json()["error"]
    assert files(folder) == []


@pytest.mark.parametrize("route", ["/request-stream", "/request-stream?reader=lines", SPLICED])
@pytest.mark.parametrize("verb", ["POST", "PUT"])
def test_a_raw_body_is_stored(tmp_path: Path, route: str, verb: str) -> None:
    answer = client(tmp_path).open(route, method=verb, data=BODY)
    assert answer.status_code == 201
    assert answer.get_json()["size_bytes"] == len(BODY)
    assert answer.get_json()["seconds"] > 0
    assert (tmp_path / answer.get_json()["id"]).read_bytes() == BODY
    assert len(files(tmp_path)) == 1


FORM_ROUTES = ["/request-files", "/request-files?spool=direct", "/multipart-push"]


@pytest.mark.parametrize("route", FORM_ROUTES)
def test_a_forms_file_is_stored(tmp_path: Path, route: str) -> None:
    answer = send_form(client(tmp_path), route)
    assert answer.status_code == 201
    assert (tmp_path / answer.get_json()["id"]).read_bytes() == BODY
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("route", FORM_ROUTES)
def test_the_right_file_is_stored_when_another_comes_first(tmp_path: Path, route: str) -> None:
    other = (io.BytesIO(b"longer than the other" * 90_000), "first.txt")
    answer = send_form(client(tmp_path), route, aaa=other, file=(io.BytesIO(BODY), "f.txt"))
    assert (tmp_path / answer.get_json()["id"]).read_bytes() == BODY
    assert len(files(tmp_path)) == 1


def test_an_empty_file_is_an_upload(tmp_path: Path) -> None:
    app = client(tmp_path)
    answers = [app.post("/request-stream", data=b"")]
    form = MultipartEncoder({"file": ("empty", b"")})
    body, kind = form.read(), form.content_type
    answers += [app.post(route, data=body, content_type=kind) for route in FORM_ROUTES]
    assert [answer.get_json()["size_bytes"] for answer in answers] == [0] * 4


def test_what_is_stored_can_be_asked_for_and_removed(tmp_path: Path) -> None:
    app = client(tmp_path)
    upload_id = app.post("/request-stream", data=b"abc").get_json()["id"]
    stored = app.get(f"/uploads/{upload_id}?digest=sha256").get_json()
    assert stored["size_bytes"] == 3
    assert stored["digest"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert app.get(f"/uploads/{upload_id}").get_json()["digest"] == "06b05ab6733a618578af5f94892f3950"
    assert app.delete(f"/uploads/{upload_id}").status_code == 204
    refused(app.get(f"/uploads/{upload_id}"), 404, "no upload", tmp_path)
    refused(app.delete(f"/uploads/{upload_id}"), 404, "no upload", tmp_path)


def test_health_names_the_deployment_and_its_versions(tmp_path: Path) -> None:
    health = client(tmp_path).get("/healthz").get_json()
    assert health["deployment"] == "test"
    assert {"python", "flask", "werkzeug"} <= set(health["versions"])
    assert health["uploads_in_progress"] == 0


def test_a_short_body_is_refused(tmp_path: Path) -> None:
    short = {"CONTENT_LENGTH": "100", "wsgi.input": io.BytesIO(b"short")}
    app = client(tmp_path)
    refused(app.post("/request-stream", environ_overrides=short), 400, "", tmp_path)
    # gunicorn's stream just ends, and Werkzeug does not watch it
    ended = {**short, "wsgi.input": io.BytesIO(b"short"), "wsgi.input_terminated": True}
    refused(app.post("/request-stream", environ_overrides=ended), 400, "after 5 of 100 bytes", tmp_path)


@pytest.mark.parametrize("route", FORM_ROUTES)
def test_a_form_that_cannot_be_used_is_refused(tmp_path: Path, route: str) -> None:
    app = client(tmp_path)
    refused(
        send_form(app, route, other=(io.BytesIO(BODY), "f")),
        400,
        "no complete file part named 'file'",
        tmp_path,
    )
    refused(app.post(route, data=BODY), 415, "multipart/form-data", tmp_path)
    kind = "multipart/form-data"
    refused(app.post(route, data=b"x", content_type=kind), 400, "boundary", tmp_path)
    torn = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhalf'
    refused(app.post(route, data=torn, content_type=f"{kind}; boundary=b"), 400, "", tmp_path)


def test_a_form_does_not_go_to_the_raw_route(tmp_path: Path) -> None:
    refused(send_form(client(tmp_path), "/request-stream"), 415, "/request-files", tmp_path)


@pytest.mark.parametrize("query", ["reader=letters", "budget=soon", "budget=nan", "budget=inf"])
def test_a_wrong_option_is_refused_with_its_value(tmp_path: Path, query: str) -> None:
    answer = client(tmp_path).post(f"/request-stream?{query}", data=b"x")
    refused(answer, 400, repr(query.partition("=")[2]), tmp_path)


@pytest.mark.parametrize("route", ["/request-stream", *FORM_ROUTES])
def test_a_body_over_the_limit_is_refused(tmp_path: Path, route: str) -> None:
    app = client(tmp_path, MAX_CONTENT_LENGTH="1000")
    refused(app.post(route, data=BODY) if "stream" in route else send_form(app, route), 413, "", tmp_path)


@pytest.mark.parametrize("route", ["/request-stream", "/request-stream?reader=lines", *FORM_ROUTES])
def test_an_upload_over_its_budget_ends(tmp_path: Path, route: str) -> None:
    app = client(tmp_path)
    late = f"{route}{'&' if '?' in route else '?'}budget=0.000001"
    answer = app.post(late, data=BODY) if "stream" in route else send_form(app, late)
    refused(answer, 408, "budget", tmp_path)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = client(tmp_path)
    monkeypatch.setattr("secrets.token_hex", lambda _: "0" * 32)
    (tmp_path / "tmp" / f"{'0' * 32}.part").symlink_to("/dev/full")
    refused(app.post("/request-stream", data=BODY), 507, "no space", tmp_path)


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked"}


def test_a_lost_chunked_body_looks_like_success_by_default(tmp_path: Path) -> None:
    answer = client(tmp_path).post("/request-stream", data=BODY, environ_overrides=CHUNKED)
    assert (answer.status_code, answer.get_json()["size_bytes"]) == (201, 0)


def test_strict_framing_refuses_a_chunked_body_that_would_be_lost(tmp_path: Path) -> None:
    app = client(tmp_path, STRICT_FRAMING="1")
    answer = app.post("/request-stream", data=BODY, environ_overrides={**CHUNKED, "CONTENT_LENGTH": ""})
    refused(answer, 411, "Content-Length", tmp_path)
    both = {**CHUNKED, "wsgi.input_terminated": True, "CONTENT_LENGTH": "7"}
    refused(app.post("/request-stream", environ_overrides=both), 400, "not both", tmp_path)
    terminated = {**CHUNKED, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = app.post("/request-stream", data=BODY, environ_overrides=terminated)
    assert (answer.status_code, answer.get_json()["size_bytes"]) == (201, len(BODY))


def test_a_profile_comes_only_where_it_is_switched_on_and_asked_for(tmp_path: Path) -> None:
    on = client(tmp_path, PROFILING="1")
    for kind, suffixes in {"1": (".txt", ".pstats"), "samples": (".html",)}.items():
        answer = on.post(f"/request-stream?profile={kind}", data=BODY, content_type="a/b;c=d").get_json()
        assert answer["profile"] == [f"a-b_{len(BODY)}-bytes{suffix}" for suffix in suffixes]
        contents = {name: on.get(f"/profiles/{answer['id']}/{name}").data for name in answer["profile"]}
        assert b"receivers.py" in contents[answer["profile"][0]] or kind == "samples"
    upload_id = on.post("/request-stream?profile=1").get_json()["id"]
    text = on.get(f"/profiles/{upload_id}/untyped_0-bytes.txt").text
    on.delete(f"/uploads/{upload_id}")
    assert on.get(f"/profiles/{upload_id}/untyped_0-bytes.txt").status_code == 404
    assert "seconds" in text.splitlines()[0]
    assert text.index("cumulative") < text.index("receivers.py") < text.index("tracemalloc")
    for query in ("", "?profile=0", "?profile=false", "?profile=False"):
        assert "profile" not in on.post(f"/request-stream{query}", data=BODY).get_json()
    off = client(tmp_path / "off")
    refused(off.post("/request-stream?profile=1", data=BODY), 403, "PROFILING=1", tmp_path / "off")


def test_a_profile_that_cannot_be_written_does_not_cost_the_upload(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    app = client(tmp_path, PROFILING="1", PROFILE_DIR=str(tmp_path / "file"))
    answer = app.post("/request-stream?profile=1", data=BODY)
    assert answer.status_code == 201
    assert "could not be written to" in answer.get_json()["profile_note"]
    assert app.get(f"/uploads/{answer.get_json()['id']}").get_json()["size_bytes"] == len(BODY)


def test_an_upload_that_fails_leaves_no_profile(tmp_path: Path) -> None:
    app = client(tmp_path, PROFILING="1")
    answer = app.post("/request-stream?profile=1&budget=0.000001", data=BODY)
    assert answer.status_code == 408
    assert files(tmp_path) == []


def test_usage_is_told_only_where_it_is_switched_on(tmp_path: Path) -> None:
    off = client(tmp_path, RUN_DIR=str(tmp_path))
    refused(off.get("/usage"), 403, "USAGE=1", tmp_path)
    refused(off.post("/usage/reset"), 403, "USAGE=1", tmp_path)
    on = client(tmp_path, RUN_DIR=str(tmp_path), USAGE="1")
    on.post("/request-stream", data=BODY)
    used = on.get("/usage").get_json()
    assert used["processes"]
    assert used["stored"] == {"uploads": 1, "temporary": 0, "unfinished": 0}


def test_one_profile_at_a_time_and_both_uploads_succeed(tmp_path: Path) -> None:
    app = client(tmp_path, PROFILING="1")
    inner: list[TestResponse] = []

    def body() -> Iterator[bytes]:
        yield BODY
        inner.append(client(tmp_path, PROFILING="1").post("/request-stream?profile=samples", data=BODY))

    class Body(io.RawIOBase):
        parts = body()

        def read(self, size: int = -1) -> bytes:
            return next(self.parts, b"")

    environ = {"wsgi.input": Body(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    outer = app.post("/request-stream?profile=1", environ_overrides=environ)
    assert (outer.status_code, inner[0].status_code) == (201, 201)
    assert outer.get_json()["profile"]
    assert "another request" in inner[0].get_json()["profile_note"]
    assert "profile" not in inner[0].get_json()


@pytest.mark.parametrize("name", ["../../x", "%2e%2e/%2e%2e/etc/passwd", "nothing"])
def test_only_profiles_can_be_fetched(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_text("secret")
    app = client(tmp_path, PROFILING="1")
    assert app.get(f"/profiles/a/{name}").status_code == 404
    assert client(tmp_path).get("/profiles/a/b").status_code == 403
    assert app.post("/request-stream?profile=magic", data=BODY).status_code == 400


def test_an_unknown_route_answers_in_json(tmp_path: Path) -> None:
    refused(client(tmp_path).get("/"), 404, "", tmp_path)
