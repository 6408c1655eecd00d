"""Resumable uploads by the clients that people use: to each tuned deployment, also where the line is cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from uploadlab.catalogue.clients import CLIENT_METHODS, CLIENTS
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.model.measurements import Status
from uploadlab.sending.program_uploads import ProgramSender
from uploadlab.sending.upload import upload
from uploadlab.sending.verification import verify
from uploadlab.units import MIB

from .cutting import Passed, cut
from .helpers import DEPLOYMENTS, leave_out
from .running import Lab
from .test_client_programs import NEED

pytestmark = pytest.mark.slow

ONE, CHUNKS = "resumable", "resumable-8m"
CHUNK_BYTES = 8 * MIB
SENDERS = [name for name, client in CLIENTS.items() if ONE in client.ways]
TUNED_ROWS = [name for name, deployment in DEPLOYMENTS.items() if deployment.tier == "tuned"]
KEEP_NOTHING = ("uwsgi-buffering", "nginx-offload")
"""They take the whole body of a request before the app sees any of it."""
NEVER = 1 << 62


@pytest.fixture(scope="module")
def sender() -> Iterator[ProgramSender]:
    """A program a client, for all tests of this file."""
    made = ProgramSender()
    yield made
    made.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Payload]:
    """What is sent by each way: of the second, the second chunk is a short one."""
    folder = tmp_path_factory.mktemp("files")
    sizes = {ONE: 3 * MIB, CHUNKS: CHUNK_BYTES + 1000}
    return {way: write_payload(folder / way, size_bytes) for way, size_bytes in sizes.items()}


def sent(lab: Lab, sender: ProgramSender, name: str, file: Payload, after_bytes: int) -> list[Passed]:
    """Send a file over a line that is cut after that many bytes; return the requests of a whole upload."""
    deployment, way = name.split("/")
    target, method = lab.target(DEPLOYMENTS[deployment]), CLIENT_METHODS[way]
    with cut(int(target.url.rpartition(":")[2]), after_bytes) as (port, line):
        through = ("127.0.0.1", port)
        sender.prepare(method, target.url, file, through)
        uploaded = upload(target.url, method, file, programs=sender, through=through)
        outcome = verify(target.url, uploaded, file)
    if outcome.status is Status.UNAVAILABLE:
        leave_out(NEED, str(outcome.error))
    assert (outcome.status, outcome.error, outcome.digest_ok) == (Status.OK, None, True)
    assert line.cuts == (after_bytes < file.size_bytes)
    return line.passed


def rows_of(client: str) -> list[str]:
    """Chromium takes 3 CPU seconds for each: it is tried where bodies are kept, and where they are not."""
    return ["uwsgi-tuned", "nginx-offload"] if client == "chromium" else TUNED_ROWS


SENT_TO = [
    pytest.param(deployment, client, marks=pytest.mark.chromium if client == "chromium" else ())
    for client in SENDERS
    for deployment in rows_of(client)
]


@pytest.mark.parametrize(("deployment", "client"), SENT_TO)
def test_a_client_sends_all_in_chunks(
    lab: Lab, sender: ProgramSender, files: dict[str, Payload], deployment: str, client: str
) -> None:
    passed = sent(lab, sender, f"{deployment}/{client}.{CHUNKS}", files[CHUNKS], NEVER)
    patches = [(request.offset, request.answered_offset) for request in passed if request.verb == "PATCH"]
    end = files[CHUNKS].size_bytes
    # A kept connection that the server closes without a word costs a further try.
    assert [found for found in patches if found[1]] == [(0, CHUNK_BYTES), (CHUNK_BYTES, end)]


@pytest.mark.parametrize(("deployment", "client"), SENT_TO)
def test_a_client_goes_on_from_where_the_server_has_stopped(
    lab: Lab, sender: ProgramSender, files: dict[str, Payload], deployment: str, client: str
) -> None:
    passed = sent(lab, sender, f"{deployment}/{client}.{ONE}", files[ONE], MIB)
    *before, last = passed
    assert (last.verb, last.status) == ("PATCH", 204)
    # Of POST, which says 0, where Chromium by itself sends a request again whose connection broke.
    told = [request.answered_offset for request in before if request.verb in ("POST", "HEAD")]
    assert last.offset == told[-1]
    assert bool(last.offset) == (deployment not in KEEP_NOTHING)


def test_what_is_not_installed_says_what_to_type(
    files: dict[str, Payload], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploadlab.sending.programs.client_environment", lambda name: tmp_path / name)
    method, file = CLIENT_METHODS["node.resumable"], files[ONE]
    outcome = upload("http://127.0.0.1:9", method, file).outcome
    assert outcome.status is Status.UNAVAILABLE
    assert outcome.error in (
        "node cannot send this: tus-js-client is not installed: ./scripts/install clients may fix that; "
        "containers have none",
        "Node is not installed: ./scripts/install clients may fix that",
    )
