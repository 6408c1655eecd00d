"""Deployments and targets."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from uploadlab.model.own_apps import AppSupport, OwnApp
from uploadlab.model.targets import TargetSpec

REFERENCE = "reference"
"""The tier of rows that mark a ceiling."""
DERIVED = "config"
"""The tier of a deployment that only a config in configs/ makes one."""
EXTERNAL = "target"
"""The tier of a server that the user named by its URL."""
CLIENT = "client"
"""The tier of a client that a check tries, in place of a server."""
CORE = "core"
"""The group that a command takes where the user names none."""
GROUPS = (CORE, "servers", "fronts")
"""All groups: what nearly everyone runs, other servers that run the app, what stands in front of one."""
EVERY_GROUP = "all"
CERTIFIER = "trustme"
"""The package that makes the certificate of a front with TLS."""
FRONTS = {"apache": "Apache", "caddy": "Caddy", "envoy": "Envoy", "haproxy": "HAProxy", "nginx": "nginx"}
"""What may stand before an app, by the folder of its configs in configs/."""


class Target(Struct, frozen=True):
    """What the client measures: a name and a URL that answers the lab's HTTP contract."""

    name: str
    url: str
    tier: str = EXTERNAL
    accepts: list[str] = []
    unavailable: str = ""
    """Why it cannot be measured here; empty: it can."""
    unsuited: str = ""
    """Why the user's app cannot run there, whatever is installed; empty: it can."""
    spec: TargetSpec | None = None
    """What a server of the user's own needs; None: nothing but its URL."""
    next: list[str] = []
    """Deployments that it may pass uploads on to; the first does it by default."""
    private: bool = False
    """Whether its URL has a login or a query, which are not stored."""
    tls: bool = False
    """Whether it speaks TLS, known also before it has a URL."""
    client_packages: list[str] = []
    """Requirements that the lab's client loads in place of its own packages when it uploads there."""
    link: str = ""
    """What its uploads go over; empty: nothing of the lab's. It stands in the name, too: ``flask@dsl``."""

    @property
    def behind(self) -> str:
        """The name of what stands at the far end: of a deployment, or as the user named a server."""
        return self.name.removesuffix(f"@{self.link}") if self.link else self.name

    def over(self, link: str) -> "Target":
        """Return the target that is this one behind a link; without a name, this one."""
        return msgspec.structs.replace(self, name=over(self.name, link), link=link) if link else self

    @property
    def foreign(self) -> TargetSpec | None:
        """How its URL takes uploads as it is; None: it has the lab's routes."""
        return self.spec if self.spec and self.spec.is_foreign else None


def over(name: str, link: str) -> str:
    """Return the name of a target behind a link; without a link, the target's own."""
    return f"{name}@{link}" if link else name


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
    group: str = CORE
    """Which of GROUPS it is in."""
    tls: bool = False
    """Whether its front speaks TLS, by a certificate that is made when it starts."""
    next: list[str] = []
    """Deployments that it may pass uploads on to; the first does it by default."""
    packages: list[str] = []
    """Requirements that its servers load in place of the lock files' packages: ``werkzeug==3.0.1``."""
    client_packages: list[str] = []
    """The same for the client that uploads to it."""
    support: AppSupport = AppSupport()
    """Which apps of the user's own it runs."""
    app: OwnApp | None = None
    """The app that it runs in place of the lab's."""
    spec: TargetSpec | None = None
    """How that app takes uploads, and answers."""
    unsuited: str = ""
    """Why it cannot run that app; empty: it can."""
    based_on: str = ""
    """The one of compose.yaml that it is made from, service by service; empty: it is there itself."""

    @property
    def front(self) -> str:
        """What stands before its app; empty: nothing."""
        folders = [Path(word).parent.name for word in self.services[0].command]
        return next((FRONTS[folder] for folder in reversed(folders) if folder in FRONTS), "")

    @property
    def scheme(self) -> str:
        """How the URL of its target begins."""
        return "https" if self.tls else "http"

    def target(self, url: str = "", unavailable: str = "") -> Target:
        """Return what the client measures of it: at an address, or unavailable for a reason."""
        return Target(
            self.name, url + self.app.route if self.app and url else url, self.tier, self.accepts,
            self.unsuited or unavailable, self.unsuited, self.spec, next=self.next, tls=self.tls,
            client_packages=self.client_packages,
        )  # fmt: skip


def added_groups(deployments: Iterable[Deployment]) -> list[str]:
    """Return the groups of these beside the core: what is built and installed only when it is asked for."""
    groups = {deployment.group for deployment in deployments}
    return [group for group in GROUPS if group in groups and group != CORE]
