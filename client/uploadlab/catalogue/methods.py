"""The upload methods: one decorated function each.

A function gets the open file, its size and what names it in a form, and returns the arguments by which
``requests`` sends it. Its decorator names the method and the route; its docstring describes it. Choices on
the command line, plans and tests are derived from this registry.
"""

import base64
import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from uploadlab.catalogue.sent_form import SentForm
from uploadlab.model.deployments import Deployment, Target
from uploadlab.units import MIB

BLOCK_BYTES = MIB
REQUESTS_BLOCK_BYTES = 16 << 10
"""What ``requests`` sends at a time by default (``blocksize`` of urllib3's pools, since 2.0)."""
FIELD = "file"
FILE_NAME = "upload.bin"
FORM_METHOD = "request.files-streamed"
"""What sends a form without a copy of the file in memory."""


Request = dict[str, Any]


class Part(NamedTuple):
    """What names a file in a form, and stands beside it."""

    field: str = FIELD
    name: str = FILE_NAME
    others: Sequence[tuple[str, str]] = ()
    """Further fields, before the file."""


Sender = Callable[[BinaryIO, int, Part], Request]


def _by_another_client(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    raise NotImplementedError("another client sends this")


class GoesOnBy(StrEnum):
    """How an upload goes on after a break."""

    AGAIN = "again"
    """By the whole file again."""
    OFFSET = "offset"
    """From the byte on that the server asks for (tus 1.0)."""
    PARTS = "parts"
    """By the parts that the server lacks, which it joins at the end."""


class GoesOn(NamedTuple):
    """How a method that sends several requests does so."""

    by: GoesOnBy
    piece_bytes: int = 0
    """Of the file in a request at most; 0: all the rest."""
    connections: int = 1
    """At the same time."""


class Method(NamedTuple):
    """A pair of sender and receiver."""

    name: str
    route: str
    description: str
    send: Sender = _by_another_client
    form: bool = False
    """Whether the body is a multipart form, not the plain file."""
    slow: bool = False
    """Whether most servers need a second or more for 1 MiB."""
    hops: bool = False
    """Whether another deployment stores the file."""
    curl: bool = False
    """Whether curl sends it, not this client."""
    aside: bool = False
    """Whether a plan has to name it: `*` does not include it."""
    block_bytes: int = BLOCK_BYTES
    """How much the client hands to the system at a time."""
    sends_as: str = ""
    """The method whose very requests it sends, to another route; empty: its requests are its own."""
    client: str = ""
    """The client that sends it, by a way of that name, not the lab; see catalogue/clients.py."""
    way: str = ""
    like: str = ""
    """Of another client: the method whose place accepts it, too."""
    http2: bool = False
    """Whether it is sent over HTTP/2, which clients have over TLS alone."""
    sendfile: bool = False
    """Whether the system sends the file by itself, as far as it can: the client copies no byte of it."""
    spliced: bool = False
    """Whether the app's system moves the file by itself, which needs a server that shows its connection."""
    goes_on: GoesOn | None = None
    """How it goes on after a break; None: it sends one request. See catalogue/resumable.py."""

    @property
    def own(self) -> bool:
        """Whether this client sends it, in its default blocks, without something that is only compared."""
        return not (self.curl or self.aside) and self.block_bytes == BLOCK_BYTES

    @property
    def verb(self) -> str:
        """PUT for a plain file, which a plain web server also accepts; POST for a form."""
        return "POST" if self.form else "PUT"


METHODS: dict[str, Method] = {}


def method(name: str, route: str, **traits: Any) -> Callable[[Sender], Sender]:
    """Register a sender under a method's name, with the route that receives it, and its other fields."""

    def register(send: Sender) -> Sender:
        METHODS[name] = Method(name, route, (send.__doc__ or "").strip(), send, **traits)
        return send

    return register


def methods_at(place: Deployment | Target) -> list[str]:
    """Return the methods that the place accepts; two hops only where it passes files on to a second one.

    One request, one method: a URL that takes uploads as they are has no routes, so of the methods that send
    the very same request it has only the first. Where the user has described a form, it has only forms.
    """
    if isinstance(place, Target) and (spec := place.foreign):
        return [name for name, method in METHODS.items() if not method.sends_as and spec.takes(method.form)]
    accepted = [name for name in place.accepts or METHODS if name in METHODS]
    return [name for name in accepted if place.next or not METHODS[name].hops]


def sent_at(place: Target, names: Iterable[str]) -> list[str]:
    """Return the methods that send at the place what those of these names send.

    At a URL without routes that is the first method of the same request; where only forms make sense, a form.
    """
    known, names = methods_at(place), list(names)
    if place.foreign is None:
        return [name for name in names if name in known]
    found = dict.fromkeys(METHODS[name].sends_as or name for name in names)
    instead = [FORM_METHOD] if names and place.foreign.only_forms else []
    return [name for name in found if name in known] or instead


@method("request.stream", "/request-stream")
def stream(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body, read in blocks: the recommended way."""
    # requests would send an empty file chunked (psf/requests#6568).
    return raw_body(file if size_bytes else b"")


@method("request.stream-lines", "/request-stream?reader=lines", slow=True, sends_as="request.stream")
def stream_lines(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body, read by lines: what the original write-up proposed."""
    return stream(file, size_bytes, part)


@method("request.stream-fsync", "/request-stream?fsync=1", sends_as="request.stream")
def stream_fsync(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body, answered only when it is on the disk itself: the price of surviving a power cut."""
    return stream(file, size_bytes, part)


@method("request.stream-digest", "/request-stream", aside=True)
def stream_digest(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body with its SHA-256, which the app checks: the price of a check from end to end."""
    found = hashlib.sha256()
    for block in iter(partial(file.read, BLOCK_BYTES), b""):
        found.update(block)
    file.seek(0)
    request = stream(file, size_bytes, part)
    request["headers"]["Repr-Digest"] = f"sha-256=:{base64.b64encode(found.digest()).decode()}:"
    return request


@method("request.stream-sendfile", "/request-stream", aside=True, sendfile=True)
def stream_sendfile(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body, sent by `socket.sendfile`: the client copies no byte."""
    return stream(file, size_bytes, part)


@method(
    "request.stream-splice", "/request-stream?reader=splice", aside=True, spliced=True,
    sends_as="request.stream",
)  # fmt: skip
def stream_splice(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body, moved by `os.splice` from connection to file: the app copies no byte."""
    return stream(file, size_bytes, part)


@method(
    "request.stream-zero-copy", "/request-stream?reader=splice", aside=True, sendfile=True, spliced=True,
    sends_as="request.stream-sendfile",
)  # fmt: skip
def stream_zero_copy(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body that neither side copies: `socket.sendfile` in the client, `os.splice` in the app."""
    return stream(file, size_bytes, part)


@method("request.stream-curl", "/request-stream", curl=True)
def stream_curl(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body, sent by `curl -T`: for comparison with the lab's client."""
    return stream(file, size_bytes, part)


@method("request.stream-16k", "/request-stream", block_bytes=REQUESTS_BLOCK_BYTES)
def stream_16k(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body in blocks of 16 KiB, the default of `requests`: for comparison with larger blocks."""
    return stream(file, size_bytes, part)


@method("request.stream-chunked", "/request-stream")
def stream_chunked(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Chunked body from a generator, read in blocks: for a length that is not known in advance."""
    return raw_body(iter(partial(file.read, BLOCK_BYTES), b""))


@method("request.files", "/request-files", form=True)
def files(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """`files=` and `request.files`, as in most tutorials: the client holds the whole body in memory."""
    beside = {"data": list(part.others)} if part.others else {}
    return {"files": {part.field: (part.name, file, "application/octet-stream")}, **beside}


@method("request.files-streamed", "/request-files", form=True)
def files_streamed(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """A form that the client reads while it sends: half of the fix."""
    form = SentForm(file, size_bytes, boundary(), *part)
    return {"data": form, "headers": {"Content-Type": form.content_type}}


@method("request.files-direct", "/request-files?spool=direct", form=True, sends_as="request.files-streamed")
def files_direct(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """The same form; the app writes the file straight to its place: both halves of the fix."""
    return files_streamed(file, size_bytes, part)


@method("multipart-push", "/multipart-push", form=True, sends_as="request.files-streamed")
def multipart_push(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """The same form; the app has a push parser, which writes the file straight to its place."""
    return files_streamed(file, size_bytes, part)


@method("multipart-push-16k", "/multipart-push", form=True, block_bytes=REQUESTS_BLOCK_BYTES)
def multipart_push_16k(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """The same form in blocks of 16 KiB, the default of `requests`."""
    return files_streamed(file, size_bytes, part)


@method("relay", "/stream-pass-to-next", hops=True, sends_as="request.stream")
def relay(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body, passed on to a second deployment while it arrives: two hops, as in chains of services."""
    return stream(file, size_bytes, part)


def boundary() -> str:
    """Return a new boundary for a form: of the greatest length (RFC 2046, 5.1.1), and of two characters only.

    A parser that searches for it skips its whole length at each byte that the boundary lacks. The 32 hex
    digits of other clients allow fewer of these skips, each half as far.
    """
    return "".join(random.SystemRandom().choices("01", k=70))


def raw_body(body: Any) -> Request:
    """Return a request whose body is plain bytes."""
    return {"data": body, "headers": {"Content-Type": "application/octet-stream"}}


OWN_METHODS = {name: known for name, known in METHODS.items() if known.own}
"""What `*` stands for in a plan, and what users of Locust can send; the others are for comparison."""
