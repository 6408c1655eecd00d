"""What the doctor asked a server, and what came back: one flat record for each request."""

from enum import StrEnum

from msgspec import Struct


class Framing(StrEnum):
    """How a request says where its body ends."""

    LENGTH = "length"
    CHUNKED = "chunked"
    NONE = "none"
    """There is no body, and no header of one."""
    FRAMES = "frames"
    """Of HTTP/2, without a length."""


class Ending(StrEnum):
    """How a request ended, as the client saw it."""

    ANSWERED = "answered"
    LEFT = "left"
    """The client went away on purpose, without an answer: it had seen what it wanted to see."""
    SILENT = "silent"
    """The client's patience was over."""
    CLOSED = "closed"
    """The server closed the connection without an answer."""
    RESET = "reset"
    """The connection was reset before an answer was read."""
    TLS = "tls"
    """TLS ended with an error."""
    UNREACHED = "unreached"
    """There was no connection."""


class Stored(StrEnum):
    """What has become of a body whose upload the server called a success."""

    WHOLE = "whole"
    PART = "part"
    NOTHING = "nothing"
    OTHER = "other"
    """As many bytes, but not the same."""
    UNKNOWN = "unknown"
    """Nobody has said how to read the upload back."""


class Arrived(Struct, frozen=True, kw_only=True):
    """What the far end says of the request that reached it. Times are of its own clock, in seconds."""

    size_bytes: int
    digest: str
    """SHA-256 of the body, in hex."""
    began: float
    """When the app was called, in seconds of Unix time."""
    first_seconds: float | None = None
    """From the call until the first bytes of the body were there; None: no bytes came."""
    last_seconds: float | None = None
    """From the call until the last bytes were there."""
    content_length: str | None = None
    """The header as the app saw it; None: there was none."""
    transfer_encoding: str | None = None
    input_terminated: bool | None = None
    """``wsgi.input_terminated``; None: not set, or ASGI."""
    interface: str = ""
    """``wsgi`` or ``asgi``."""
    protocol: str = ""
    """``HTTP/1.1``, of the last hop."""
    server: str = ""
    """The server that runs the app, by what its environment has: ``uwsgi``; empty: not known."""
    version: str = ""
    """Of that server, where it says it."""
    passed_on: list[str] = []
    """Headers that other hops have added, with their names: ``Via: 1.1 Caddy``."""
    error: str = ""
    """What reading the body raised."""
    whole: bool = True
    """Whether the body came to its end without an error."""
    hidden_bytes: int = 0
    """Of a chunked body: what uWSGI had, and the app's input did not give."""

    @property
    def looks_empty(self) -> bool:
        """Whether Flask reads none of this body, however much arrived: to Werkzeug it has no certain end."""
        unsized = self.content_length is None or (self.transfer_encoding or "").lower() == "chunked"
        return self.interface == "wsgi" and not self.input_terminated and unsized


class Exchange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request of the doctor and its answer. Times are seconds since the request began to be sent."""

    question: str
    """The name of the question that it belongs to: ``silence``."""
    label: str = ""
    """Which of the question's requests."""
    verb: str = "POST"
    path: str = ""
    protocol: str = "HTTP/1.1"
    framing: Framing = Framing.LENGTH
    is_form: bool = False
    body_bytes: int = 0
    """Size of the body that the request announced, or would have had in all."""
    sent_bytes: int = 0
    """Of the body; what the system's buffers took counts as sent."""
    head_bytes: int = 0
    expected: bool = False
    """Whether the request had ``Expect: 100-continue``."""
    paused: list[tuple[float, float]] = []
    """When the client was silent on purpose, within the body: begin and end."""
    connect_seconds: float | None = None
    """Of TCP alone: about one round trip."""
    continue_seconds: float | None = None
    """When ``100 Continue`` came."""
    stalled_seconds: float = 0.0
    """The longest time that the server took no more bytes."""
    window_bytes: int | None = None
    """Over HTTP/2: the most that the server let the client send at once, of this body."""
    window_shut_seconds: float = 0.0
    """Over HTTP/2: how long the client had to wait as what the server had let it send was used up."""
    sent_seconds: float | None = None
    """When the last byte of the body was sent; None: it was not."""
    seconds: float | None = None
    """When the answer's head came, or the connection ended."""
    ending: Ending = Ending.ANSWERED
    status: int | None = None
    headers: list[tuple[str, str]] = []
    """Of the answer; names in lower case."""
    content: str = ""
    """The beginning of the answer's body, as text."""
    error: str = ""
    """What ended the connection, in words."""
    began: float = 0.0
    """When the request began to be sent, in seconds of Unix time."""
    is_success: bool = False
    """Whether the answer is a success by the user's rule."""
    stored: Stored = Stored.UNKNOWN
    arrived: Arrived | None = None
    """Of requests to the far end."""

    @property
    def is_early(self) -> bool:
        """Whether the answer came before the last byte was sent."""
        return self.status is not None and self.sent_seconds is None

    def header(self, name: str) -> str:
        """Return a header of the answer; empty if it has none."""
        return next((value for key, value in self.headers if key == name.lower()), "")


class Stop(StrEnum):
    """Why an examination ended."""

    COMPLETE = "complete"
    LIMITED = "rate limited"
    """At the first 429."""
    BUDGET = "budget"
    INTERRUPTED = "interrupted"
    UNUSABLE = "unusable"
    """The URL takes no upload at all, so that no more could be asked."""


class Wire(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the connection itself shows."""

    tls: str = ""
    """``TLSv1.3``; empty: plain HTTP."""
    certificate: str = ""
    """Why the certificate is not trusted; empty: it is, or there is none."""
    versions: list[str] = []
    """The versions of HTTP that the server offers."""
    window_bytes: int | None = None
    """What an HTTP/2 client may send of one body before the server says more (RFC 9113, 6.9.2)."""
    connection_window_bytes: int | None = None
    """The same for the whole connection, after what the server adds at once."""
    round_trip_seconds: float | None = None
    """The shortest of several connects."""


class Examination(Struct, kw_only=True, omit_defaults=True):
    """All that the doctor has seen of one URL."""

    url: str
    """Without its private parts."""
    started_at: str
    version: str
    """Of the lab."""
    far_end: str = ""
    """The path of the far end; empty: there is none."""
    as_form: bool = False
    """Whether uploads go in a form."""
    budget_bytes: int = 0
    budget_seconds: float = 0.0
    rungs: list[float] = []
    """Seconds of silence and of duration that were tried."""
    wire: Wire = Wire()
    exchanges: list[Exchange] = []
    left: list[str] = []
    """Names of the uploads that may still be on the server."""
    skipped: dict[str, str] = {}
    """Questions that were not asked, and why."""
    stop: Stop = Stop.COMPLETE
    why: str = ""
    """The reason for the end, in words; empty: complete."""

    def of(self, question: str) -> list[Exchange]:
        """Return the requests of a question."""
        return [exchange for exchange in self.exchanges if exchange.question == question]
