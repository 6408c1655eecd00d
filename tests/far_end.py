"""The doctor's far end as a user has it: a file of its own."""

import importlib.util
from pathlib import Path
from typing import Any

import msgspec
from uploadlab.doctoring.far_end import PATH, FarEnd
from uploadlab.model.exchanges import Arrived
from uploadlab.sending.answered import json_of

NAME = "upload_lab_probe"
TOKEN = "a-token-of-the-tests"
APP = f"""
from {NAME} import upload_lab_probe

def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"app"]

async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({{"type": event + ".complete"}})
            if event.endswith("shutdown"):
                return
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]}})
    await send({{"type": "http.response.body", "body": b"app"}})

application = upload_lab_probe(app)
asgi = upload_lab_probe(asgi_app)
"""
"""A user's module, with an app of each kind."""


def write_probe(folder: Path, far_end: FarEnd) -> Path:
    path = folder / f"{NAME}.py"
    path.write_text(far_end.source)
    return path


def load_probe(folder: Path, far_end: FarEnd) -> Any:
    """The module of a file as it was printed."""
    spec = importlib.util.spec_from_file_location(NAME, write_probe(folder, far_end))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def request_of(verb: str, *lines: str, body: bytes = b"", path: str = PATH, token: str = TOKEN) -> bytes:
    """A request to a far end, byte for byte."""
    head = [f"{verb} {path} HTTP/1.1", "Host: test", "Connection: close", f"X-Upload-Lab-Token: {token}"]
    return "\r\n".join([*head, *lines, "\r\n"]).encode() + body


def arrived_of(content: bytes) -> Arrived | None:
    """What a far end says, by the body of its answer; None for anything else."""
    try:
        return msgspec.convert(json_of(content), Arrived)
    except msgspec.ValidationError:
        return None
