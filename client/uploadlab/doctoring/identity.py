"""Who wrote an answer, and what identifies itself on the way."""

from typing import NamedTuple

from uploadlab.model.exchanges import Exchange

ELICITING = {"an unknown version of HTTP": "GET {path} HTTP/9.9\r\nHost: {host}\r\nConnection: close\r\n\r\n"}
"""Harmless requests that a front refuses itself, by what is wrong with them."""


class Hop(NamedTuple):
    """A hop."""

    name: str
    version: str
    evidence: str


def answered_by(exchange: Exchange) -> Hop | None:
    """Return it."""
    return None


def hops(exchanges: list[Exchange]) -> list[Hop]:
    """Return it."""
    return []
