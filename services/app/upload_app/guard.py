"""The lab's checks around a WSGI app of the user's own: framing, the whole body, its digest. Needs no Flask.

The app is not called for a body without a certain end. Of a body that ends early, or that has another digest
than its client announces, the app never gets the last bytes: its read raises an error. Whatever the app
answers then, the client gets the refusal.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from itertools import chain
from typing import Any

from upload_app.digest import FIELDS, BodyDigest, DigestRefused
from upload_app.framing import App, Environ, Refusal, answer_refusal, find_refusal

BUFFER_BYTES = 1 << 16
StartResponse = Callable[..., Any]
NEEDS_DIGEST = (
    "this server may hand on a part of a chunked body as the whole: send a Content-Length or a digest"
)


class BodyRefused(OSError):
    """What the app's read raises in place of the end of a body that is not whole."""


class CheckedBody(io.RawIOBase):
    """A request's body, whose end is withheld unless all of it has arrived as announced."""

    def __init__(self, source: Any, length: int | None, digest: BodyDigest) -> None:
        self._source, self._left, self._digest = source, length, digest
        self.refusal: Refusal | None = None

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes; raise BodyRefused for a body that is not whole."""
        if self.refusal:
            raise BodyRefused(self.refusal.reason)
        count = len(buffer) if self._left is None else min(len(buffer), self._left)
        try:
            block = self._source.read(count) if count else b""
        except Exception as error:  # each server has exceptions of its own for a client that has gone
            raise self._refused("the body ended before its announced end") from error
        self._digest.update(block)
        if self._left is not None:
            self._left -= len(block)
        if self._left and not block:
            raise self._refused(f"the body ended {self._left} bytes before its announced end")
        if self._left == 0 or (self._left is None and not block):
            self._check_digest()
        buffer[: len(block)] = block
        return len(block)

    def _check_digest(self) -> None:
        try:
            self._digest.check()
        except DigestRefused as error:
            raise self._refused(str(error)) from None

    def _refused(self, reason: str) -> BodyRefused:
        self.refusal = Refusal(HTTPStatus.BAD_REQUEST, reason)
        return BodyRefused(reason)


class Guard:
    """WSGI middleware that answers with a refusal's JSON, or as the app does."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._chunked_needs_digest = os.environ.get("CHUNKED_NEEDS_DIGEST") == "1"

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Call the app if the body's end is certain, and let no body pass that is not whole."""
        if refusal := find_refusal(environ):
            return answer_refusal(refusal, start_response)
        try:
            digest = BodyDigest(_announced(environ))
        except DigestRefused as error:
            return answer_refusal(Refusal(HTTPStatus.BAD_REQUEST, str(error)), start_response)
        length = environ.get("CONTENT_LENGTH")
        if not length and not digest and _unknown(environ) is None and self._chunked_needs_digest:
            return answer_refusal(Refusal(HTTPStatus.LENGTH_REQUIRED, NEEDS_DIGEST), start_response)
        body = CheckedBody(environ["wsgi.input"], int(length) if length else _unknown(environ), digest)
        environ["wsgi.input"] = io.BufferedReader(body, BUFFER_BYTES)
        environ["wsgi.input_terminated"] = True
        return self._answer(environ, body, start_response)

    def _answer(self, environ: Environ, body: CheckedBody, start_response: StartResponse) -> Iterable[bytes]:
        """Return the app's answer, or the refusal if the app has met one before its answer began.

        It begins before this returns: granian 2.8 answers 200 where start_response is called later.
        """
        started: list[tuple[Any, ...]] = []

        def start(*head: Any) -> Callable[[bytes], None]:
            started.append(head)
            return _no_write

        answer: Iterable[bytes] = []
        first = b""
        try:
            answer = self._app(environ, start)
            parts = iter(answer)
            first = next(parts, b"")
        except Exception:
            if not body.refusal:
                raise
        if body.refusal:
            if hasattr(answer, "close"):
                answer.close()
            return answer_refusal(body.refusal, start_response)
        start_response(*started[-1])
        return Answer(answer, first, parts)


class Answer:
    """An app's answer whose first part was taken already."""

    def __init__(self, whole: Iterable[bytes], first: bytes, rest: Iterator[bytes]) -> None:
        self._whole, self._parts = whole, chain([first], rest)

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        """Let the app clear up."""
        if hasattr(self._whole, "close"):
            self._whole.close()


def _unknown(environ: Environ) -> int | None:
    """Return 0 for a request without a body; None for a body whose length is not known."""
    return None if environ.get("HTTP_TRANSFER_ENCODING", "").strip() else 0


def _announced(environ: Environ) -> Mapping[str, str]:
    return {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}", "") for name in FIELDS}


def _no_write(_: bytes) -> None:
    raise NotImplementedError("start_response returns no write() here: return an iterable")
