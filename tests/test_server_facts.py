"""docs/servers.md: what rows say of a server, and the cases that measure its limits."""

from typing import Any

import pytest
from uploadlab.analysis.cells import Summary
from uploadlab.analysis.server_facts import own_versions, server_facts
from uploadlab.checking import limit_probes, slow_clients
from uploadlab.checking.limit_probes import limit_rows
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.measurements import Status
from uploadlab.units import GIB, MIB

from .helpers import ALL_DEPLOYMENTS, need
from .running import Lab

CASES = ["silent-head", "silent-body", "slow-body", "first-byte", "slow-clients"]
FLASK = ALL_DEPLOYMENTS["flask"]


def tried(case: str, verdict: Verdict = Verdict.PASS, text: str = "", **more: Any) -> Check:
    fields = {"route": "/request-stream", "label": "", **more}
    return Check(case=case, deployment="flask", started_at="", verdict=verdict, text=text, **fields)


def cell(size_bytes: int, memory_bytes: int) -> Summary:
    return Summary("flask", "request.stream", size_bytes, Status.OK, 3, server_peak_rss_bytes=memory_bytes)


def facts(*rows: Check, cells: Any = ()) -> Any:
    return server_facts(FLASK, {}, rows, cells, streamed_seconds=1.5)


def test_a_chunked_body_is_kept_refused_or_lost() -> None:
    assert facts().chunked is None
    kept = tried("chunked", stored_bytes=9)
    assert facts(kept).chunked == "kept"
    assert facts(tried("chunked", text="411")).chunked == "refused"
    lost = tried("chunked", Verdict.LOSS, "201, 0 of 9 bytes stored")
    assert facts(kept, lost).chunked == "lost"
    assert facts(tried("chunked", Verdict.FAIL, "500 no")).chunked == "500 no"


def test_a_cut_body_is_noticed_unless_it_is_stored() -> None:
    unanswered = tried("client-gone", Verdict.FAIL, code="no-answer-reset")
    assert facts(unanswered).cut_noticed
    assert not facts(tried("client-gone", Verdict.FAIL, code="client-gone-but-stored")).cut_noticed
    in_chunks = facts(tried("client-gone"), tried("cut-chunks", Verdict.LOSS, label="chunked"))
    assert (in_chunks.cut_noticed, in_chunks.cut_chunks_noticed) == (True, False)


def test_a_malformed_body_is_refused_unless_it_is_stored() -> None:
    assert facts().malformed_refused is None
    hung_up = tried("chunk-sizes", Verdict.FAIL, code="no-answer-reset")
    assert facts(hung_up, tried("two-framings", text="400")).malformed_refused
    assert facts(hung_up, tried("bad-lengths", Verdict.FAIL, code="accepted-bad")).malformed_refused is False
    assert facts(hung_up, tried("chunk-ends", Verdict.LOSS, code="added-bytes")).malformed_refused is False


def test_the_largest_body_lies_between_two_sizes() -> None:
    refused = tried("over-100-mib", text="413", http_status=413)
    form = tried("over-16-mib", Verdict.FAIL, route="/request-files")
    found = facts(tried("over-16-mib"), form, refused)
    assert (found.most_bytes, found.refused_bytes) == (16 * MIB, 100 * MIB)


def test_where_a_body_waits() -> None:
    held, streamed = tried("first-byte", seconds=0.1), tried("first-byte", seconds=2.0)
    in_memory = [cell(256 * MIB, 300 * MIB), cell(GIB, 1100 * MIB)]
    elsewhere = [cell(256 * MIB, 50 * MIB), cell(GIB, 50 * MIB)]
    assert facts(streamed, cells=in_memory).waits == "streamed"
    assert facts(held, cells=in_memory).waits == "memory"
    assert facts(held, cells=elsewhere).waits == "disk"
    assert facts(held).waits == "held back"
    assert facts(cells=elsewhere).waits is None


def test_versions_are_those_of_the_deployments_own_programs() -> None:
    seen = {"flask": "3", "uwsgi": "2", "python": "3.11", "answered as": "nginx/1.22.1"}
    assert own_versions(ALL_DEPLOYMENTS["nginx-uwsgi"], seen) == {"uwsgi": "2", "nginx": "1.22.1"}


@pytest.mark.parametrize(("name", "beside"), [("flask", "2 do not stop it"), ("gunicorn", "1 stops it")])
def test_limits_are_measured_whether_a_server_answers_others_meanwhile_or_not(
    lab: Lab, name: str, beside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_clients, "MOST_SLOW_CLIENTS", 2)
    monkeypatch.setattr(limit_probes, "LADDER_SECONDS", 2)
    monkeypatch.setattr(limit_probes, "APART_SECONDS", 0.5)
    rows = {row.case: row for row in limit_rows(lab.target(ALL_DEPLOYMENTS[name]), CASES)}
    assert {row.verdict for row in rows.values()} == {Verdict.PASS}, rows
    assert [rows[case].text for case in CASES] == ["over 2 s", "over 2 s", "over 2 s", "streamed", beside]
    assert rows["first-byte"].seconds


def test_a_limit_is_the_time_until_the_server_ends_the_connection(lab: Lab) -> None:
    need("uwsgi")
    (row,) = limit_rows(lab.target(ALL_DEPLOYMENTS["uwsgi-default"]), ["silent-body"])
    assert row.text == "4 s, 408 REQUEST TIMEOUT"
    assert row.seconds == pytest.approx(4, abs=2)
