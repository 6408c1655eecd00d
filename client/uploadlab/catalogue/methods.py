"""The upload methods: one decorated function each.

A function gets the open file, its size and the name of a form's field, and returns the arguments by which
``requests`` sends it. Its decorator names the method and the route; its docstring describes it. Choices on
the command line, plans and tests are derived from this registry.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from requests_toolbelt import MultipartEncoder

from uploadlab.model.deployments import Deployment, Target
from uploadlab.units import MIB

BLOCK_BYTES = MIB
REQUESTS_BLOCK_BYTES = 16 << 10
"""What ``requests`` sends at a time by default (``blocksize`` of urllib3's pools, since 2.0)."""
FIELD = "file"
FILE_NAME = "upload.bin"


Request = dict[str, Any]


Sender = Callable[[BinaryIO, int, str], Request]


class Method(NamedTuple):
    """A pair of sender and receiver."""

    name: str
    route: str
    description: str
    send: Sender
    form: bool
    """Whether the body is a multipart form, not the plain file."""
    slow: bool
    """Whether most servers need a second or more for 1 MiB."""
    hops: bool
    """Whether another deployment stores the file."""
    curl: bool
    """Whether curl sends it, not this client."""
    block_bytes: int
    """How much the client hands to the system at a time."""

    @property
    def own(self) -> bool:
        """Whether this client sends it, in its default blocks."""
        return not self.curl and self.block_bytes == BLOCK_BYTES

    @property
    def verb(self) -> str:
        """PUT for a plain file, which a plain web server also accepts; POST for a form."""
        return "POST" if self.form else "PUT"


METHODS: dict[str, Method] = {}


def method(
    name: str,
    route: str,
    form: bool = False,
    slow: bool = False,
    hops: bool = False,
    curl: bool = False,
    block_bytes: int = BLOCK_BYTES,
) -> Callable[[Sender], Sender]:
    """Register a sender under a method's name, with the route that receives it."""

    def register(send: Sender) -> Sender:
        description = (send.__doc__ or "").strip()
        METHODS[name] = Method(name, route, description, send, form, slow, hops, curl, block_bytes)
        return send

    return register


def methods_at(place: Deployment | Target) -> list[str]:
    """Return the methods that the place accepts; two hops only where it passes files on to a second one."""
    return [name for name in place.accepts or METHODS if place.next or not METHODS[name].hops]


@method("request.stream", "/request-stream")
def stream(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """Raw body, read in blocks: the recommended way."""
    # requests would send an empty file chunked (psf/requests#6568).
    return _raw(file if size_bytes else b"")


@method("request.stream-lines", "/request-stream?reader=lines", slow=True)
def stream_lines(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """Raw body, read by lines: what the original write-up proposed."""
    return stream(file, size_bytes, field)


@method("request.stream-fsync", "/request-stream?fsync=1")
def stream_fsync(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """Raw body, answered only when it is on the disk itself: the price of surviving a power cut."""
    return stream(file, size_bytes, field)


@method("request.stream-curl", "/request-stream", curl=True)
def stream_curl(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """Raw body, sent by `curl -T`: the yardstick for our own client."""
    return stream(file, size_bytes, field)


@method("request.stream-16k", "/request-stream", block_bytes=REQUESTS_BLOCK_BYTES)
def stream_16k(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """Raw body in blocks of 16 KiB, the default of `requests`: the yardstick for larger blocks."""
    return stream(file, size_bytes, field)


@method("request.stream-chunked", "/request-stream")
def stream_chunked(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """Chunked body from a generator, read in blocks: for a length that is not known in advance."""
    return _raw(iter(partial(file.read, BLOCK_BYTES), b""))


@method("request.files", "/request-files", form=True)
def files(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """`files=` and `request.files`: what most tutorials show; the whole body in client memory."""
    return {"files": {field: (FILE_NAME, file, "application/octet-stream")}}


@method("request.files-streamed", "/request-files", form=True)
def files_streamed(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """A streaming encoder in the client: half of the fix."""
    form = MultipartEncoder({field: (FILE_NAME, file, "application/octet-stream")}, boundary())
    return {"data": form, "headers": {"Content-Type": form.content_type}}


@method("request.files-direct", "/request-files?spool=direct", form=True)
def files_direct(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """A streaming encoder, and an app that spools to the destination: both halves."""
    return files_streamed(file, size_bytes, field)


@method("multipart-push", "/multipart-push", form=True)
def multipart_push(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """A streaming encoder, and a push parser in the app: the fastest form at most servers."""
    return files_streamed(file, size_bytes, field)


@method("multipart-push-16k", "/multipart-push", form=True, block_bytes=REQUESTS_BLOCK_BYTES)
def multipart_push_16k(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """A streaming encoder in blocks of 16 KiB, the default of `requests`."""
    return files_streamed(file, size_bytes, field)


@method("relay", "/stream-pass-to-next", hops=True)
def relay(file: BinaryIO, size_bytes: int, field: str) -> Request:
    """Raw body, passed on to a second deployment while it arrives: two hops, as in chains of services."""
    return stream(file, size_bytes, field)


def boundary() -> str:
    """Return a new boundary for a form: of the greatest length (RFC 2046, 5.1.1), and of two characters only.

    A parser that searches for it skips its whole length at each byte that the boundary lacks. The 32 hex
    digits of other clients allow fewer of these skips, each half as far.
    """
    return "".join(random.SystemRandom().choices("01", k=70))


def _raw(body: Any) -> Request:
    return {"data": body, "headers": {"Content-Type": "application/octet-stream"}}


OWN_METHODS = {name: known for name, known in METHODS.items() if known.own}
"""What `*` stands for in a plan, and what users of Locust can send; the others are for comparison."""
