"""One upload in several requests: what its ways to go on after a break share, and which way a method has."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, NamedTuple, cast

import requests

from uploadlab.catalogue.methods import GoesOn, Method, Part
from uploadlab.catalogue.payloads import Payload
from uploadlab.sending.limited_answer import AnswerFault
from uploadlab.sending.persistence import Persistent, Route
from uploadlab.sending.source import AnnouncedFile

UPLOAD_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class LastAnswer(NamedTuple):
    """The answer that ends an upload."""

    response: requests.Response
    location: str | None
    """Where the upload can be read back."""


class FileInPieces(NamedTuple):
    """A file to send in several requests, and where to."""

    url: str
    method: Method
    payload: Payload
    route: Route

    @property
    def goes_on(self) -> GoesOn:
        """How the method does so."""
        if self.method.goes_on is None:
            raise ValueError(f"{self.method.name} sends one request")
        return self.method.goes_on

    @property
    def address(self) -> str:
        """Where uploads begin."""
        return self.url + self.method.route

    def piece_bytes(self, start: int) -> int:
        """Return how many bytes the request has that begins there."""
        left = self.payload.size_bytes - start
        return min(self.goes_on.piece_bytes or left, left)

    def piece(self, file: AnnouncedFile, start: int) -> dict[str, Any]:
        """Return body and headers of the request that begins there."""
        count = self.piece_bytes(start)
        file.select(start, count)
        return self.method.send(cast(BinaryIO, file), count, Part())

    @contextmanager
    def opened(self) -> Iterator[tuple[AnnouncedFile, Persistent]]:
        """Open the file, and a connection that is made when it is needed."""
        with open(self.payload.path, "rb") as file, Persistent(self.route) as target:
            yield AnnouncedFile(file, self.payload.path, self.payload.size_bytes), target


def checked_id(text: object, route: str) -> str:
    """Return an upload's id, which the server has made; raise AnswerFault for any other text."""
    if not isinstance(text, str) or not UPLOAD_ID.fullmatch(text):
        raise AnswerFault(f"the server does not name the upload that it has begun at {route}")
    return text


def abandon(target: Persistent, address: str, **more: Any) -> None:
    """Remove what a server has of an upload that will not be completed. What stays, expires there."""
    with suppress(requests.RequestException, OSError):
        target.once("DELETE", address, **more)
