"""An app of the user's own, which takes the place of the lab's behind every server."""

from enum import StrEnum

from msgspec import Struct


class Interface(StrEnum):
    """How a server calls an app."""

    WSGI = "wsgi"
    ASGI = "asgi"


class AsgiRow(Struct, frozen=True, forbid_unknown_fields=True):
    """How a deployment runs ASGI apps, and what its row is called then: no adapter is in it."""

    name: str
    why: str
    command: list[str]
    needs: list[str]


class AppSupport(Struct, frozen=True, forbid_unknown_fields=True):
    """Which apps of the user's own a deployment runs in place of the lab's. By default, every WSGI app."""

    never: str = ""
    """Why it runs none."""
    framework: str = ""
    """The one whose apps it runs; empty: any."""
    asgi: AsgiRow | None = None


class OwnApp(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an app is, what it needs, and where it takes uploads. How it answers, a ``TargetSpec`` says."""

    module: str
    """``shop.wsgi``"""
    attribute: str
    """The name in the module: ``application``."""
    folder: str
    """The folder that the module is imported from, and that the app works in."""
    route: str = "/"
    """The path that takes uploads."""
    requirements: str = ""
    """A file of its packages; empty: the lab's own are enough."""
    packages: list[str] = []
    """What that file names, as pip has it."""
    environment: list[str] = []
    """Names of variables that it gets from the user's environment; their values are not stored."""
    guard: bool = False
    """Whether the lab's checks of framing and digests are wrapped around it."""
    interface: Interface | None = None
    """None: not known yet."""
    framework: str = ""
    """The package that the app's type is of: ``flask``; empty: not known."""
    routes: list[str] = []
    """The paths that its framework knows, as far as it says them."""

    @property
    def place(self) -> str:
        """How servers name it: ``shop.wsgi:application``."""
        return f"{self.module}:{self.attribute}"
