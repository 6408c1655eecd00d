"""The client's connections: the only way to a target, and what a hostile target cannot do to the client.

Every connection is new, and sends in blocks that let the server be the limit. No answer is followed to
another place, decompressed, longer than ``ANSWER_BYTES``, or longer on its way than its time; no cookie is
kept; no proxy, password or setting of the user's environment is used.
"""

import socket
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import requests_toolbelt  # noqa: F401  or a form would load it while the clock runs
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

from uploadlab.catalogue.methods import BLOCK_BYTES
from uploadlab.plain_text import OF_A_SERVER, plain
from uploadlab.private_urls import Private, masked, origin, private_parts, with_query
from uploadlab.sending.limited_answer import AnswerSource
from uploadlab.sending.progress import Taken, await_answer, drop_waiting, hand_over, keep_little_waiting
from uploadlab.sending.uncopied import UncopiedFile

Watch = Callable[[str], None]
"""Called with ``connected``, then ``sending`` and ``sent`` around each block, then ``answered``."""
ANSWER_BYTES = 1 << 20
"""The most that is taken of an answer, head and body; the lab's own have less than a kilobyte."""
Opened = requests.Session
"""What ``session`` opens."""
Through = tuple[str, int] | None
"""Where a line to the target begins: connections are made there, while URL, Host and certificate stay."""
GATEWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
"""What a front answers that gets no answer from the app behind it."""
AS_IT_IS = {"Accept-Encoding": "identity"}
"""A header that asks for an answer without compression."""


# The user has typed --insecure, and needs no warning at each request.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


class TargetSession(requests.Session):
    """A session that adds what is said to a target alone; no answer or error shows it."""

    beside = ""
    """The target whose headers and certificate count at every address of its host; empty: no target's do."""

    def request(self, method: str | bytes, url: str | bytes, *words: Any, **more: Any) -> requests.Response:
        """Send a request to an address that anyone may see."""
        private = private_parts(str(url))
        if self.beside:
            theirs = private_parts(self.beside)
            private = theirs._replace(query="")
            if origin(str(url)) != origin(self.beside):
                private = private._replace(login="", headers={})
        more["headers"] = with_headers(more.get("headers") or {}, private, is_form="files" in more)
        more["verify"] = private.verify
        response = super().request(method, with_query(str(url), private.query), *words, **more)
        response.url = str(url)  # which HTTPError's text has
        return response


def session(
    watch: Watch | None = None,
    block_bytes: int = BLOCK_BYTES,
    answer_bytes: int = ANSWER_BYTES,
    beside: str = "",
    through: Through = None,
    taken: Taken | None = None,
) -> Opened:
    """Return a fresh session: uWSGI closes connections without saying so, so most are used once.

    With ``taken``, which is called with the bytes of bodies, a connection's time is that of a silent line.
    """
    new = TargetSession()
    new.beside = beside
    return guarded(new, BlockAdapter(watch, block_bytes, answer_bytes, through, taken))


def guarded(new: requests.Session, adapter: "BlockAdapter") -> requests.Session:
    """Return a session that asks for plain answers, keeps no cookie and uses nothing of the user's."""
    new.trust_env = False  # no proxy and no .netrc between the lab and its target
    new.headers.update(AS_IT_IS)
    new.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        new.mount(scheme, adapter)
    return new


def with_headers(own: Mapping[str, str], private: Private, is_form: bool = False) -> dict[str, str]:
    """Return a request's headers with those of its target, which win; only a form keeps its Content-Type."""
    theirs = private.request_headers
    if is_form or own.get("Content-Type", "").startswith("multipart/"):
        theirs = {name: value for name, value in theirs.items() if name.lower() != "content-type"}
    replaced = {name.lower() for name in theirs}
    return {**{name: value for name, value in own.items() if name.lower() not in replaced}, **theirs}


def get(address: str, seconds: float, answer_bytes: int = ANSWER_BYTES) -> requests.Response:
    """Return a server's answer of success; raise RequestException, also for a redirect."""
    with session(answer_bytes=answer_bytes) as connection:
        response = connection.get(address, timeout=seconds)
    require_success(response)
    return response


def require_success(response: requests.Response) -> None:
    """Raise HTTPError, with what the server answered, unless that is a success."""
    if not is_success(response.status_code):
        words = unsuccessful(response.status_code, response.reason, location_of(response))
        raise requests.HTTPError(words, response=response)


def is_success(http_status: int) -> bool:
    """Return whether a status says that the server did what it was asked for."""
    return HTTPStatus.OK <= http_status < HTTPStatus.MULTIPLE_CHOICES


def is_redirect(http_status: int) -> bool:
    """Return whether a status points elsewhere."""
    return HTTPStatus.MULTIPLE_CHOICES <= http_status < HTTPStatus.BAD_REQUEST


def unsuccessful(http_status: int, words: str | None, location: str | None, front: str = "") -> str:
    """Return what a server answered in place of success, and where it pointed, in a few plain words.

    ``front`` is what stands before an app that has not answered itself; empty: it may have.
    """
    answered = f"answered {http_status} {plain(masked(words or ''), OF_A_SERVER)}".strip()
    answered += by_whom(http_status, front)
    if not is_redirect(http_status):
        return answered
    place = f"points to {plain(masked(location), OF_A_SERVER)}" if location else "points nowhere"
    return f"{answered}, which {place}; redirects are not followed"


def location_of(response: requests.Response) -> str | None:
    """Return the answer's Location; the headers of a redirect do not have it, so that nothing follows it."""
    location: str | None = response.raw.headers.get("Location")
    return location


def by_whom(http_status: int, front: str) -> str:
    """Return who has sent an answer that is not the app's, as far as its status says it.

    Only a gateway says that it got no answer; anything else may come from the server that runs the app, too.
    """
    if not front:
        return ""
    return f" from {front}" if http_status in GATEWAY else ", not from the app"


class BlockAdapter(HTTPAdapter):
    """An adapter that sends blocks of that size: urllib3's own 16 KiB would make the client the limit.

    Its answers are limited, cannot be followed, and are left compressed if a server compresses unasked.
    """

    def __init__(
        self,
        watch: Watch | None = None,
        block_bytes: int = BLOCK_BYTES,
        answer_bytes: int = ANSWER_BYTES,
        through: Through = None,
        taken: Taken | None = None,
    ) -> None:
        self._block_bytes, self._limits = block_bytes, (watch, answer_bytes, through, taken)
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return a pool whose connections are limited, and watched if anyone watches."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        kind = _LimitedTLS if pool.scheme == "https" else _Limited
        pool.ConnectionCls = partial(kind, *self._limits)
        pool.conn_kw["blocksize"] = self._block_bytes  # as urllib3 1.26 takes none for a pool
        return pool

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """Return the answer without what requests would act on: a redirect's place, and a compression."""
        resp.headers.pop("Content-Encoding", None)
        response = super().build_response(req, resp)
        if is_redirect(response.status_code):
            response.headers.pop("Location", None)
        return response


class _Limited(HTTPConnection):
    """A connection whose answer is limited, and that reports how far a request has got."""

    def __init__(
        self,
        watch: Watch | None,
        answer_bytes: int,
        through: Through,
        taken: Taken | None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._watch, self._answer_bytes, self._through = watch, answer_bytes, through
        self._taken, self._at_head = taken, False

    def response_class(self, connected: Any, *args: Any, **kwargs: Any) -> HTTPResponse:  # type: ignore[override]
        """Return the answer, which http.client makes so; the connection's time is for all of it."""
        seconds: Any = self.timeout
        source: Any = AnswerSource(connected, seconds, self._answer_bytes)
        return HTTPResponse(source, *args, **kwargs)

    def _new_conn(self) -> socket.socket:
        if self._through is None:
            return super()._new_conn()
        seconds: Any = self.timeout
        try:
            connected = socket.create_connection(self._through, seconds)
        except ConnectionResetError as error:
            # urllib3 takes it for the end of a connection that may still have an answer; this has none.
            raise NewConnectionError(self, "the connection was reset at once") from error
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as urllib3 does
        return connected

    def connect(self) -> None:
        super().connect()
        if self._taken is not None:
            keep_little_waiting(self.sock)
        self._report("connected")

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        self._at_head = True
        super().putrequest(*args, **kwargs)

    def send(self, data: Any) -> None:
        self._report("sending")
        if isinstance(data, UncopiedFile):
            self._patiently(data.hand_over_piece, self._taken or _count_nothing)
        elif self._taken is None or self._at_head:
            super().send(data)
        else:
            self._patiently(hand_over, data, self._taken)
        self._at_head = False
        self._report("sent")

    def getresponse(self) -> Any:
        if self._taken is not None:
            self._patiently(await_answer, self.timeout)
        response = super().getresponse()
        self._report("answered")
        return response

    def _patiently(self, do: Callable[..., None], *words: Any) -> None:
        """Do that with the socket; if the line is silent, nothing of this request may arrive later."""
        try:
            do(self.sock, *words)
        except TimeoutError:
            drop_waiting(self.sock)
            raise

    def _report(self, what: str) -> None:
        if self._watch:
            self._watch(what)


def _count_nothing(count: int) -> None:
    """Stand for a count that nobody asked for."""


class _LimitedTLS(_Limited, HTTPSConnection):
    """The same over TLS."""
