"""Each route's way from ``wsgi.input`` to the file: the whole app, but no server.

A route with two hops is not among them: where it leads to is a server.
"""

import shutil
import tempfile
import uuid
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from requests_toolbelt import MultipartEncoder
from upload_app import receivers
from upload_app.app import create_app
from upload_app.body import Body, Deadline
from upload_app.room import Room
from upload_app.settings import Settings
from uploadlab.catalogue import methods
from uploadlab.catalogue.methods import BLOCK_BYTES, FIELD, FILE_NAME, METHODS, Method
from uploadlab.catalogue.payloads import Payload, describe
from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wsgi import get_input_stream

from .conftest import Measure
from .in_place import InPlace
from .inputs import INPUTS, Input, buffered, read_through

ROUTES = {method.route: method for method in METHODS.values() if not method.hops}
WAYS = [
    pytest.param(method, strict, id=f"{route}-strict" if strict else route)
    for route, method in ROUTES.items()
    for strict in ([False, True] if method.form else [False])
]
BOUNDARIES = {"ours": methods.boundary(), "uuid4": uuid.uuid4().hex}


@pytest.fixture(scope="session")
def forms(memory: Path, payload: Payload) -> dict[str, Path]:
    """The payload's form with each boundary, as it is on the wire."""
    paths = {name: memory / name for name in BOUNDARIES}
    for name, path in paths.items():
        with open(payload.path, "rb") as file, open(path, "wb") as form:
            parts = {FIELD: (FILE_NAME, file, "application/octet-stream")}
            shutil.copyfileobj(MultipartEncoder(parts, BOUNDARIES[name]), form, BLOCK_BYTES)
    return paths


@pytest.fixture
def stored(memory: Path) -> Path:
    """Where every upload of a benchmark is written to, empty at first."""
    path = memory / "stored"
    path.write_bytes(b"")
    return path


def app(data: Path, stored: Path, strict: bool) -> Flask:
    """The app, with one place for all its uploads."""
    flask_app = create_app(
        Settings.from_environment({"DATA_DIR": str(data), "STRICT_FRAMING": f"{strict:d}"})
    )
    flask_app.extensions["store"] = SimpleNamespace(partial=partial(InPlace, stored), room=Room(data))
    return flask_app


def environment(method: Method, body: Path) -> dict[str, Any]:
    """A request's, without its input."""
    kind = f"multipart/form-data; boundary={BOUNDARIES['ours']}" if method.form else "text/plain"
    # Not create_environ's own: for a form it would choose another boundary.
    head = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(body.stat().st_size)}
    return create_environ(method.route, method=method.verb) | head


def test_reading_only(measure: Measure, payload: Payload) -> None:
    with open(payload.path, "rb") as file:

        def read() -> None:
            file.seek(0)
            read_through(file, BLOCK_BYTES)

        measure("raw", payload.size_bytes, read)


@pytest.mark.parametrize("wsgi_input", INPUTS, ids=[way.__name__ for way in INPUTS])
@pytest.mark.parametrize(("method", "strict"), WAYS)
def test_route(
    measure: Measure, memory: Path, payload: Payload, small_payload: Payload, forms: dict[str, Path],
    stored: Path, monkeypatch: pytest.MonkeyPatch, method: Method, strict: bool, wsgi_input: Input,
) -> None:  # fmt: skip
    monkeypatch.setattr(tempfile, "tempdir", str(memory))  # where Werkzeug spools to
    sent = small_payload if method.slow else payload
    body = forms["ours"] if method.form else Path(sent.path)
    served, environ = app(memory / "data", stored, strict), environment(method, body)
    with open(body, "rb") as file:

        def receive() -> None:
            file.seek(0)
            _, status, _ = run_wsgi_app(served, environ | wsgi_input(file))
            assert status == "201 CREATED"

        group = "lines" if method.slow else "form" if method.form else "raw"
        measure(group, sent.size_bytes, receive)
    assert describe(stored) == sent._replace(path=str(stored))


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_boundary(
    measure: Measure, payload: Payload, forms: dict[str, Path], stored: Path, boundary: str
) -> None:
    """What our own boundary gains at the parser, over the one that clients choose by default."""
    with open(forms[boundary], "rb") as file:
        environ = {**buffered(file), "CONTENT_LENGTH": str(forms[boundary].stat().st_size)}

        def receive() -> None:
            file.seek(0)
            body = Body(get_input_stream(environ), Deadline(60))
            with InPlace(stored) as upload:
                receivers.receive_pushed_form(body, upload.file, BLOCK_BYTES, BOUNDARIES[boundary])

        measure("boundary", payload.size_bytes, receive)
    assert describe(stored) == payload._replace(path=str(stored))
