"""The methods that go on after a break: each sends a file in several requests, if it has to.

A function gets what is left of the file, or a piece of it, and returns the arguments of that one request;
``goes_on`` says how its method cuts the file into pieces, and what it does when a connection breaks. A plan
has to name these methods: ``*`` does not include them, and users of Locust do not send them.
"""

from collections.abc import Callable
from typing import Any, BinaryIO

from uploadlab.catalogue.methods import GoesOn, GoesOnBy, Method, Part, Request, Sender, raw_body
from uploadlab.model.deployments import Deployment, Target
from uploadlab.units import MIB

RESUMABLE: dict[str, Method] = {}


def resumable_method(name: str, route: str, goes_on: GoesOn, **traits: Any) -> Callable[[Sender], Sender]:
    """Register the sender of a piece under a method's name, with its route and how it goes on."""

    def register(send: Sender) -> Sender:
        text = (send.__doc__ or "").strip()
        RESUMABLE[name] = Method(name, route, text, send, aside=True, goes_on=goes_on, **traits)
        return send

    return register


def resumable_at(place: Deployment | Target) -> list[str]:
    """Return which of these methods the place accepts: they need routes that only the lab's app has."""
    if isinstance(place, Target) and place.foreign:
        return []
    return [name for name in RESUMABLE if not place.accepts or name in place.accepts]


@resumable_method("request.stream-retried", "/request-stream", GoesOn(GoesOnBy.AGAIN))
def stream_retried(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Raw body, and the whole file again after each break: what a loop around an upload does."""
    return raw_body(file if size_bytes else b"")


@resumable_method("resumable", "/resumable", GoesOn(GoesOnBy.OFFSET))
def resumable(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """tus 1.0, all in one request; after a break, one more from where the server has stopped."""
    return {"data": file, "headers": {"Content-Type": "application/offset+octet-stream"}}


@resumable_method("resumable-32m", "/resumable", GoesOn(GoesOnBy.OFFSET, 32 * MIB))
def resumable_32m(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """tus 1.0 in requests of 32 MiB: the limit of some platforms for one request."""
    return resumable(file, size_bytes, part)


@resumable_method("resumable-8m", "/resumable", GoesOn(GoesOnBy.OFFSET, 8 * MIB))
def resumable_8m(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """tus 1.0 in requests of 8 MiB: goes on even where a front keeps nothing of a request that was cut."""
    return resumable(file, size_bytes, part)


@resumable_method("resumable-1m", "/resumable", GoesOn(GoesOnBy.OFFSET, MIB))
def resumable_1m(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """tus 1.0 in requests of 1 MiB: less is sent again after a break, and more requests are answered."""
    return resumable(file, size_bytes, part)


@resumable_method("parts", "/parts", GoesOn(GoesOnBy.PARTS, 8 * MIB, connections=4))
def parts(file: BinaryIO, size_bytes: int, part: Part) -> Request:
    """Parts of 8 MiB over four connections, joined by the app: what people write by hand, done right."""
    return raw_body(file)
