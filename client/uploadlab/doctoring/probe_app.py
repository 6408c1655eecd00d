"""The far end of upload-lab doctor: answers, as JSON, what arrived of a request. Copy it beside your app.

In the module that your server loads, around the app and inside any other middleware: it must see what the app
sees.

    from upload_lab_probe import upload_lab_probe

    app = upload_lab_probe(app)                    # a WSGI app, or an ASGI app: FastAPI, Starlette
    app.wsgi_app = upload_lab_probe(app.wsgi_app)  # Flask
    application = upload_lab_probe(application)    # Django: wsgi.py or asgi.py

Then type: upload-lab doctor URL --probe PATH --token TOKEN
PATH must lead through the hops that your uploads go through, and end in /upload-lab-probe.
Alone, as upload_lab_probe:application, it is a WSGI app and an ASGI app; asgi_application is only the latter.

It answers requests to that path that have the token in the header X-Upload-Lab-Token, until UNTIL. Your app
gets all others, untouched. It stores nothing, keeps 64 KiB of a body in memory, and needs Python 3.8 or
newer and no package. Remove it when you are done.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import inspect
import io
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from importlib.metadata import version as version_of
from typing import Any
from urllib.parse import parse_qs

TOKEN = ""
"""What a request must have in its header; empty: nothing is answered."""
UNTIL = 0
"""In seconds of Unix time: after that, nothing is answered."""

PATH = "/upload-lab-probe"
"""The end of the path, below any prefix."""
HEADER = "X-Upload-Lab-Token"
MOST_WAIT_SECONDS = 120.0
MOST_DRAIN_SECONDS = 120.0
BLOCK_BYTES = 64 << 10
MOST_TEXT = 300
"""Characters of a header or an error that are repeated."""
PASSED_ON = """Via Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Port X-Forwarded-Prefix
    X-Forwarded-Proto X-Forwarded-Scheme X-Forwarded-Server X-Forwarded-Ssl X-Original-Forwarded-For
    X-Original-Uri X-Real-Ip X-Scheme X-Request-Id X-Request-Start X-Varnish CDN-Loop CF-Ray CF-Visitor
    Fastly-Client-Ip Fly-Region Fly-Request-Id True-Client-Ip X-Amz-Cf-Id X-Amzn-Trace-Id X-Azure-Fdid
    X-Azure-Ref X-Cloud-Trace-Context X-Envoy-Expected-Rq-Timeout-Ms X-Envoy-External-Address X-Vercel-Id"""
"""Headers that hops add. None of them holds a login."""
SERVERS = """bjoern cheroot daphne gevent granian gunicorn hypercorn mod_wsgi pyvoy tornado unit uvicorn
    waitress werkzeug wsgiref""".split()  # noqa: SIM905  one line to read, not one for each word
"""As the first word of a server's modules, keys or own name."""
ONLY_SERVERS = ("uvicorn", "hypercorn", "daphne", "granian")
"""Nothing imports these but the server itself."""
ENDING = ("a2wsgi", "pyvoy", "tempfile")
"""Where inputs come from that end with the body without saying so; PEP 3333 does not ask for it."""


def upload_lab_probe(app: Any, asgi: bool | None = None) -> Any:
    """Return an app that answers at the probe's own path, and is this app everywhere else.

    ``asgi`` says which kind of app it is, where neither its arguments nor ``async def`` show it.
    """
    return AsgiProbe(app) if (_is_asgi(app) if asgi is None else asgi) else WsgiProbe(app)


class WsgiProbe:
    """A WSGI app with a far end before it; without an app, 404."""

    def __init__(self, app: Callable[..., Iterable[bytes]] | None = None) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer what arrived, or call the app."""

        def header(name: str) -> str | None:
            found = environ.get("HTTP_" + name.upper().replace("-", "_"))
            return None if found is None else str(found)

        path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
        if _is_ours(path, header(HEADER)):
            early, wait = _asked(environ.get("QUERY_STRING", ""))
            terminated = environ.get("wsgi.input_terminated")
            arrival = ArrivingBody(header, *_wsgi_server(environ, start_response))
            arrival.facts["interface"] = "wsgi"
            arrival.facts["protocol"] = _cut(environ.get("SERVER_PROTOCOL")) or ""
            arrival.facts["content_length"] = _cut(environ.get("CONTENT_LENGTH")) or None
            arrival.facts["input_terminated"] = None if terminated is None else bool(terminated)
            if not early:
                _read_wsgi(arrival, environ)
            time.sleep(wait)
            status, kind, body = _status(early), "application/json", arrival.answer()
        elif self._app:
            return self._app(environ, start_response)
        else:
            status, kind, body = HTTPStatus.NOT_FOUND, "text/plain", b"Not Found\n"
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]


class AsgiProbe:
    """An ASGI app with a far end before it; without an app, 404."""

    def __init__(self, app: Callable[..., Any] | None = None) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer what arrived, or call the app."""

        def header(name: str) -> str | None:
            wanted = name.lower().encode()
            found = [bytes(value) for key, value in scope.get("headers", ()) if bytes(key).lower() == wanted]
            return b", ".join(found).decode("latin-1") if found else None

        if scope.get("type") != "http" or not _is_ours(str(scope.get("path")), header(HEADER)):
            await (self._app or _not_found)(scope, receive, send)
            return
        early, wait = _asked(scope.get("query_string", b""))
        arrival = ArrivingBody(header, *_asgi_server(receive, send))
        arrival.facts["interface"] = "asgi"
        arrival.facts["protocol"] = f"HTTP/{_cut(scope.get('http_version'))}"
        if early or await _read_asgi(arrival, receive):
            await _sleep(wait)
            await _answer_asgi(send, _status(early), arrival.answer(), b"application/json")


class ArrivingBody:
    """What is known of a request, while its body arrives. ``facts`` are fields of the answer."""

    def __init__(self, header: Callable[[str], str | None], server: str, version: str) -> None:
        self._digest = hashlib.sha256()
        self._clock = time.monotonic()
        passed_on = [(name, header(name)) for name in PASSED_ON.split()]
        self.ended = False
        self.facts: dict[str, Any] = {
            "size_bytes": 0,
            "hidden_bytes": 0,
            "began": time.time(),
            "first_seconds": None,
            "last_seconds": None,
            "content_length": _cut(header("Content-Length")) or None,
            "transfer_encoding": _cut(header("Transfer-Encoding")) or None,
            "input_terminated": None,
            "server": server,
            "version": version,
            "passed_on": [f"{name}: {_cut(value)}" for name, value in passed_on if value],
            "error": "",
        }

    def take(self, block: bytes) -> None:
        """Count a block of the body."""
        if block:
            seconds = time.monotonic() - self._clock
            if self.facts["first_seconds"] is None:
                self.facts["first_seconds"] = seconds
            self.facts["last_seconds"] = seconds
            self.facts["size_bytes"] += len(block)
            self._digest.update(block)

    def fail(self, error: Exception) -> None:
        """Keep what reading the body raised."""
        self.facts["error"] = _cut(f"{type(error).__name__}: {error}")

    def answer(self) -> bytes:
        """Return all of it as JSON."""
        length = _length_of(self.facts["content_length"])
        as_long = length in (None, self.facts["size_bytes"])
        whole = self.ended and not self.facts["error"] and as_long
        return json.dumps({**self.facts, "digest": self._digest.hexdigest(), "whole": whole}).encode() + b"\n"


def _is_asgi(app: Any) -> bool:
    """Return whether an app is called as ASGI says: by a coroutine, or with three arguments."""
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", app)):  # noqa: B004
        return True
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):  # of code in C
        return False
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return len([item for item in parameters if item.kind in places and item.default is item.empty]) == 3


def _is_ours(path: str, token: str | None) -> bool:
    """Return whether a request is for the probe: it knows the token, and the token's time is not over."""
    if not TOKEN or token is None or not path.endswith((PATH, PATH + "/")):
        return False
    same = hmac.compare_digest(token.encode("utf-8", "replace"), TOKEN.encode())
    return same and time.time() < UNTIL


def _asked(query: Any) -> tuple[bool, float]:
    """Return whether the answer must come before the body, and the seconds it must wait."""
    text = query.decode("latin-1") if isinstance(query, bytes) else str(query)
    early, wait = "0", 0.0
    with suppress(ValueError):  # no number, or more fields than are taken
        found = parse_qs(text, keep_blank_values=True)
        early = found.get("early", [early])[0]
        wait = float(found.get("wait", ["0"])[0])
    return early not in ("", "0"), min(wait, MOST_WAIT_SECONDS) if wait > 0 else 0.0


def _status(early: bool) -> HTTPStatus:
    return HTTPStatus.FORBIDDEN if early else HTTPStatus.OK


def _length_of(text: str | None) -> int | None:
    """Return the number that a Content-Length is; None if it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else None


def _cut(text: Any) -> str | None:
    return None if text is None else str(text)[:MOST_TEXT]


def _read_wsgi(arrival: ArrivingBody, environ: dict[str, Any]) -> None:
    """Read the body as a careful app does: never beyond its length, unless the input ends by itself."""
    written, chunked = arrival.facts["content_length"], arrival.facts["transfer_encoding"]
    left = _length_of(written)
    try:
        if written and left is None:
            raise ValueError(f"Content-Length {written!r} is no number")
        if left is None and not _ends_by_itself(environ):
            if chunked:
                raise ValueError("the server does not say where the body ends")
            left = 0
        for block in _blocks(environ.get("wsgi.input"), left):
            arrival.take(block)
        arrival.ended = True
    except Exception as error:  # whatever a server raises, the answer says it
        arrival.fail(error)
    if "uwsgi.version" in environ and chunked and left is None:
        arrival.facts["hidden_bytes"] = _drain_uwsgi()


def _ends_by_itself(environ: dict[str, Any]) -> bool:
    """Return whether a body without a length may be read to its end; elsewhere that could wait for ever."""
    body = environ.get("wsgi.input")
    says = environ.get("wsgi.input_terminated") or "uwsgi.version" in environ or "mod_wsgi.version" in environ
    return bool(says) or isinstance(body, io.BytesIO) or _root(body) in ENDING


def _blocks(body: Any, left: int | None) -> Iterator[bytes]:
    """Yield what an input gives. One byte comes first: its time is that of the first bytes."""
    size = 1
    while left is None or left > 0:
        block = body.read(size if left is None else min(size, left))
        if not block:
            break
        left = None if left is None else left - len(block)
        size = BLOCK_BYTES
        yield block


def _drain_uwsgi() -> int:
    """Take what uWSGI did not hand over, and return its size: else closing resets the connection."""
    size, end = 0, time.monotonic() + MOST_DRAIN_SECONDS
    with suppress(Exception):
        import uwsgi  # exists only inside a uWSGI process

        while time.monotonic() < end:
            block = uwsgi.chunked_read()
            if not block:
                break
            size += len(block)
    return size


async def _read_asgi(arrival: ArrivingBody, receive: Any) -> bool:
    """Read the body; return whether the client is still there."""
    try:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            arrival.take(bytes(message.get("body") or b""))
            more = bool(message.get("more_body"))
        arrival.ended = True
    except Exception as error:  # whatever a server raises, the answer says it
        arrival.fail(error)
    return True


async def _answer_asgi(send: Any, status: HTTPStatus, body: bytes, kind: bytes) -> None:
    length = str(len(body)).encode()
    headers = [(b"content-type", kind), (b"content-length", length), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _not_found(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Be the ASGI app behind a probe that stands alone."""
    if scope.get("type") == "lifespan":
        ended = False
        while not ended:
            event = (await receive())["type"]
            await send({"type": f"{event}.complete"})
            ended = event == "lifespan.shutdown"
    elif scope.get("type") == "websocket":
        await send({"type": "websocket.close", "code": 1000})
    else:
        await _answer_asgi(send, HTTPStatus.NOT_FOUND, b"Not Found\n", b"text/plain")


async def _sleep(seconds: float) -> None:
    """Wait, in whichever event loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await sys.modules["trio"].sleep(seconds)
    else:
        await asyncio.sleep(seconds)


def _wsgi_server(environ: dict[str, Any], start_response: Any) -> tuple[str, str]:
    """Return name and version of the server; empty where nothing shows them."""
    if "uwsgi.version" in environ:
        number = environ["uwsgi.version"]
        return "uwsgi", number.decode("latin-1") if isinstance(number, bytes) else str(number)
    if "mod_wsgi.version" in environ:
        return "mod_wsgi", ".".join(map(str, environ["mod_wsgi.version"]))
    body = environ.get("wsgi.input")
    own, _, number = str(environ.get("SERVER_SOFTWARE", "")).partition(" ")[0].lower().partition("/")
    name = _known([getattr(body, "receive", None), start_response, body])
    keys = [key.partition(".")[0] for key in environ]
    name = name or next((word for word in [*keys, own] if word in SERVERS), "") or _loaded()
    return name, _version(name) or (number if name == own else "")


def _asgi_server(receive: Any, send: Any) -> tuple[str, str]:
    """Return name and version of the server; empty where nothing shows them."""
    name = _known([receive, send]) or _loaded()
    return name, _version(name)


def _known(items: list[Any]) -> str:
    """Return the server that a function or an object comes from; empty for none."""
    with_owners = [*items, *(getattr(item, "__self__", None) for item in items)]
    return next((root for root in map(_root, with_owners) if root in SERVERS), "")


def _root(item: Any) -> str:
    """Return the first word of the module that something comes from."""
    module = getattr(item, "__module__", None) or type(item).__module__
    return str(module).partition(".")[0].lstrip("_")


def _loaded() -> str:
    """Return the server whose modules this process has loaded, if that is a single server."""
    found = [name for name in ONLY_SERVERS if name in sys.modules]
    return found[0] if len(found) == 1 else ""


def _version(name: str) -> str:
    with suppress(Exception):  # not installed as a package
        return version_of(name)
    return ""


_wsgi, _asgi = WsgiProbe(), AsgiProbe()


def application(*words: Any) -> Any:
    """Be a WSGI app, called with two words, or an ASGI app: with three, or with one and then two."""
    if len(words) == 2:
        return _wsgi(*words)
    return (lambda *more: _asgi(*words, *more)) if len(words) == 1 else _asgi(*words)


async def asgi_application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Be an ASGI app."""
    await _asgi(scope, receive, send)
