"""Each method's body, sent by the client's own libraries into a socket that leads nowhere."""

import io
from collections.abc import Iterator

import pytest
import requests
from uploadlab.catalogue.methods import BLOCK_BYTES, OWN_METHODS, Method, Part
from uploadlab.catalogue.payloads import Payload
from urllib3.connection import HTTPConnection

from .conftest import Measure
from .inputs import read_through


class Nowhere:
    """As much of a socket as a sender needs; it takes everything at once."""

    sent_bytes = 0

    def settimeout(self, seconds: float | None) -> None:
        """It never waits."""

    def sendall(self, data: bytes) -> None:
        """Throw it away."""
        self.sent_bytes += len(data)

    def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def file(payload: Payload) -> Iterator[io.BufferedReader]:
    with open(payload.path, "rb") as opened:
        yield opened


def send(method: Method, file: io.BufferedReader, size_bytes: int) -> Nowhere:
    """Send the file as requests and its adapter do; returns where to."""
    words = method.send(file, size_bytes, Part())
    request = requests.Request(method.verb, "http://nowhere/", **words).prepare()
    connection, nowhere = HTTPConnection("nowhere", blocksize=BLOCK_BYTES), Nowhere()
    vars(connection)["sock"] = nowhere
    is_chunked = "Content-Length" not in request.headers
    connection.request(method.verb, "/", request.body, request.headers, chunked=is_chunked)
    return nowhere


def test_reading_only(measure: Measure, payload: Payload, file: io.BufferedReader) -> None:
    def read() -> None:
        file.seek(0)
        read_through(file, BLOCK_BYTES)

    measure("send", payload.size_bytes, read)


@pytest.mark.parametrize("method", OWN_METHODS.values(), ids=OWN_METHODS)
def test_sender(measure: Measure, payload: Payload, file: io.BufferedReader, method: Method) -> None:
    def once() -> None:
        file.seek(0)
        assert send(method, file, payload.size_bytes).sent_bytes > payload.size_bytes  # by the head, at least

    measure("send", payload.size_bytes, once)
