"""An app of the user's own, which takes the place of the lab's behind every server."""

from enum import StrEnum

from msgspec import Struct


class Interface(StrEnum):
    """How a server calls an app."""

    WSGI = "wsgi"
    ASGI = "asgi"


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
    environment: list[str] = []
    """Names of variables that it gets from the user's environment; their values are not stored."""
    guard: bool = False
    """Whether the lab's checks of framing and digests are wrapped around it."""
    interface: Interface | None = None
    """None: not known yet."""

    @property
    def place(self) -> str:
        """How servers name it: ``shop.wsgi:application``."""
        return f"{self.module}:{self.attribute}"
