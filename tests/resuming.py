"""What tests of uploads that go on later share: requests, and bodies that act while they arrive."""

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .test_app import CHUNKED

TUS = {"Tus-Resumable": "1.0.0"}
KIND = "application/offset+octet-stream"
BLOCK_BYTES = 64 << 10


def begin(app: FlaskClient, size_bytes: int, **headers: str) -> str:
    """The address of a new upload."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = app.post("/resumable", headers={**TUS, "Upload-Length": str(size_bytes), **named})
    assert answer.status_code == 201
    return answer.headers["Location"]


def go_on(app: FlaskClient, url: str, offset: int, body: bytes, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {**TUS, "Content-Type": KIND, "Upload-Offset": str(offset), **named}
    return app.patch(url, headers=sent, data=body)


def offset_of(app: FlaskClient, url: str) -> int:
    answer = app.head(url, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])


def reason(answer: TestResponse, status: int) -> str:
    """The one sentence of a refusal with this status."""
    assert answer.status_code == status, answer.text
    assert list(answer.get_json()) == ["error"]
    return str(answer.get_json()["error"])


def unfinished(folder: Path) -> list[Path]:
    return list((folder / "tmp" / "resumable").iterdir())


class Arriving(io.RawIOBase):
    """A body in blocks, which does something, once, before the block that begins at ``at``."""

    def __init__(self, body: bytes, at: int, act: Callable[[], object]) -> None:
        self._body, self._at, self._act, self._sent = body, at, act, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._sent == self._at:
            self._at = -1
            self._act()
        end = min(self._sent + len(buffer), max(self._at, 0) or len(self._body))
        block = self._body[self._sent : end]
        self._sent += len(block)
        buffer[: len(block)] = block
        return len(block)


def send_arriving(
    app: FlaskClient, url: str, body: Arriving, length: int | None, method: str = "PATCH", **headers: str
) -> TestResponse:
    """Send a body that is not there yet, from offset 0; without a length, in chunks."""
    framing = CHUNKED | {"CONTENT_LENGTH": ""} if length is None else {"CONTENT_LENGTH": str(length)}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {**TUS, "Upload-Offset": "0", **named}
    input_of = {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_TYPE": KIND, **framing}
    return app.open(url, method=method, headers=sent, environ_overrides=input_of)


def killed(act: Callable[[], object]) -> None:
    """Do that in a process that ends by a SIGKILL of its own in the middle."""
    if not (pid := os.fork()):
        try:
            act()
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def cut() -> None:
    raise ConnectionResetError("the client is gone")
