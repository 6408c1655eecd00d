"""One request over HTTP/1.1, sent as the doctor's question wants it, with the time of all that happens.

The connection is watched while the body is sent, so an answer or an end is seen when it comes. ``blind``
turns that off: most clients look for an answer only once all is sent, or the connection breaks.
"""

import select
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import SplitResult

from uploadlab.catalogue.attempts import Attempt
from uploadlab.checking.wire import plain_connection, request_head, secured
from uploadlab.doctoring.parsed_answer import is_complete, parsed_answer
from uploadlab.model.exchanges import Ending, Exchange, Framing
from uploadlab.sending.answered import reason

CONNECT_SECONDS = 10.0
TICK_SECONDS = 0.25
"""Between two pieces of a body that is spread over a time."""
CONTENT_SECONDS = 2.0
"""Until the body of an answer must be there, once its head is."""
AFTER_CONTINUE_SECONDS = 0.1
"""How long a client that goes away waits after a 100 whether a refusal follows."""
MOST_CONTENT = 64 << 10
MOST_HEAD = 64 << 10
SHOWN_CONTENT = 2000
"""Letters of an answer's body that are kept."""
BLOCK_BYTES = 64 << 10
HEAD_END = b"\r\n\r\n"


class Asked(NamedTuple):
    """A request, and the manners of its client."""

    question: str
    attempt: Attempt
    label: str = ""
    stops_at: int | None = None
    """Bytes of the body after which the client sends no more: it waits for an answer, then goes away."""
    half_closes: bool = False
    """Whether it also closes its direction of the connection then, as a client does whose program ends."""
    pause_at: int = 0
    """Bytes of the body after which the client is silent for ``pause_seconds``."""
    pause_seconds: float = 0.0
    spread_seconds: float = 0.0
    """The time over which the body is spread evenly; 0: as fast as the server takes it."""
    blind: bool = False
    """Whether the client looks for no answer before all is sent."""
    block_bytes: int = BLOCK_BYTES
    patience_seconds: float = 30.0
    """How long the client waits for an answer, and for a server that takes no more bytes."""
    head: bytes = b""
    """The whole head, in place of the attempt's own; empty: the attempt's."""


class SentRequest(NamedTuple):
    """A request with its record, and the answer's bytes."""

    exchange: Exchange
    body: bytes = b""


def ask(url: SplitResult, asked: Asked) -> SentRequest:
    """Carry out a request; raise nothing that a server can cause."""
    head = asked.head or request_head(url, asked.attempt)
    known: dict[str, Any] = {
        "question": asked.question, "label": asked.label, "verb": asked.attempt.verb, "path": url.path or "/",
        "framing": framing_of(asked.attempt), "is_form": asked.attempt.form,
        "body_bytes": asked.attempt.body_bytes, "head_bytes": len(head), "expected": asked.attempt.expect,
        "began": time.time(),
    }  # fmt: skip
    began = time.monotonic()
    try:
        connection = plain_connection(url, CONNECT_SECONDS)
        known["connect_seconds"] = time.monotonic() - began
        connection = secured(connection, url)
    except (OSError, UnicodeError) as error:
        is_tls = "connect_seconds" in known
        ending = Ending.TLS if is_tls else Ending.UNREACHED
        seconds = time.monotonic() - began
        return SentRequest(Exchange(**known, ending=ending, error=reason(error), seconds=seconds))
    with connection:
        talk = _Talk(connection, asked)
        talk.go_through(head)
        body, facts = talk.facts()
    return SentRequest(Exchange(**{**known, "began": talk.wall, **facts}), body)


def framing_of(attempt: Attempt) -> Framing:
    """Return how an attempt says where its body ends."""
    if attempt.chunked:
        return Framing.CHUNKED
    return Framing.LENGTH if attempt.framing_lines else Framing.NONE


class _Done(Exception):
    """No more must be sent: the answer is there, or the connection is over."""


class _Talk:
    """A request while it is sent and answered."""

    def __init__(self, connection: socket.socket, asked: Asked) -> None:
        self._connection, self._asked = connection, asked
        self.wall, self._began = time.time(), time.monotonic()
        self._received = bytearray()
        self._ending: Ending | None = None
        self._error = ""
        self._is_over = False
        """Whether the server has ended the connection."""
        self._has_head = False
        self._sent_bytes = 0
        self._stalled = 0.0
        self._paused: list[tuple[float, float]] = []
        self._continued: float | None = None
        self._sent: float | None = None
        self._answered: float | None = None
        connection.setblocking(False)

    def _now(self) -> float:
        return time.monotonic() - self._began

    def go_through(self, head: bytes) -> None:
        """Send the request as asked, and read the answer."""
        with suppress(_Done):
            self._push(head, watched=not self._asked.blind)
            self._send_body()
        if self._ending is None and not self._has_head:
            self._await(self._asked.patience_seconds)
        if self._has_head:
            self._read_content()

    def facts(self) -> tuple[bytes, dict[str, Any]]:
        """Return the answer's body, and what the record says of the exchange."""
        answer = parsed_answer(bytes(self._received), self._asked.attempt.verb) if self._has_head else None
        if answer:
            self._ending = Ending.ANSWERED
        text = answer.body[:SHOWN_CONTENT].decode(errors="replace") if answer else ""
        return answer.body if answer else b"", {
            "sent_bytes": self._sent_bytes,
            "paused": self._paused,
            "continue_seconds": self._continued,
            "stalled_seconds": self._stalled,
            "sent_seconds": self._sent,
            "seconds": self._now() if self._answered is None else self._answered,
            "ending": self._ending or Ending.SILENT,
            "status": answer.status if answer else None,
            "headers": answer.headers if answer else [],
            "content": text,
            "error": self._error,
        }

    def _send_body(self) -> None:
        asked, attempt = self._asked, self._asked.attempt
        if attempt.expect and not self._go_ahead():
            raise _Done
        end = attempt.body_bytes if asked.stops_at is None else asked.stops_at
        begun, rests = time.monotonic(), asked.pause_seconds > 0
        stops = [asked.pause_at, end] if rests else [end]
        for block in body_blocks(
            attempt, tick_bytes(asked) if asked.spread_seconds else asked.block_bytes, stops
        ):
            if self._sent_bytes >= end:
                break
            if rests and self._sent_bytes >= asked.pause_at:
                rests = False
                self._rest(asked.pause_seconds)
            if asked.spread_seconds:
                done = (self._sent_bytes + len(block)) / end
                self._idle(begun + asked.spread_seconds * done - time.monotonic())
            self._push(attempt.chunks.around(block) if attempt.chunked else block)
            self._sent_bytes += len(block)
        if asked.stops_at is not None and end < attempt.body_bytes:
            if asked.half_closes:
                with suppress(OSError):  # a server that has closed already
                    self._connection.shutdown(socket.SHUT_WR)
            self._await(asked.patience_seconds if self._continued is None else AFTER_CONTINUE_SECONDS)
            if self._ending is Ending.SILENT:
                self._ending = Ending.LEFT
            raise _Done
        if attempt.chunked:
            self._push(attempt.chunks.last)
        self._sent = self._now()

    def _go_ahead(self) -> bool:
        """Return whether the server asks for the body by a 100, or is silent."""
        end = time.monotonic() + min(self._asked.patience_seconds, 2.0)
        while self._continued is None and time.monotonic() < end:
            self._look(end - time.monotonic())
        return not self._has_head

    def _rest(self, seconds: float) -> None:
        """Be silent, and note from when to when."""
        begun = self._now()
        try:
            self._idle(seconds)
        finally:
            self._paused.append((begun, self._now()))

    def _idle(self, seconds: float) -> None:
        """Send nothing for a time; raise _Done at an answer, or an end."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._asked.blind:
                time.sleep(left)
            else:
                self._look(left)

    def _await(self, seconds: float) -> None:
        """Wait for the answer that long."""
        end = time.monotonic() + seconds
        with suppress(_Done):
            while (left := end - time.monotonic()) > 0:
                self._look(left)
            self._ending = Ending.SILENT

    def _push(self, data: Any, watched: bool | None = None) -> None:
        """Send all of it; raise _Done at an answer or an end, or if the server takes nothing for too long."""
        watched = not self._asked.blind if watched is None else watched
        view, since = memoryview(data), time.monotonic()
        while view:
            left = since + self._asked.patience_seconds - time.monotonic()
            if left <= 0:
                self._ending, self._error = Ending.SILENT, "the server takes no more bytes"
                raise _Done
            reads = [self._connection] if watched else []
            readable, writable, _ = select.select(reads, [self._connection], [], left)
            if readable:
                self._look(0.0)
            if writable and (count := self._send(view)):
                self._stalled = max(self._stalled, time.monotonic() - since)
                view, since = view[count:], time.monotonic()

    def _send(self, view: memoryview) -> int:
        """Return how many bytes the system took; raise _Done if the connection is over."""
        try:
            return self._connection.send(view)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        except OSError as error:
            self._error = reason(error)
            self._await(1.0)  # an answer may have come before
            if not self._has_head:
                self._ending = Ending.RESET
            raise _Done from None

    def _look(self, seconds: float) -> None:
        """Read what comes within the time; raise _Done at the head of an answer, or the end."""
        pending = isinstance(self._connection, ssl.SSLSocket) and self._connection.pending()
        if not pending and not select.select([self._connection], [], [], max(0.0, seconds))[0]:
            return
        self._receive()
        self._take_interim()
        if HEAD_END in self._received or (self._is_over and self._received.startswith(b"HTTP/")):
            self._has_head = True
            self._answered = self._now() if self._answered is None else self._answered
            raise _Done
        if self._is_over or len(self._received) > MOST_HEAD:
            self._ending = self._ending or Ending.CLOSED
            raise _Done

    def _receive(self) -> None:
        """Take what has come; note whether the server has ended the connection, and how."""
        try:
            data = self._connection.recv(MOST_CONTENT)
            self._received += data
            self._is_over = not data
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self._is_over, self._error = True, reason(error)
            closed = isinstance(error, ssl.SSLEOFError)
            kind = Ending.TLS if isinstance(error, ssl.SSLError) and not closed else Ending.RESET
            self._ending = Ending.CLOSED if closed else kind

    def _take_interim(self) -> None:
        """Take answers of 1xx out of what has come, and note the time of a 100."""
        while self._received.startswith(b"HTTP/1.1 1") and HEAD_END in self._received:
            if self._received.startswith(b"HTTP/1.1 100"):
                self._continued = self._now() if self._continued is None else self._continued
            del self._received[: self._received.index(HEAD_END) + len(HEAD_END)]

    def _read_content(self) -> None:
        """Read the answer to its end, within a little time."""
        end = time.monotonic() + CONTENT_SECONDS
        while not self._is_over and len(self._received) < MOST_CONTENT and time.monotonic() < end:
            if is_complete(bytes(self._received), self._asked.attempt.verb):
                return
            self._has_head = False
            with suppress(_Done):
                self._look(end - time.monotonic())
            self._has_head = True


def tick_bytes(asked: Asked) -> int:
    """Return the bytes that are sent in each tick of a body that is spread."""
    ticks = max(1, round(asked.spread_seconds / TICK_SECONDS))
    return max(1, asked.attempt.body_bytes // ticks)


def body_blocks(attempt: Attempt, size: int, stops: Sequence[int]) -> Iterator[memoryview]:
    """Yield the body in blocks of at most that size, none of which goes beyond one of the stops."""
    done = 0
    for block in attempt.body(attempt.file.blocks()):
        view = memoryview(block)
        while view:
            most = min([size, *(stop - done for stop in stops if stop > done)])
            yield view[:most]
            view, done = view[most:], done + len(view[:most])
