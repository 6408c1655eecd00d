"""An upload beside a crowd of clients: at a server with one slot, and at one with a slot for each."""

from pathlib import Path

import msgspec
import pytest
from uploadlab.catalogue.attempts import Attempt
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.registry import CaseKind
from uploadlab.checking.probe import probe, probes
from uploadlab.model.checks import Verdict
from uploadlab.model.deployments import Target
from uploadlab.model.order import Order
from uploadlab.storage.run_folder import RunFolder

from .raw_server import keep
from .strict_server import StrictServer, strictly
from .test_check import CHECKED, Watch, check_stage

CROWDS = [name for name, known in CASES.items() if known.kind is CaseKind.CROWD]
HUNDRED_TIMES = 1000.0
"""Seconds that no upload takes, on any machine."""


def usual(case: str, seconds: float) -> Attempt:
    """The attempt of a case that is made by default, with another bound."""
    (attempt,) = (attempt for attempt in CASES[case].attempts() if not attempt.large)
    return attempt._replace(within_seconds=seconds)


def at(server: StrictServer) -> Target:
    return Target("mine", server.url, "tuned", accepts=["request.stream"])


@pytest.mark.parametrize("case", CROWDS)
def test_a_server_that_waits_for_the_crowd_is_late(case: str) -> None:
    with strictly("one slot") as server:
        row = probe(at(server), case, usual(case, 0.2), "/request-stream")
        assert server.stored == {}
    assert (row.verdict, row.code) == (Verdict.FAIL, "late")
    assert "201, but not within 0.2 s beside 16 " in row.text


@pytest.mark.parametrize("case", CROWDS)
def test_a_server_with_a_slot_for_each_is_in_time(case: str) -> None:
    with strictly() as server:
        row = probe(at(server), case, usual(case, HUNDRED_TIMES), "/request-stream")
        assert len(server.threads) > 16
    assert (row.verdict, row.label) == (Verdict.PASS, "16 clients")


def test_the_clients_of_a_crowd_send_what_the_case_says() -> None:
    sent = {}
    for case in CROWDS:
        with keep(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") as server:
            probe(Target("mine", server.url, accepts=["request.stream"]), case, usual(case, 0.2), "/path")
        sent[case] = server.received[1:17]  # the first connection asks what is stored
    assert set(sent["crowd-idle"]) == {b""}
    (stalled,) = set(sent["crowd-stalled"])
    assert stalled.startswith(b"PUT /path HTTP/1.1\r\n")
    assert b"\r\nContent-Length: 100000\r\n" in stalled and stalled.endswith(b"\r\n\r\nabc")
    assert {text.rstrip(b"o") for text in sent["crowd-slow-header"]} == {b"PUT /upl"}
    assert {len(clients) for clients in sent.values()} == {16}


def test_larger_crowds_come_only_where_large_ones_are_asked_for() -> None:
    for case in CROWDS:
        sizes = [attempt.crowd.clients for attempt in CASES[case].attempts() if attempt.crowd]
        assert sizes[:2] == [16, 64]
        assert [attempt.large for attempt in CASES[case].attempts()] == [False] + [True] * (len(sizes) - 1)
    with strictly() as server:
        assert [row.label for row in probes(at(server), "crowd-stalled")] == ["16 clients"]
        labels = [row.label for row in probes(at(server), "crowd-stalled", large=True)]
    assert labels == ["16 clients", "64 clients"]


@pytest.mark.parametrize("large", [False, True])
def test_a_check_ends_with_its_crowds(tmp_path: Path, large: bool) -> None:
    order = Order(large=large)
    run = msgspec.structs.replace(CHECKED, checks=["crowd-stalled", "one-byte", "post"], order=order)
    with strictly() as first, strictly() as second:
        run.targets = [
            msgspec.structs.replace(at(first), name="a"),
            msgspec.structs.replace(at(second), name="b"),
        ]
        stage = check_stage(run, tmp_path)
        stage.execute(stage.remaining(), Watch())
    rows = RunFolder(tmp_path).read_checks()
    assert [row.case for row in rows][4:] == ["crowd-stalled"] * (4 if large else 2)
    assert {row.verdict for row in rows} == {Verdict.PASS}
