"""Passes an upload on to another deployment while it arrives; no file, and one block in memory.

Where the next deployment takes no more, no more is read here, so that the client waits as well. None of it
needs Flask. All raise Refused, and BudgetSpent once the deadline has passed.
"""

import json
import re
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from upload_app.receivers import Body, BrokenBody, Deadline
from upload_app.storage import is_id

CONNECT_SECONDS = 30.0
"""For a queue that is full: the system asks again after 1, 3, 7 and 15 s."""
ANSWER_BYTES = 64 << 10
"""More of an answer is not read; the app's have a few hundred."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class Hop(NamedTuple):
    """A deployment that uploads may be passed on to."""

    name: str
    host: str
    port: int


class Head(NamedTuple):
    """What the next deployment is told before the body."""

    content_type: str
    length: int | None
    """In bytes; None: not known, and the body is sent chunked."""
    query: dict[str, str]


class Refused(Exception):
    """What the client is told: the next deployment's own status and sentence, or 502 where it has none."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def parse_hops(text: str) -> dict[str, Hop]:
    """``name=http://host:port name=...`` by name, in that order; raises ValueError."""
    hops = {}
    for word in text.split():
        name, _, url = word.partition("=")
        address = urlsplit(url)
        rest = address.path.strip("/") or address.query or address.fragment or address.username
        if not _NAME.fullmatch(name) or address.scheme != "http" or not address.hostname or rest:
            raise ValueError(f"NEXT_HOPS: {word!r} is not name=http://host:port")
        hops[name] = Hop(name, address.hostname, address.port or 80)
    return hops


def pass_on(hop: Hop, head: Head, body: Body, deadline: Deadline, block_size: int) -> dict[str, Any]:
    """Send the body on while it arrives; returns what the next deployment says of the file it has stored.

    Raises BrokenBody for a body that ends short. The next deployment then sees that, too, and stores nothing.
    """
    with _connected(hop, deadline) as connection:
        sent_bytes = _send(connection, head, body, deadline, block_size)
        stored = _answer(hop, connection, deadline)
    if not is_id(stored.get("id")):
        raise Refused(HTTPStatus.BAD_GATEWAY, f"{hop.name} says success, but names no upload")
    if sent_bytes is None or stored.get("size_bytes") != sent_bytes:
        with suppress(Refused):  # nothing partial stays behind
            ask(hop, "DELETE", stored["id"], {}, deadline)
        raise Refused(HTTPStatus.BAD_GATEWAY, f"{hop.name} says success, but has not stored every byte")
    return stored


def ask(hop: Hop, verb: str, upload_id: str, query: dict[str, str], deadline: Deadline) -> dict[str, Any]:
    """What the next deployment answers for a stored upload; raises FileNotFoundError for what is no id."""
    if not is_id(upload_id):  # never let a client's text become a path
        raise FileNotFoundError(upload_id)
    with _connected(hop, deadline) as connection:
        connection.request(verb, f"/uploads/{upload_id}?{urlencode(query)}")
        return _answer(hop, connection, deadline)


@contextmanager
def _connected(hop: Hop, deadline: Deadline) -> Iterator[HTTPConnection]:
    """A connection for one request, without Nagle's delay as http.client makes it; closed however it ends."""
    seconds = min(CONNECT_SECONDS, deadline.left_seconds())
    connection = HTTPConnection(hop.host, hop.port, timeout=seconds)
    try:
        connection.connect()
        connection.sock.settimeout(deadline.left_seconds())
        yield connection
    except (OSError, HTTPException) as error:
        deadline.check()
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Refused(HTTPStatus.BAD_GATEWAY, f"{hop.name} cannot be reached, or broke off: {why}") from error
    finally:
        connection.close()


def _send(
    connection: HTTPConnection, head: Head, body: Body, deadline: Deadline, block_size: int
) -> int | None:
    """How many bytes the body had; None if the next deployment has answered before its end."""
    connection.putrequest("PUT", f"/request-stream?{urlencode(head.query)}")
    connection.putheader("Content-Type", head.content_type)
    if head.length is None:
        connection.putheader("Transfer-Encoding", "chunked")
    else:
        connection.putheader("Content-Length", str(head.length))
    connection.endheaders()
    sent_bytes = 0
    for block in body.blocks(block_size):
        sent_bytes += len(block)
        data = block if head.length is not None else b"%x\r\n%b\r\n" % (len(block), bytes(block))
        if not _send_all(connection.sock, data, deadline):
            return None
    if head.length is None:
        return sent_bytes if _send_all(connection.sock, b"0\r\n\r\n", deadline) else None
    if sent_bytes != head.length:
        raise BrokenBody(f"it ended after {sent_bytes} of {head.length} bytes")
    return sent_bytes


def _send_all(sock: socket.socket, data: bytes | memoryview, deadline: Deadline) -> bool:
    """Whether all of it went; if not, the next deployment has answered already, or is gone.

    An early answer is looked for before each piece: whoever sends on gets to see a reset in its place.
    """
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT)
    rest = memoryview(data)
    while rest:
        ready = poll.poll(deadline.left_seconds() * 1000)
        if any(event != select.POLLOUT for _, event in ready):
            return False
        if ready:
            rest = rest[sock.send(rest) :]
    return True


def _answer(hop: Hop, connection: HTTPConnection, deadline: Deadline) -> dict[str, Any]:
    """The answer's JSON, empty without; raises Refused for all but success."""
    connection.sock.settimeout(deadline.left_seconds())
    response = connection.getresponse()
    content = _json(response.read(ANSWER_BYTES))
    if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        return content
    is_error = HTTPStatus.BAD_REQUEST <= response.status < 600
    sentence = content.get("error") or f"{hop.name} answered {response.status} {response.reason}"
    raise Refused(response.status if is_error else HTTPStatus.BAD_GATEWAY, str(sentence))


def _json(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
