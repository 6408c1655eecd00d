"""A connection that speaks HTTP/2 and has one stream: frames, windows, and what the server says.

The library h2 knows the protocol; it is imported only here, and only when it is used. A GOAWAY is read here:
h2 takes the connection for over then, while a server may still answer what it has begun.
"""

import select
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from uploadlab.model.exchanges import Ending
from uploadlab.plain_text import OF_A_SERVER, plain
from uploadlab.sending.answered import reason, words_of

FRAME_HEAD_BYTES = 9
MOST_FRAME_BYTES = 1 << 20
"""The client allows frames of 16 KiB."""
GOAWAY = 7
BLOCK_BYTES = 64 << 10
MOST_BODY = 64 << 10
"""Bytes of an answer that are kept."""
BROKEN_SECONDS = 1.0
"""How long an answer is looked for once the connection takes no more."""
MORE_SECONDS = 1.0
"""How long the server may take to see the client's first words; all that it offers at once comes before."""
CONTINUE = b"100"


class Windows(NamedTuple):
    """What a client may send before the server says more (RFC 9113, 6.9.2)."""

    stream_bytes: int
    """Of one body."""
    connection_bytes: int
    """Of all bodies together."""


class StreamOver(Exception):
    """The answer is there, or the stream is over: nothing more needs to be sent."""


class Session:
    """The connection, and its stream."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self._connection = connection
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._stream = 0
        self._received, self._due = bytearray(), bytearray()
        self._events: set[str] = set()
        """The kinds of what has come."""
        self.is_over = False
        """Whether nothing more can come."""
        self.ending: Ending | None = None
        """How the stream, or the connection, ended without an answer."""
        self.error = ""
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.answered_at: float | None = None
        self.continued_at: float | None = None
        self.stalled_seconds = 0.0
        """The longest time that the server took no more bytes."""
        self.shut_seconds = 0.0
        """The whole time that its window was used up."""
        self.most_window = 0
        """The largest window that it opened."""
        connection.setblocking(False)

    @property
    def windows(self) -> Windows:
        """What the server offers."""
        return Windows(self._h2.remote_settings.initial_window_size, self._h2.outbound_flow_control_window)

    def begin(self, seconds: float) -> None:
        """Wait until the server has said what it offers; raise StreamOver."""
        self._h2.initiate_connection()
        self.flush(seconds)
        end = time.monotonic() + seconds
        while "RemoteSettingsChanged" not in self._events:
            if (left := end - time.monotonic()) <= 0:
                self._stop(Ending.SILENT, "the server says nothing in HTTP/2")
            self.look(left)
        end = time.monotonic() + MORE_SECONDS
        while "SettingsAcknowledged" not in self._events and (left := end - time.monotonic()) > 0:
            self.look(left)

    def open(self, headers: list[tuple[str, str]], seconds: float) -> None:
        """Send the head of a request; raise StreamOver."""
        self._stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(self._stream, headers)
        self.most_window = self._window()
        self.flush(seconds)

    def send(self, block: memoryview, seconds: float, watched: bool = True) -> None:
        """Send a block of the body, as much at a time as the windows allow; raise StreamOver."""
        while block:
            room = BLOCK_BYTES
            while (
                room > 0 and (size := min(self._window(), self._h2.max_outbound_frame_size, len(block))) > 0
            ):
                self._h2.send_data(self._stream, bytes(block[:size]))
                block, room = block[size:], room - size
            self.flush(seconds, watched)
            if block and self._window() <= 0:
                self._await_window(seconds)

    def end(self, seconds: float) -> None:
        """End the body; raise StreamOver."""
        self._h2.end_stream(self._stream)
        self.flush(seconds)

    def flush(self, seconds: float, watched: bool = True) -> None:
        """Give all that is due to the system; raise StreamOver, also if that takes too long."""
        self._due += self._h2.data_to_send()
        since = time.monotonic()
        while self._due:
            if (left := since + seconds - time.monotonic()) <= 0:
                self._stop(Ending.SILENT, "the server takes no more bytes")
            reads = [self._connection] if watched else []
            readable, writable, _ = select.select(reads, [self._connection], [], left)
            if readable:
                self.look(0.0)
            if writable and self._give():
                self.stalled_seconds = max(self.stalled_seconds, time.monotonic() - since)
                since = time.monotonic()

    def look(self, seconds: float) -> None:
        """Take what comes within the time; raise StreamOver at the head of an answer, or the end."""
        reads = [self._connection]
        if not self._connection.pending() and not select.select(reads, [], [], max(0.0, seconds))[0]:
            return
        had_answer = self.status is not None
        self._receive()
        for frame in self._frames():
            self._take(frame)
        self._due += self._h2.data_to_send()  # acknowledgements
        if self.is_over or (self.status is not None and not had_answer):
            if self.status is None:
                self.ending = self.ending or Ending.CLOSED
            raise StreamOver
        if self._due:
            self._give()
        if self._stream:
            self.most_window = max(self.most_window, self._window())

    def leave(self) -> None:
        """Say that no more is wanted."""
        with suppress(Exception):  # the connection ends here in any case
            self._h2.close_connection()
            self._connection.send(self._due + self._h2.data_to_send())

    def _window(self) -> int:
        """Return how much of the body may be sent now; 0 or less: nothing."""
        return int(self._h2.local_flow_control_window(self._stream))

    def _await_window(self, seconds: float) -> None:
        begun = time.monotonic()
        try:
            while self._window() <= 0:
                if (left := begun + seconds - time.monotonic()) <= 0:
                    self._stop(Ending.SILENT, "the server opens its window no further")
                self.look(left)
        finally:
            waited = time.monotonic() - begun
            self.shut_seconds += waited
            self.stalled_seconds = max(self.stalled_seconds, waited)

    def _stop(self, ending: Ending, words: str) -> NoReturn:
        self.ending, self.error = ending, words
        raise StreamOver

    def _give(self) -> int:
        """Return how many bytes the system took; raise StreamOver if the connection is over."""
        try:
            count = self._connection.send(self._due)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        except OSError as error:
            self._due.clear()
            words, end = reason(error), time.monotonic() + BROKEN_SECONDS
            while (left := end - time.monotonic()) > 0:
                self.look(left)  # an answer may have come before, or a reason; else the end
            self._stop(Ending.RESET, self.error or words)
        del self._due[:count]
        return count

    def _receive(self) -> None:
        """Take all that has come; note whether the server has ended the connection, and how."""
        try:
            while len(self._received) < 2 * MOST_FRAME_BYTES:
                data = self._connection.recv(BLOCK_BYTES)
                self._received += data
                if not data:
                    self.is_over = True
                    return
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            is_closed = isinstance(error, ssl.SSLEOFError)
            by_tls = isinstance(error, ssl.SSLError) and not is_closed
            ending = Ending.TLS if by_tls else Ending.CLOSED if is_closed else Ending.RESET
            self._over(ending, reason(error))

    def _over(self, ending: Ending, words: str) -> None:
        """Note that nothing more can come; what was noted first stays."""
        self.is_over, self.error, self.ending = True, self.error or words, self.ending or ending

    def _frames(self) -> Iterator[bytes]:
        """Yield the whole frames that have come: three bytes of size, six more, and as many as these say."""
        while len(self._received) >= FRAME_HEAD_BYTES:
            size = FRAME_HEAD_BYTES + int.from_bytes(self._received[:3])
            if size > MOST_FRAME_BYTES:
                self._received.clear()
                self._over(Ending.CLOSED, "the server's HTTP/2 is malformed")
            if len(self._received) < size:
                return
            frame = bytes(self._received[:size])
            del self._received[:size]
            yield frame

    def _take(self, frame: bytes) -> None:
        """Understand a frame."""
        if frame[3] == GOAWAY:
            code, said = int.from_bytes(frame[13:17]), plain(frame[17:].decode(errors="replace"), OF_A_SERVER)
            words = f"the server ended the connection by GOAWAY: {code_name(code)}"
            self.error = self.error or (f"{words}, {said}" if said else words if code else "")
            last_stream = int.from_bytes(frame[9:13]) & 0x7FFFFFFF
            if code and self._stream and last_stream < self._stream:
                self._over(Ending.CLOSED, words)  # it will not be answered
            return
        try:
            for event in self._h2.receive_data(frame):
                self._note(event)
        except Exception as error:  # h2's own, and those of values that are none
            self._over(Ending.CLOSED, f"the server's HTTP/2 is malformed: {words_of(error)}")

    def _note(self, event: Any) -> None:
        """Keep what an event says."""
        from h2 import events

        self._events.add(type(event).__name__)
        match event:
            case events.InformationalResponseReceived():
                if dict(event.headers).get(b":status") == CONTINUE and self.continued_at is None:
                    self.continued_at = time.monotonic()
            case events.ResponseReceived():
                pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
                self.status = int(dict(pairs)[":status"])
                self.headers = [(name, words_of(value)) for name, value in pairs if name != ":status"]
                self.answered_at = time.monotonic()
            case events.DataReceived():
                self.body += event.data[: MOST_BODY - len(self.body)]
                with suppress(Exception):  # the stream may be over
                    self._h2.acknowledge_received_data(event.flow_controlled_length, self._stream)
            case events.StreamEnded():
                self.is_over = True
            case events.StreamReset():
                is_calm = self.status is not None and not event.error_code  # RFC 9113, 8.1: it wants no more
                words = f"the server reset the stream: {code_name(int(event.error_code))}"
                self._over(Ending.RESET, "" if is_calm else words)


def code_name(code: int) -> str:
    """Return the name of an error of HTTP/2."""
    from h2.errors import ErrorCodes

    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"error {code}"
