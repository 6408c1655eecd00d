"""Requests that are sent again after a break: what counts as one, how long to wait, when to give up."""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import requests

from uploadlab.sending.answered import innermost
from uploadlab.sending.connections import Opened, Through, Watch, session
from uploadlab.sending.limited_answer import AnswerFault
from uploadlab.sending.source import FileFault

SILENCE_SECONDS = 5.0
"""A line on which nothing moves for this time counts as broken."""
MOST_TIMES = 4
PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 5.0, 5.0, 5.0)
"""Seconds before each further try while the server has got nothing new. After these, an upload fails."""
PASSING = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.LOCKED,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
"""Answers that may be others at the next try. A disk that is full, 507, stays full for longer."""


class Tally:
    """What the requests of an upload have taken so far, counted by all its connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent_bytes = 0
        """Bytes of bodies that the system has taken."""
        self.breaks = 0
        """How often a request with a body of the file had to be made again."""
        self.fallback = ""
        """Why a file was sent by blocks that the system was to send by itself."""

    def fell_back(self, why: str) -> None:
        """Keep why a file is sent by blocks."""
        self.fallback = why

    def took(self, count: int) -> None:
        """Count bytes of a body."""
        with self._lock:
            self.sent_bytes += count

    def broke(self) -> None:
        """Count a break."""
        with self._lock:
            self.breaks += 1


class Patience(NamedTuple):
    """How long a client waits, how often it tries, and after which answers."""

    silence_seconds: float = SILENCE_SECONDS
    passing: Collection[int] = PASSING
    """Statuses of answers that may be others at the next try."""
    pauses: Sequence[float] = PAUSES


class Route(NamedTuple):
    """What all requests of an upload have in common."""

    watch: Watch
    block_bytes: int
    through: Through
    query: Mapping[str, str]
    """Of requests that carry the file."""
    tally: Tally
    patience: Patience = Patience()


class Persistent:
    """A connection to a target, made again after a break."""

    def __init__(self, route: Route) -> None:
        self._route, self._failures, self._was_connected = route, 0, False
        self._patience = route.patience
        self._session = self._opened()

    def __enter__(self) -> "Persistent":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def progressed(self) -> None:
        """Hear that the server has got more: the tries are counted from now on."""
        self._failures = 0

    def ask(
        self, verb: str, address: str, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response | None:
        """Return the answer to a request; None after a break, from which the caller may go on.

        After the last try, return what the server answered, or raise the error of the connection.
        """
        if self._failures:
            time.sleep(self._patience.pauses[self._failures - 1])
        try:
            response = self.once(verb, address, data, headers)
        except (requests.RequestException, OSError) as error:
            if isinstance(innermost(error), FileFault | AnswerFault) or not self._was_connected:
                raise
            self._session.close()
            self._session = self._opened()
            if self._gives_up(data):
                raise
            return None
        if response.status_code in self._patience.passing and not self._gives_up(data):
            return None
        return response

    def once(
        self, verb: str, address: str, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Return the answer to a request that is not sent again; raise what breaks it."""
        query = {} if data is None else self._route.query
        # A server that takes long to answer is at work: it gets more time at each try.
        seconds = self._patience.silence_seconds * min(2**self._failures, MOST_TIMES)
        return self._session.request(verb, address, params=query, data=data, headers=headers, timeout=seconds)

    def insist(
        self, verb: str, address: str, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Return the answer to a request that may be sent twice; raise what the last of all tries raises."""
        while (response := self.ask(verb, address, data, headers)) is None:
            pass
        return response

    def _gives_up(self, data: Any) -> bool:
        """Count a try that came to nothing; return whether it was the last one."""
        self._failures += 1
        if self._failures > len(self._patience.pauses):
            return True
        if data is not None:
            self._route.tally.broke()
        return False

    def _opened(self) -> Opened:
        route = self._route
        return session(self._heard, route.block_bytes, through=route.through, taken=route.tally.took)

    def _heard(self, what: str) -> None:
        if what == "connected":
            self._was_connected = True
        self._route.watch(what)
