"""Requests of tus 1.0 to the app of docs/recipes, as a client that keeps to no rule may send them."""

import socket
from collections.abc import Mapping
from typing import NamedTuple

import requests

from .recipes import Recipe

VERSION = {"Tus-Resumable": "1.0.0"}
KIND = "application/offset+octet-stream"


class Tus(NamedTuple):
    """The uploads of a server."""

    recipe: Recipe

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.recipe.port}/files"

    def ask(
        self, method: str, place: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> requests.Response:
        """A request to all uploads, or to the one at this path."""
        url = self.url.replace("/files", place) if place else self.url
        return requests.request(method, url, data=body, headers={**VERSION, **(headers or {})}, timeout=60)

    def begin(self, size_bytes: int, **more: str) -> str:
        """The path of a new upload."""
        answer = self.ask("POST", headers={"Upload-Length": str(size_bytes), **more})
        assert (answer.status_code, answer.headers["Tus-Resumable"]) == (201, "1.0.0"), answer.text
        return answer.headers["Location"]

    def patch(self, place: str, offset: int | str, body: bytes, **more: str) -> requests.Response:
        headers = {"Upload-Offset": str(offset), "Content-Type": KIND}
        return self.ask("PATCH", place, {**headers, **more}, body)

    def offset(self, place: str) -> int | None:
        """How much has arrived; None while another request has the upload."""
        answer = self.ask("HEAD", place)
        assert answer.status_code in (200, 423), answer.status_code
        return int(answer.headers["Upload-Offset"]) if answer.status_code == 200 else None

    def open(self, place: str, offset: int, length: int, body: bytes) -> socket.socket:
        """A connection that has sent this much of a body, and may go on or be closed."""
        client = socket.create_connection(("127.0.0.1", self.recipe.port), 60)
        lines = [
            f"PATCH {place} HTTP/1.1", "Host: recipe", "Tus-Resumable: 1.0.0", f"Upload-Offset: {offset}",
            f"Content-Type: {KIND}", f"Content-Length: {length}",
        ]  # fmt: skip
        client.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return client
