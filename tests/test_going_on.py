"""Methods that go on after a break: at a server that cuts and refuses, and over a line that is cut."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.clients import LAB_METHODS, all_methods_at, sent_by
from uploadlab.catalogue.methods import OWN_METHODS, GoesOn
from uploadlab.catalogue.payloads import Payload, write_payload
from uploadlab.catalogue.resumable import RESUMABLE
from uploadlab.declared.plans import load_plan
from uploadlab.model.deployments import EXTERNAL, Target
from uploadlab.model.links import Cut, CutBy, Link, Range
from uploadlab.model.measurements import Outcome, Status
from uploadlab.model.order import Order
from uploadlab.model.targets import StatusRange, TargetSpec
from uploadlab.paths import PLANS
from uploadlab.planning.cells import plan_cells
from uploadlab.planning.check_cells import routes
from uploadlab.processes.groups import Processes
from uploadlab.runtimes.addresses import address_of
from uploadlab.runtimes.link.lines import Links
from uploadlab.sending import upload as upload_module
from uploadlab.sending.persistence import Patience, Route
from uploadlab.sending.upload import upload
from uploadlab.sending.verification import verify
from uploadlab.units import MIB

from .helpers import DEPLOYMENTS
from .helpers import lab as command
from .resuming_server import LOST, SILENT, Resuming, resuming_server
from .running import Lab

SIZE_BYTES = 3 * MIB + 12_345
BY_OFFSET = [name for name in RESUMABLE if name.startswith("resumable")]
CUTS = [1, 600_000, 1_000_000, 1_700_001]
FEW = 256 << 10
"""What a system holds of what its peer has not read: the client has handed over that much more."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Payload:
    return write_payload(tmp_path_factory.mktemp("going-on") / "a", SIZE_BYTES)


@pytest.fixture
def server() -> Iterator[Resuming]:
    with resuming_server() as server:
        yield server


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "Route", partial(Route, patience=Patience(pauses=(0.0,) * 4)))


def goes_on(method: str) -> GoesOn:
    found = LAB_METHODS[method].goes_on
    assert found
    return found


def sent(server: Resuming, method: str, file: Payload) -> Outcome:
    """What came of an upload; in parts that are small enough for several connections."""
    found = LAB_METHODS[method]
    if method == "parts":
        found = found._replace(goes_on=goes_on(method)._replace(piece_bytes=MIB))
    return verify(server.url, upload(server.url, found, file, budget="60"), file)


@pytest.mark.parametrize("method", RESUMABLE)
def test_every_byte_arrives_whatever_is_cut(server: Resuming, file: Payload, method: str) -> None:
    server.cuts = list(CUTS)
    outcome = sent(server, method, file)
    assert (outcome.status, outcome.error, outcome.digest_ok) == (Status.OK, None, True)
    assert (server.cuts, outcome.breaks) == ([], len(CUTS))
    assert outcome.sent_bytes and server.arrived <= outcome.sent_bytes
    assert outcome.seconds and outcome.client_cpu_seconds and outcome.connected_seconds


@pytest.mark.parametrize("method", RESUMABLE)
def test_a_line_that_is_not_cut_gets_each_byte_once(server: Resuming, file: Payload, method: str) -> None:
    outcome = sent(server, method, file)
    assert (outcome.status, outcome.sent_bytes, outcome.breaks) == (Status.OK, SIZE_BYTES, 0)
    assert "HEAD /resumable/ID" not in server.requests
    assert server.connections <= 1 + 2 + goes_on(method).connections  # to read back, to remove


@pytest.mark.parametrize("method", BY_OFFSET)
def test_after_a_cut_the_server_has_each_byte_only_once(server: Resuming, file: Payload, method: str) -> None:
    server.cuts = list(CUTS)
    outcome = sent(server, method, file)
    assert server.arrived == SIZE_BYTES
    most = min(goes_on(method).piece_bytes or SIZE_BYTES, 4 * MIB)
    assert (outcome.sent_bytes or 0) <= SIZE_BYTES + len(CUTS) * most


def test_a_whole_retry_sends_all_again(server: Resuming, file: Payload) -> None:
    server.cuts = [MIB, 2 * MIB]
    outcome = sent(server, "request.stream-retried", file)
    assert server.arrived == 2 * MIB + SIZE_BYTES
    assert (outcome.sent_bytes or 0) >= server.arrived


@pytest.mark.parametrize("status", [409, 423, 408, 503])
def test_an_answer_that_may_pass_is_followed_by_a_question(
    server: Resuming, file: Payload, status: int
) -> None:
    server.instead = [("PATCH", status), ("HEAD", status)]
    outcome = sent(server, "resumable", file)
    assert (outcome.status, outcome.breaks) == (Status.OK, 1)
    first = ["POST /resumable", "PATCH /resumable/ID", *["HEAD /resumable/ID"] * 2, "PATCH /resumable/ID"]
    assert server.requests[:5] == first


@pytest.mark.parametrize("status", [404, 413, 507])
@pytest.mark.parametrize(
    ("method", "verb"), [("resumable-1m", "PATCH"), ("parts", "PUT"), ("request.stream-retried", "PUT")]
)
def test_a_refusal_is_not_tried_again_and_what_came_is_removed(
    server: Resuming, file: Payload, method: str, verb: str, status: int
) -> None:
    server.instead = [(verb, status)]
    outcome = sent(server, method, file)
    assert (outcome.status, outcome.http_status, outcome.breaks) == (Status.REFUSED, status, 0)
    if method != "request.stream-retried":
        assert server.requests[-1] == f"DELETE /{method.partition('-')[0]}/ID"


@pytest.mark.parametrize("verb", ["POST", "PATCH", "HEAD"])
def test_an_answer_that_is_lost_is_asked_for_again(server: Resuming, file: Payload, verb: str) -> None:
    server.cuts = [MIB]
    server.instead = [(verb, LOST)]
    outcome = sent(server, "resumable", file)
    assert (outcome.status, server.arrived) == (Status.OK, SIZE_BYTES)


def test_a_part_whose_answer_is_lost_is_not_sent_again(server: Resuming, file: Payload) -> None:
    server.instead = [("PUT", LOST), ("POST", LOST), ("GET", 503)]
    outcome = sent(server, "parts", file)
    assert (outcome.status, outcome.breaks, server.arrived) == (Status.OK, 1, SIZE_BYTES)


def test_a_line_that_goes_silent_is_left(
    server: Resuming, file: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "Route", partial(Route, patience=Patience(silence_seconds=0.3)))
    server.instead = [("PATCH", SILENT)]
    outcome = sent(server, "resumable", file)
    assert (outcome.status, outcome.breaks) == (Status.OK, 1)
    assert FEW < (outcome.sent_bytes or 0) - SIZE_BYTES < SIZE_BYTES  # the system took no more


@pytest.mark.parametrize("method", RESUMABLE)
@pytest.mark.usefixtures("no_pauses")
def test_the_tries_without_progress_are_counted(server: Resuming, file: Payload, method: str) -> None:
    server.cuts = [1] * 200  # in front of all bytes but the first one
    outcome = sent(server, method, file)
    assert outcome.status is Status.FAILED
    assert len(server.cuts) > 100
    assert outcome.breaks and outcome.sent_bytes


@pytest.mark.usefixtures("no_pauses")
def test_a_server_that_is_always_busy_is_shown_as_it_answers(server: Resuming, file: Payload) -> None:
    server.instead = [("PATCH", 423)] * 100
    outcome = sent(server, "resumable", file)
    assert (outcome.status, outcome.http_status, outcome.error) == (Status.REFUSED, 423, "not now")


LIES = {
    "an offset behind the end": {"Upload-Offset": str(SIZE_BYTES + 1)},
    "an offset that does not grow": {"Upload-Offset": "0"},
    "no number": {"Upload-Offset": "-1"},
    "a number without end": {"Upload-Offset": "9" * 5000},
    "no upload": {"Location": "/resumable/../../healthz"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_lies_is_a_failed_upload(server: Resuming, file: Payload, lie: str) -> None:
    server.headers = LIES[lie]
    outcome = sent(server, "resumable-1m", file)
    assert outcome.status is Status.FAILED
    assert "the server" in str(outcome.error)


@pytest.mark.parametrize("method", RESUMABLE)
def test_a_server_that_is_not_there_is_not_waited_for(file: Payload, method: str) -> None:
    outcome = upload("http://127.0.0.1:9", LAB_METHODS[method], file).outcome
    assert (outcome.status, outcome.breaks, outcome.sent_bytes) == (Status.FAILED, 0, 0)


def test_only_who_names_them_gets_them() -> None:
    flask = DEPLOYMENTS["flask"].target()
    foreign = Target(
        "mine", "http://127.0.0.1:1/up", tier=EXTERNAL, spec=TargetSpec(expect_status=[StatusRange(200, 200)])
    )
    assert set(RESUMABLE) <= set(all_methods_at(flask))
    assert not set(RESUMABLE) & {*all_methods_at(foreign), *all_methods_at(DEPLOYMENTS["nginx-dav"])}
    assert not set(RESUMABLE) & set(OWN_METHODS)  # of "*", and of Locust
    for plan in ("quick", "smoke"):
        cells = plan_cells(load_plan(plan, PLANS), Order(), [flask])
        assert not {planned.cell.method for planned in cells} & set(RESUMABLE)
    tried = {route for case in CASES.values() for one in case.attempts() for route in routes(flask, one)}
    assert not {"/resumable", "/parts"} & tried
    with pytest.raises(KeyError, match="after a break"):
        sent_by(LAB_METHODS["resumable"], "curl")
    load = command("run", "--load", "--methods", "resumable", "--deployments", "flask", "--plan", "smoke")
    assert load.returncode == 2 and "resumable" in load.stderr


CUT = Link(
    name="cut", title="a line that breaks", up=50_000_000, round_trip=0.002,
    cuts=[Cut(Range(200_000, 500_000), by) for by in (CutBy.RST, CutBy.FIN, CutBy.RST)],
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("method", RESUMABLE)
def test_a_real_server_gets_every_byte_over_a_line_that_is_cut(
    lab: Lab, tmp_path: Path, file: Payload, method: str
) -> None:
    url = lab.target(DEPLOYMENTS["gunicorn-gthread"]).url
    with Processes() as processes:
        line = Links(processes).open(CUT, *address_of(url), seed="1")
        outcome = lab.client.measure(url, method, file, 60, through=(line.host, line.port))
    assert (outcome.status, outcome.error, outcome.digest_ok) == (Status.OK, None, True)
    assert outcome.breaks and outcome.sent_bytes and outcome.sent_bytes > SIZE_BYTES
    assert outcome.server_cpu_seconds is not None
    assert lab.stored_files("gunicorn-gthread") == []
