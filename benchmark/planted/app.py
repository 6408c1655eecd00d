"""The app behind each planted stack: takes raw bodies and forms at /upload.

It has the faults that its environment names. Without any it takes every upload whole, and reads on after
a refusal, so that the reason reaches the client.
The far end of the doctor stands beside it where PLANTED_TOKEN is set.
"""

import errno
import hashlib
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from flask import Flask, redirect, request
from upload_app.linger import Linger
from werkzeug.exceptions import (
    BadRequest,
    LengthRequired,
    MethodNotAllowed,
    TooManyRequests,
    UnsupportedMediaType,
)

BLOCK_BYTES = 1 << 18
LINGER_SECONDS = 20.0
WORK_HEADER = "X-Planted-Work"
"""Seconds for which the app works on an upload: of clients that keep it busy."""
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Faults:
    """What is wrong with the app, by PLANTED_... of its environment; without a variable, nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        def number(name: str) -> int:
            return int(environment.get(f"PLANTED_{name}", 0))

        self.folder = Path(environment["PLANTED_FOLDER"])
        self.route = environment.get("PLANTED_ROUTE", "/upload")
        self.field = environment.get("PLANTED_FIELD", "file")
        self.verbs = environment.get("PLANTED_VERBS", "POST PUT").split()
        self.kind = environment.get("PLANTED_KIND", "")
        """The only type of a raw body that is taken."""
        self.most_bytes = number("MOST_BYTES") or None
        self.form_bytes = number("FORM_BYTES") or None
        self.needs_length = number("NEEDS_LENGTH")
        self.keeps_bytes = number("KEEPS_BYTES")
        """Of each body; the rest is not read."""
        self.slow_seconds = float(environment.get("PLANTED_SLOW_SECONDS", 0))
        self.slow_from_bytes = number("SLOW_FROM_BYTES")
        self.login = number("LOGIN")
        """Status of the redirect to a login page."""
        self.full = number("FULL") or 507
        """Status of the answer when the disk is full (RFC 4918, 11.5); 500: the app does not expect it."""
        self.per_minute = number("PER_MINUTE")


def create_app(faults: Faults) -> Flask:
    """Return the Flask app."""
    app = Flask("planted")
    app.config["MAX_CONTENT_LENGTH"] = faults.most_bytes
    calls = Calls(faults.per_minute)
    app.config["MAX_FORM_MEMORY_SIZE"] = faults.form_bytes or (500 << 10)

    @app.get("/healthz")
    def healthz() -> str:
        return "well"

    @app.get("/login")
    def login() -> str:
        return "<form method=post>Name <input name=user> Password <input name=password type=password></form>"

    @app.get("/uploads/<uuid:name>")
    def uploaded(name: uuid.UUID) -> tuple[dict[str, Any], int]:
        path = faults.folder / f"{name}.json"
        return (json.loads(path.read_text()), 200) if path.exists() else ({"error": "no such upload"}, 404)

    @app.delete("/uploads/<uuid:name>")
    def removed(name: uuid.UUID) -> tuple[str, int]:
        (faults.folder / f"{name}.json").unlink(missing_ok=True)
        return "", 204

    @app.route(faults.route, methods=["GET", "POST", "PUT"])
    def upload() -> Any:
        calls.count()
        if request.method not in faults.verbs:
            raise MethodNotAllowed(faults.verbs)
        if faults.login:
            return redirect("/login?next=/upload", faults.login)
        if faults.needs_length and request.content_length is None:
            raise LengthRequired()
        return take(faults, time.monotonic())

    return app


class Calls:
    """Counts requests, and refuses those over a number a minute; 0: none."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute, self._lock = per_minute, threading.Lock()
        self._moments: list[float] = []

    def count(self) -> None:
        """Count a request; raise TooManyRequests."""
        with self._lock:
            now = time.monotonic()
            self._moments = [*(moment for moment in self._moments if now - moment < 60), now]
            if self._per_minute and len(self._moments) > self._per_minute:
                raise TooManyRequests(retry_after=60)


def take(faults: Faults, began: float) -> Any:
    """Store the current request's body, and return the answer; raise BadRequest, UnsupportedMediaType."""
    is_form = request.mimetype == "multipart/form-data"
    if faults.kind and not is_form and request.mimetype != faults.kind:
        raise UnsupportedMediaType()
    name = str(uuid.uuid4())
    path = faults.folder / name
    try:
        if is_form and faults.field not in request.files:
            raise BadRequest(f"There is no file in the field {faults.field!r}.")
        source: IO[bytes] = request.files[faults.field].stream if is_form else request.stream
        found = stored(source, path, faults.keeps_bytes)
        seconds = time.monotonic() - began
        length = request.content_length
        if not (is_form or faults.keeps_bytes or length is None) and found["size"] < length:
            raise BadRequest("The body ended before its length.")
    except OSError as error:
        if error.errno != errno.ENOSPC or faults.full == 500:
            raise
        return {"error": "the disk is full"}, faults.full
    finally:
        path.unlink(missing_ok=True)  # its description is kept, and no bytes
    path.with_suffix(".json").write_text(json.dumps(found))
    if found["size"] >= faults.slow_from_bytes:
        time.sleep(faults.slow_seconds)
    time.sleep(float(request.headers.get(WORK_HEADER, 0)))
    return {"id": name, "seconds": seconds, **found}, 201, {"Location": f"/uploads/{name}"}


def stored(source: IO[bytes], path: Path, most_bytes: int) -> dict[str, Any]:
    """Write a body, or that many bytes of it unless they are 0. Return what is written; raise OSError."""
    digest, size_bytes = hashlib.sha256(), 0
    with path.open("wb", buffering=0) as file:
        while block := source.read(min(BLOCK_BYTES, most_bytes - size_bytes) if most_bytes else BLOCK_BYTES):
            file.write(block)
            digest.update(block)
            size_bytes += len(block)
    return {"size": size_bytes, "sha256": digest.hexdigest()}


def wrapped(environment: Mapping[str, str]) -> WsgiApp:
    """Return the app as a server calls it: with the far end, what its server needs, and what reads on."""
    faults = Faults(environment)
    app: WsgiApp = create_app(faults)
    if "PLANTED_NO_LINGER" not in environment:
        app = Linger(app, LINGER_SECONDS)
    if token := environment.get("PLANTED_TOKEN"):
        from uploadlab.doctoring import probe_app

        probe_app.TOKEN, probe_app.UNTIL = token, int(time.time()) + 86400
        app = probe_app.upload_lab_probe(app, asgi=False)
    match environment.get("PLANTED_INPUT"):
        case "uwsgi":
            from upload_app.uwsgi_body import TerminatedInput

            app = TerminatedInput(app)
        case "terminated":
            from upload_app.terminated import TerminatedBody

            app = TerminatedBody(app)
    return app


application = wrapped(os.environ)
