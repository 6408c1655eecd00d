"""What the programs have in common: a job comes as a JSON line, and what happened goes out as one.

It imports the standard library alone, so that the memory and CPU of a program are its library's.
"""

import asyncio
import contextlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple, TypeVar

from uploadlab.sending.clients import usage
from uploadlab.sending.clients.sources import open_source

REPORTED = "LAB_REPORTED_PACKAGES"
"""The variable of ``versions/client_folders.py``."""
BLOCK_BYTES = 1 << 20
"""Of the ways that choose their blocks; each library has a default of its own."""
HTTP2 = "HTTP/2"
MOST_CONTENT = 1 << 16
"""Bytes of an answer that are handed on."""


class Upload(NamedTuple):
    """One upload, as the lab asks for it."""

    way: str
    url: str
    path: str
    size_bytes: int
    verb: str = "PUT"
    headers: dict[str, str] = {}  # noqa: RUF012  never changed
    """Of the body: what a form adds is not among them."""
    field: str = "file"
    name: str = "upload.bin"
    """Of the file in a form."""
    others: list[tuple[str, str]] = []  # noqa: RUF012  never changed
    """Further fields of a form."""
    ca_file: str = ""
    """What the server's certificate is checked with; empty: with what the library has."""
    insecure: bool = False
    source: str = "file"
    """What kind of file it is opened as, see ``sources``."""
    first_url: str = ""
    """Asked for before, over the connection that the upload then uses; empty: the connection is new."""
    login: tuple[str, str] | None = None
    """Name and password, once the server asks for them."""
    expect: bool = False
    """Whether to wait for 100 Continue before the body."""

    @property
    def verify(self) -> bool | str:
        """How the certificate is checked, as most libraries take it."""
        return False if self.insecure else self.ca_file or True

    def open(self) -> BinaryIO:
        """Return the file, opened as its source says."""
        return open_source(self.source, self.path)

    def blocks(self, count: int = BLOCK_BYTES) -> Iterator[bytes]:
        """Yield the file's content."""
        with self.open() as file:
            while block := file.read(count):
                yield block

    async def async_blocks(self, count: int = BLOCK_BYTES) -> AsyncIterator[bytes]:
        """Yield the file's content; of an asynchronous file as its users write it."""
        file: Any = self.open()
        with file:
            while block := await awaited(file.read(count)):
                yield block

    @property
    def others_by_name(self) -> dict[str, list[str]]:
        """Return the further fields of a form, those of the same name together."""
        return {name: [value for other, value in self.others if other == name] for name, _ in self.others}

    @property
    def length(self) -> dict[str, str]:
        """The header that announces the file's size, for bodies whose length the library cannot know."""
        return {"Content-Length": str(self.size_bytes)}


class Answer(NamedTuple):
    """What a library says of the server's answer."""

    status: int
    content: bytes = b""
    location: str | None = None
    seconds: float | None = None
    """By the library's own clock, where the program only watches it; None: by the program's."""
    protocol: str = ""
    """As the library names it, where it does; that of HTTP/2 is always HTTP2."""
    peak_rss_bytes: int | None = None
    """Of a process that has ended, where the program only watches it; None: as the meter finds it."""


Way = TypeVar("Way", bound=Callable[..., Any])
WAYS: dict[str, Callable[..., Any]] = {}


class Cannot(Exception):
    """The library cannot make this upload; the text says why."""


def way(send: Way) -> Way:
    """Register a function that sends an upload: ``form_docs`` is the way ``form-docs``."""
    WAYS[send.__name__.replace("_", "-")] = send
    return send


def reported_versions() -> dict[str, str]:
    """Return the versions of the packages that the lab asks for, and that are here."""
    if not (names := os.environ.get(REPORTED)):
        return {}
    from importlib.metadata import PackageNotFoundError, version  # not part of a library's memory

    found = {}
    for name in names.split(","):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def serve(
    session: Callable[[Upload], Any],
    get: Callable[[Any, str], Any] | None,
    versions: dict[str, str],
    processes: usage.Processes | None = None,
    lacks: Mapping[str, str] = MappingProxyType({}),
    ready: Callable[[Upload], Any] | None = None,
) -> None:
    """Say which versions there are, then make uploads until the input ends.

    ``session`` is a context manager of what the ways send with; ``get`` asks for a URL over it.
    ``lacks`` says why the library cannot make an upload that sets this field. ``ready`` does what no clock
    counts before an upload; where the lab has asked for that alone, it is called again.
    """
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _write(output, {"versions": {**reported_versions(), **versions}})
    with asyncio.Runner() as runner:
        for line in sys.stdin.buffer:
            job = json.loads(line)
            only_ready = job.pop("only_ready", False)
            upload = Upload(**job)
            if only_ready:
                with contextlib.suppress(Exception):  # the upload says it
                    runner.run(_ready(ready, upload))
                _write(output, {})
            elif why := _lacking(upload, lacks):
                _write(output, {"cannot": why})
            else:
                _write(output, _made(upload, session, get, runner, processes, ready))


def unavailable(why: str) -> None:
    """Say in place of the versions why this client cannot send here."""
    _write(sys.stdout.buffer, {"unavailable": why})


def _lacking(upload: Upload, lacks: Mapping[str, str]) -> str:
    """Return why the library cannot make an upload at all; empty if it can."""
    if upload.way.endswith("-h2") and not upload.url.startswith("https:"):
        return "it has HTTP/2 over TLS only"
    return next((lacks[name] for name in lacks if getattr(upload, name)), "")


def _made(
    upload: Upload,
    session: Callable[[Upload], Any],
    get: Callable[[Any, str], Any] | None,
    runner: asyncio.Runner,
    processes: usage.Processes | None,
    ready: Callable[[Upload], Any] | None,
) -> dict[str, Any]:
    """Return what happened of an upload; raise nothing that a library may raise."""
    meter = usage.Meter(processes)
    try:
        runner.run(_ready(ready, upload))
        answer = runner.run(_send(upload, session, get, meter))
    except Cannot as cannot:
        return {"cannot": str(cannot)}
    except BaseException as error:  # libraries raise what they like, SystemExit and CancelledError included
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"error": said(error), **meter.end()}
    return {
        **meter.end(),
        **({"seconds": answer.seconds} if answer.seconds is not None else {}),
        **({"client_peak_rss_bytes": answer.peak_rss_bytes} if answer.peak_rss_bytes else {}),
        "status": answer.status,
        "content": answer.content[:MOST_CONTENT].decode("latin-1"),
        "location": answer.location,
        "protocol": answer.protocol,
    }


async def _send(
    upload: Upload,
    session: Callable[[Upload], Any],
    get: Callable[[Any, str], Any] | None,
    meter: usage.Meter,
) -> Answer:
    if upload.first_url and get is None:
        raise Cannot("no connection of its own outlives a request")
    async with contextlib.AsyncExitStack() as stack:
        if upload.first_url:
            opened = await _entered(stack, session(upload))
            await awaited(get(opened, upload.first_url) if get else None)
            meter.begin()
        else:
            meter.begin()
            opened = await _entered(stack, session(upload))
        answer: Answer = await awaited(WAYS[upload.way](opened, upload))
        meter.stop()
        return answer


async def _ready(ready: Callable[[Upload], Any] | None, upload: Upload) -> None:
    await awaited(ready(upload) if ready else None)


async def _entered(stack: contextlib.AsyncExitStack, manager: Any) -> Any:
    if hasattr(manager, "__aenter__"):
        return await stack.enter_async_context(manager)
    return stack.enter_context(manager)


async def awaited(value: Any) -> Any:
    """Return a value that may be one that has to be awaited."""
    return await value if inspect.isawaitable(value) else value


def said(error: BaseException) -> str:
    """Return an error's type and words, with those of its causes: some libraries hide the reason there."""
    words: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(words) < 4:
        text = str(cause).strip()
        words.append(f"{type(cause).__name__}: {text}" if text else type(cause).__name__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    if isinstance(error, (TypeError, AttributeError, NameError)):  # may be a defect of a program
        words.append(traceback.format_tb(error.__traceback__)[-1].strip())
    return " < ".join(dict.fromkeys(words))


def _write(output: BinaryIO, message: dict[str, Any]) -> None:
    output.write(json.dumps(message).encode() + b"\n")
    output.flush()
