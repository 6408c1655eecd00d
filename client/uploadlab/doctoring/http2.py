"""One request over HTTP/2, as the doctor's question wants it, and the windows that a server offers."""

import importlib.util
import socket
import ssl
import time
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult

from uploadlab.checking.wire import plain_connection, request_head, secured
from uploadlab.doctoring.http2_session import Session, StreamOver, Windows
from uploadlab.doctoring.wire import (
    AFTER_CONTINUE_SECONDS,
    CONNECT_SECONDS,
    CONTENT_SECONDS,
    SHOWN_CONTENT,
    Asked,
    SentRequest,
    body_blocks,
    framing_of,
    tick_bytes,
)
from uploadlab.model.exchanges import Ending, Exchange, Framing
from uploadlab.sending.answered import reason

NOT_INSTALLED = "HTTP/2 is offered, but was not tried: pip install h2"
ALPN = "h2"
HOP_HEADERS = ("connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
"""Headers of HTTP/1.1 alone (RFC 9113, 8.2.2); Host has another name."""
EXPECT_SECONDS = 2.0


def is_installed() -> bool:
    """Return whether the library h2 is there."""
    return importlib.util.find_spec("h2") is not None


def offered_windows(url: SplitResult) -> Windows:
    """Return the windows that a server offers; it gets no request. Raise OSError, also without HTTP/2."""
    with _connected(plain_connection(url, CONNECT_SECONDS), url) as connection:
        session = Session(connection)
        try:
            session.begin(CONNECT_SECONDS)
        except StreamOver:
            raise OSError(session.error or "the server ended the connection") from None
        session.leave()
        return session.windows


def ask_over_http2(url: SplitResult, asked: Asked) -> SentRequest:
    """Carry out a request over HTTP/2 and TLS; raise nothing that a server can cause."""
    headers = request_headers(url, asked)
    framing = Framing.FRAMES if asked.attempt.chunked else framing_of(asked.attempt)
    known: dict[str, Any] = {
        "question": asked.question, "label": asked.label, "verb": asked.attempt.verb, "path": url.path or "/",
        "protocol": "HTTP/2", "framing": framing, "is_form": asked.attempt.form,
        "body_bytes": asked.attempt.body_bytes, "expected": asked.attempt.expect,
        "head_bytes": sum(len(name) + len(value) for name, value in headers), "began": time.time(),
    }  # fmt: skip
    began = time.monotonic()
    try:
        plain = plain_connection(url, CONNECT_SECONDS)
        known["connect_seconds"] = time.monotonic() - began
        connection = _connected(plain, url)
    except (OSError, UnicodeError) as error:
        ending = Ending.TLS if "connect_seconds" in known else Ending.UNREACHED
        seconds = time.monotonic() - began
        return SentRequest(Exchange(**known, ending=ending, error=reason(error), seconds=seconds))
    with connection:
        talk = _Talk(Session(connection), asked)
        talk.go_through(headers)
        return SentRequest(Exchange(**{**known, **talk.facts()}), bytes(talk.session.body))


def request_headers(url: SplitResult, asked: Asked) -> list[tuple[str, str]]:
    """Return the head of a request as HTTP/2 has it, with what HTTP/1.1 would send."""
    lines = (asked.head or request_head(url, asked.attempt)).decode("latin-1").split("\r\n")
    verb, target, _ = [*lines[0].split(" "), "", ""][:3]
    pairs = [line.partition(":") for line in lines[1:] if line]
    own = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    pseudo = [(":method", verb), (":scheme", url.scheme), (":authority", url.netloc), (":path", target)]
    return pseudo + [(name, value) for name, value in own if name not in HOP_HEADERS]


def _connected(plain: socket.socket, url: SplitResult) -> ssl.SSLSocket:
    """Return the connection over TLS, for HTTP/2; raise OSError."""
    secure = secured(plain, url, [ALPN])
    if isinstance(secure, ssl.SSLSocket) and secure.selected_alpn_protocol() == ALPN:
        return secure
    secure.close()
    raise OSError("the server does not choose HTTP/2")


class _Talk:
    """A request while it is sent and answered."""

    def __init__(self, session: Session, asked: Asked) -> None:
        self.session, self._asked = session, asked
        self._wall, self._began = time.time(), time.monotonic()
        self._sent_bytes = 0
        self._sent: float | None = None
        self._paused: list[tuple[float, float]] = []

    def go_through(self, headers: list[tuple[str, str]]) -> None:
        """Send the request as asked, and read the answer."""
        session, patience = self.session, self._asked.patience_seconds
        with suppress(StreamOver):
            session.begin(patience)
            self._wall, self._began = time.time(), time.monotonic()
            session.open(headers, patience)
            self._send_body()
            self._await(patience)
        with suppress(StreamOver):  # at the answer's end
            end = time.monotonic() + CONTENT_SECONDS
            while session.status is not None and not session.is_over and time.monotonic() < end:
                session.look(end - time.monotonic())
        session.leave()

    def facts(self) -> dict[str, Any]:
        """Return what the record says of the exchange."""
        session = self.session
        is_answered = session.status is not None
        return {
            "began": self._wall,
            "sent_bytes": self._sent_bytes,
            "paused": self._paused,
            "continue_seconds": self._since(session.continued_at),
            "stalled_seconds": session.stalled_seconds,
            "window_bytes": session.most_window,
            "window_shut_seconds": session.shut_seconds,
            "sent_seconds": self._since(self._sent),
            "seconds": self._since(session.answered_at or time.monotonic()),
            "ending": Ending.ANSWERED if is_answered else session.ending or Ending.SILENT,
            "status": session.status,
            "headers": session.headers,
            "content": session.body[:SHOWN_CONTENT].decode(errors="replace"),
            "error": session.error,
        }

    def _since(self, moment: float | None) -> float | None:
        return None if moment is None else moment - self._began

    def _send_body(self) -> None:
        """Send the body with its pauses, or as much as is asked for; raise StreamOver."""
        asked, attempt = self._asked, self._asked.attempt
        if attempt.expect:
            self._go_ahead()
        end = attempt.body_bytes if asked.stops_at is None else asked.stops_at
        rests, begun = asked.pause_seconds > 0, time.monotonic()
        stops = [asked.pause_at, end] if rests else [end]
        for block in body_blocks(
            attempt, tick_bytes(asked) if asked.spread_seconds else asked.block_bytes, stops
        ):
            if self._sent_bytes >= end:
                break
            if rests and self._sent_bytes >= asked.pause_at:
                rests = False
                self._rest(asked.pause_seconds)
            self.session.send(block, asked.patience_seconds, not asked.blind)
            self._sent_bytes += len(block)
            if asked.spread_seconds:
                due = begun + asked.spread_seconds * self._sent_bytes / max(1, end)
                self._idle(due - time.monotonic())
        if end < attempt.body_bytes:
            self._leave_early()
        self._sent = time.monotonic()  # the end follows: a server may answer before it, by the length
        self.session.end(asked.patience_seconds)

    def _leave_early(self) -> None:
        """Wait for an answer to a part of the body, then go away; raise StreamOver."""
        if self._asked.half_closes:
            self.session.end(self._asked.patience_seconds)
        continued = self.session.continued_at is not None
        self._await(AFTER_CONTINUE_SECONDS if continued else self._asked.patience_seconds)
        self.session.ending = Ending.LEFT
        raise StreamOver

    def _go_ahead(self) -> None:
        """Wait until the server asks for the body by a 100, or a while; raise StreamOver."""
        end = time.monotonic() + min(self._asked.patience_seconds, EXPECT_SECONDS)
        while self.session.continued_at is None and (left := end - time.monotonic()) > 0:
            self.session.look(left)

    def _rest(self, seconds: float) -> None:
        """Be silent, and note from when to when; raise StreamOver."""
        begun = time.monotonic() - self._began
        try:
            self._idle(seconds)
        finally:
            self._paused.append((begun, time.monotonic() - self._began))

    def _idle(self, seconds: float) -> None:
        """Send nothing of the body for a time; raise StreamOver."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.session.look(left)

    def _await(self, seconds: float) -> None:
        """Wait for the answer that long; raise StreamOver when it comes."""
        self._idle(seconds)
        self.session.ending = Ending.SILENT
