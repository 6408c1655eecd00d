"""curl as a sender: its own clock, and the same outcomes as ours."""

from pathlib import Path

import pytest
from uploadlab.catalogue.methods import METHODS
from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Status
from uploadlab.sending.upload import upload
from uploadlab.sending.verification import verify

from .fake_server import DROP, serve
from .helpers import need

CURL = METHODS["request.stream-curl"]


def test_a_file_is_sent_as_by_our_own_client(payload: Payload) -> None:
    need("curl")
    stored = {"size_bytes": payload.size_bytes, "digest": payload.digest}
    with serve(GET=(200, stored)) as fake:
        uploaded = upload(fake.url, CURL, payload, budget="60")
        outcome = verify(fake.url, uploaded, payload)
    assert fake.requests == ["PUT /request-stream", "GET /uploads/x", "DELETE /uploads/x"]
    assert fake.bodies[0] == Path(payload.path).read_bytes()
    assert (outcome.status, outcome.error, outcome.server_seconds) == (Status.OK, None, 0.1)
    assert outcome.seconds and outcome.connected_seconds and 0 < outcome.connected_seconds < outcome.seconds
    assert outcome.client_cpu_seconds
    assert outcome.client_peak_rss_bytes is None


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ((413, {"error": "too large"}), Status.REFUSED, "too large"),
        ((502, b"<html>"), Status.REFUSED, "Bad Gateway"),
        ((201, b""), Status.WRONG, "without an upload id or a Location"),
        (DROP, Status.FAILED, "curl: "),
    ],
)
def test_what_goes_wrong_is_what_the_row_says(
    payload: Payload, answer: object, status: Status, words: str
) -> None:
    need("curl")
    with serve(POST=answer) as fake:
        outcome = verify(fake.url, upload(fake.url, CURL, payload), payload)
    assert outcome.status is status
    assert words in str(outcome.error)


def test_without_curl_the_row_says_so(payload: Payload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    outcome = upload("http://127.0.0.1:9", CURL, payload).outcome
    assert (outcome.status, outcome.error) == (Status.FAILED, "curl is not installed: install it")
