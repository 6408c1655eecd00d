"""Deployments and targets."""

from msgspec import Struct

REFERENCE = "reference"
"""The tier of rows that mark a ceiling."""
DERIVED = "config"
"""The tier of a deployment that only a config in configs/ makes one."""
EXTERNAL = "target"
"""The tier of a server that the user named by its URL."""


class Foreign(Struct, frozen=True):
    """An upload endpoint that does not answer the lab's contract: what it stored cannot be verified."""

    expect_status: int
    """How it says success."""
    field: str
    """The form's field for the file."""


class Target(Struct, frozen=True):
    """What the client measures: a name and a URL that answers the lab's HTTP contract."""

    name: str
    url: str
    tier: str = EXTERNAL
    accepts: list[str] = []
    unavailable: str = ""
    """Why it cannot be measured here; empty: it can."""
    foreign: Foreign | None = None
    """Its URL takes uploads as it is; None: it has the lab's routes."""
    next: list[str] = []
    """Deployments that it may pass uploads on to; the first does it by default."""
    private: bool = False
    """Whether its URL has a login or a query, which are not stored."""


class Service(Struct, frozen=True):
    """One process of a deployment, as compose.yaml declares it."""

    name: str
    command: list[str]
    environment: dict[str, str] = {}
    stop_signal: str = "SIGTERM"


class Deployment(Struct, frozen=True):
    """The Flask app behind a server family and one config file."""

    name: str
    title: str
    tier: str
    why: str
    port: int
    accepts: list[str]
    """Methods that make sense here; empty: all."""
    needs: list[str]
    services: list[Service]
    next: list[str] = []
    """Deployments that it may pass uploads on to; the first does it by default."""
    based_on: str = ""
    """The one of compose.yaml that it is made from, service by service; empty: it is there itself."""

    def target(self, url: str = "", unavailable: str = "") -> Target:
        """Return what the client measures of it: at an address, or unavailable for a reason."""
        return Target(self.name, url, self.tier, self.accepts, unavailable, next=self.next)
