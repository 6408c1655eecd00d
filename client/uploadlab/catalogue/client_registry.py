"""What a scripted server does to a client, as data, and the registry of the cases made of it."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

from uploadlab.catalogue.clients import CLIENTS, kind_of

ALL = 1 << 62
"""More bytes than any body has."""
FILE_BYTES = 600_001
"""More than one block of most clients."""
BIG_BYTES = 8 << 20
"""More than the buffers of a connection hold: a client notices that the server does not read."""
FILE_NAME = "upload.bin"
FORMS, RAW = ("form",), ("stream", "chunked")
EVERY_KIND = RAW + FORMS


CHECKED_CLIENTS = [
    name for name, client in CLIENTS.items() if any(kind_of(way) in EVERY_KIND for way in client.ways)
]
"""Those that the cases are of; a client of resumable uploads alone is none of them."""


class Take(NamedTuple):
    """Read that much of the body, or all of the rest."""

    most: int = ALL
    each_second: int = 0
    """Bytes; 0: as fast as they come."""
    asks: bool = True
    """Whether a client that waits for 100 Continue gets it."""


class Respond(NamedTuple):
    """Answer; a client may send on, and the connection stays open."""

    status: int
    words: str = "stored"
    headers: tuple[str, ...] = ()


class HangUp(NamedTuple):
    """Close the connection; where data is unread, the system resets it."""

    reset: bool = False


class Pause(NamedTuple):
    """Do nothing."""

    seconds: float


class Hold(NamedTuple):
    """Neither read nor close the connection until the check ends it."""


class Resize(NamedTuple):
    """Make the file that is being sent longer or shorter."""

    by: int


Step = Take | Respond | HangUp | Pause | Hold | Resize
Turn = tuple[Step, ...]
"""What happens to one request."""
STORES: Turn = (Take(), Respond(201))
"""What happens to each request that no turn is left for."""


class ClientAttempt(NamedTuple):
    """One upload by each way of a client, and what the server does meanwhile."""

    turns: tuple[Turn, ...] = ()
    """Of the requests in their order."""
    label: str = ""
    kinds: tuple[str, ...] = EVERY_KIND
    """Of the ways that are tried."""
    each_way: bool = True
    """Whether every way of a kind is tried, or the first."""
    size_bytes: int = FILE_BYTES
    source: str = "file"
    """How the file is opened, see ``sending.clients.sources``."""
    name: str = FILE_NAME
    tls: bool = False
    expect: bool = False
    login: bool = False
    kept: bool = False
    """Whether the upload comes over a connection that has had an answer."""
    must_arrive: bool = False
    """Whether an error is a failure, too: nothing is in the way."""

    @property
    def own_seconds(self) -> float:
        """How long the server pauses."""
        steps = [step for turn in self.turns for step in turn]
        takes = [step for step in steps if isinstance(step, Take) and step.each_second]
        pauses = [step.seconds for step in steps if isinstance(step, Pause)]
        return sum(pauses) + sum(step.most / step.each_second for step in takes)

    @property
    def waits(self) -> bool:
        """Whether most of its time is waiting: tried beside the other attempts."""
        steps = [step for turn in self.turns for step in turn]
        shrinks = any(isinstance(step, Resize) and step.by < 0 for step in steps)
        return shrinks or self.own_seconds > 0 or any(isinstance(step, Hold) for step in steps)

    @property
    def reason(self) -> tuple[int, str] | None:
        """The status and words of a refusal that the client must hand on; a login it may answer itself."""
        answers = [step for turn in self.turns for step in turn if isinstance(step, Respond)]
        refusals = [step for step in answers if step.status > HTTPStatus.UNAUTHORIZED]
        return (refusals[-1].status, refusals[-1].words) if refusals else None


class ClientCaseKind(StrEnum):
    """What is out of the ordinary."""

    SERVER = "server"
    FILE = "file"


class ClientCase(NamedTuple):
    """A row of the grid of clients."""

    name: str
    kind: ClientCaseKind
    large: bool
    """Sends over 2 GiB: only on request."""
    description: str
    attempts: Callable[[], Iterator[ClientAttempt]]


CLIENT_CASES: dict[str, ClientCase] = {}
ClientAttempts = Callable[[], Iterator[ClientAttempt]]


def client_case(
    name: str, kind: ClientCaseKind, large: bool = False
) -> Callable[[ClientAttempts], ClientAttempts]:
    """Register a case."""

    def register(attempts: ClientAttempts) -> ClientAttempts:
        CLIENT_CASES[name] = ClientCase(name, kind, large, (attempts.__doc__ or "").strip(), attempts)
        return attempts

    return register
