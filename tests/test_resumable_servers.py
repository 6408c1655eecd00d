"""Uploads that go on later, at each server that must deliver every byte: all of a request reaches the app."""

import base64
import hashlib
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from uploadlab.catalogue.payloads import Payload
from uploadlab.units import MIB

from .helpers import DEPLOYMENTS, wait_until
from .resuming import KIND, TUS
from .running import Lab

pytestmark = pytest.mark.slow

TUNED = [one.name for one in DEPLOYMENTS.values() if one.tier == "tuned"]
SENT = {**TUS, "Content-Type": KIND}


class Server:
    """One server, asked by plain requests."""

    def __init__(self, url: str) -> None:
        self.address = url.removeprefix("http://")

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | Iterator[bytes] = b""
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        with closing(http.client.HTTPConnection(self.address, timeout=60)) as connection:
            if isinstance(body, bytes):
                connection.request(method, path, body, headers | {"Content-Length": str(len(body))})
            else:
                chunked = headers | {"Transfer-Encoding": "chunked"}
                connection.request(method, path, body, chunked, encode_chunked=True)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def begin(self, size_bytes: int) -> str:
        status, headers, _ = self.ask("POST", "/resumable", {**TUS, "Upload-Length": str(size_bytes)})
        assert status == 201
        return str(headers["Location"])

    def offset(self, path: str) -> int | None:
        """None while another request writes."""
        status, headers, _ = self.ask("HEAD", path, TUS)
        assert status in (200, 423)
        return int(headers["Upload-Offset"]) if status == 200 else None

    def end_with(self, path: str, data: bytes) -> bool:
        """Send all that is missing; return whether it was taken."""
        if (offset := self.offset(path)) is None:
            return False
        status, _, _ = self.ask("PATCH", path, {**SENT, "Upload-Offset": str(offset)}, data[offset:])
        assert status in (204, 409, 423)
        return status == 204

    def digest(self, upload_id: str) -> str:
        """The digest of a stored file, which is then removed."""
        status, _, body = self.ask("GET", f"/uploads/{upload_id}", {})
        assert status == 200
        assert self.ask("DELETE", f"/uploads/{upload_id}", {})[0] == 204
        return str(json.loads(body)["digest"])


@pytest.fixture(params=TUNED)
def server(lab: Lab, request: pytest.FixtureRequest) -> Server:
    return Server(lab.target(DEPLOYMENTS[request.param]).url)


def test_each_method_and_header_of_the_protocol_reaches_the_app(server: Server, payload: Payload) -> None:
    data = Path(payload.path).read_bytes()
    path = server.begin(len(data))
    assert server.ask("OPTIONS", path, {})[1]["Tus-Version"] == "1.0.0"
    blocks = iter([data[:100_000], data[100_000:500_000]])
    status, headers, _ = server.ask("PATCH", path, {**SENT, "Upload-Offset": "0"}, blocks)
    assert (status, headers["Upload-Offset"]) == (204, "500000")
    wrong = f"sha1 {base64.b64encode(hashlib.sha1(b'').digest()).decode()}"
    at = {**SENT, "Upload-Offset": "500000"}
    assert server.ask("PATCH", path, {**at, "Upload-Checksum": wrong}, data[500_000:])[0] == 460
    status, headers, body = server.ask("PATCH", path, {**SENT, "Upload-Offset": "1"}, data[1:])
    assert (status, list(json.loads(body))) == (409, ["error"])
    assert server.offset(path) == 500_000
    assert server.ask("POST", path, {**at, "X-HTTP-Method-Override": "PATCH"}, data[500_000:])[0] == 204
    assert server.digest(path.rpartition("/")[2]) == payload.digest
    assert server.ask("DELETE", server.begin(1), TUS)[0] == 204


def test_an_upload_goes_on_after_a_cut(server: Server, payload: Payload) -> None:
    data = Path(payload.path).read_bytes()
    path = server.begin(len(data))
    head = {**SENT, "Host": server.address, "Upload-Offset": "0", "Content-Length": str(len(data))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    host, _, port = server.address.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"PATCH {path} HTTP/1.1\r\n{lines}\r\n".encode() + data[: MIB // 2])
    wait_until(lambda: server.end_with(path, data))
    assert server.digest(path.rpartition("/")[2]) == payload.digest


def test_parts_become_one_file(server: Server, payload: Payload) -> None:
    data, part_bytes = Path(payload.path).read_bytes(), 300_000
    status, headers, _ = server.ask("POST", f"/parts?size={len(data)}&part={part_bytes}", {})
    assert status == 201
    path = headers["Location"]
    for number in (3, 0, 2, 1, 0):
        part = data[number * part_bytes : (number + 1) * part_bytes]
        assert server.ask("PUT", f"{path}/{number}", {}, part)[0] == 204
    assert json.loads(server.ask("GET", path, {})[2])["missing"] == []
    assert server.ask("POST", path, {})[0] == 201
    assert server.digest(path.rpartition("/")[2]) == payload.digest
