"""Every deployment, with its real server: each method stores each byte, or has a known defect."""

import http.client
import json
import socket
from subprocess import run

import pytest
import requests
from uploadlab.catalogue.methods import METHODS, methods_at
from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Status
from uploadlab.units import MIB

from .helpers import DEPLOYMENTS, RAW_ROUTES, hung_up, need, wait_until
from .running import Lab

pytestmark = pytest.mark.slow

CHUNKS = "request.stream-chunked"
# uWSGI never says that a chunked body ends, and Werkzeug then gives the app an empty stream.
# nginx may see uWSGI hang up on the body that nobody read, and answer 502.
DEFECTS = {
    ("uwsgi-default", CHUNKS): {Status.WRONG, Status.FAILED},
    ("nginx-uwsgi", CHUNKS): {Status.WRONG, Status.REFUSED},
}
CELLS = [(one.name, name) for one in DEPLOYMENTS.values() for name in methods_at(one)]
PLAIN = {"nginx-dav"}
"""A web server without an app tells no time of its own."""
TUNED = [one.name for one in DEPLOYMENTS.values() if one.tier == "tuned"]


@pytest.mark.parametrize(("name", "method"), CELLS)
def test_every_byte_arrives_or_the_defect_is_the_known_one(
    lab: Lab, payload: Payload, name: str, method: str
) -> None:
    others = DEPLOYMENTS[name].next if METHODS[method].hops else []
    for other in others:
        lab.target(DEPLOYMENTS[other])
    outcome = lab.client.measure(lab.target(DEPLOYMENTS[name]).url, method, payload, 60)
    if defect := DEFECTS.get((name, method)):
        assert outcome.status in defect, outcome
        assert outcome.stored_bytes in (0, None)
        for file in lab.stored_files(name):
            assert file.stat().st_size == 0  # accepted, though nginx told the client otherwise
            file.unlink()
        return
    assert (outcome.status, outcome.error) == (Status.OK, None)
    assert (outcome.stored_bytes, outcome.digest_ok) == (MIB, True)
    assert outcome.fallback is None
    assert outcome.seconds and outcome.client_cpu_seconds
    assert bool(outcome.server_seconds) == (name not in PLAIN)
    assert [lab.stored_files(one) for one in (name, *others)] == [[]] * (1 + len(others))


@pytest.mark.parametrize("name", TUNED)
@pytest.mark.parametrize(
    ("route", "words"),
    [("/request-stream", ["-T"]), ("/request-files", ["-F"]), ("/multipart-push", ["-F"])],
)
def test_curl_uploads_are_stored_whole(
    lab: Lab, payload: Payload, name: str, route: str, words: list[str]
) -> None:
    need("curl")
    url = lab.target(DEPLOYMENTS[name]).url
    file = payload.path if words == ["-T"] else f"file=@{payload.path}"
    sent = run(["curl", "-sS", *words, file, url + route], capture_output=True, check=True)
    answer = json.loads(sent.stdout)
    assert answer["size_bytes"] == MIB
    stored = requests.get(f"{url}/uploads/{answer['id']}", timeout=60).json()
    assert stored["digest"] == payload.digest
    requests.delete(f"{url}/uploads/{answer['id']}", timeout=60)


@pytest.mark.parametrize("name", TUNED)
def test_chunks_of_any_size_are_stored_whole(lab: Lab, name: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    chunks = [b"a", b"\r\n", b"bc" * 40_000, b"0", b"x" * (3 * MIB)]
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("PUT", "/request-stream", iter(chunks), encode_chunked=True)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["size_bytes"] == sum(map(len, chunks))
    stored = requests.get(f"{url}/uploads/{answer['id']}?digest=sha256", timeout=60).json()
    assert (lab.data / name / answer["id"]).read_bytes() == b"".join(chunks)
    assert stored["size_bytes"] == answer["size_bytes"]
    requests.delete(f"{url}/uploads/{answer['id']}", timeout=60)


def assert_nothing_stays(lab: Lab, name: str, client: int) -> None:
    """After a client that had this port has gone."""
    port = int(lab.targets[name].url.rpartition(":")[2])
    wait_until(lambda: hung_up(port, client))  # it has seen both what was sent and its end
    wait_until(lambda: not lab.stored_files(name))
    assert lab.client.wait_idle(lab.targets[name].url, 120)


@pytest.mark.parametrize(("name", "route"), RAW_ROUTES)
def test_an_upload_cut_short_leaves_nothing(lab: Lab, name: str, route: str) -> None:
    url = lab.target(DEPLOYMENTS[name]).url
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", route)
    connection.putheader("Content-Length", str(4 * MIB))
    connection.endheaders(b"x" * MIB)
    client = connection.sock.getsockname()[1]
    connection.close()
    assert_nothing_stays(lab, name, client)


@pytest.mark.parametrize("name", TUNED)
def test_a_chunked_upload_cut_short_leaves_nothing(lab: Lab, name: str) -> None:
    target = lab.target(DEPLOYMENTS[name])
    port = int(target.url.rpartition(":")[2])
    head = b"POST /request-stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for body in (b"", b"5\r\nwhole\r\n", b"5\r\nwhole\r\n100\r\nhalf"):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head + body)
            client = connection.getsockname()[1]
        assert_nothing_stays(lab, name, client)


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_health_names_the_deployment(lab: Lab, name: str) -> None:
    assert (
        requests.get(f"{lab.target(DEPLOYMENTS[name]).url}/healthz", timeout=60).json()["deployment"] == name
    )
