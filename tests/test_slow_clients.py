"""The case ``slow-clients``: how many clients in mid-upload keep a server from answering another one."""

import pytest
from uploadlab.checking import slow_clients
from uploadlab.checking.slow_clients import slow_clients_row
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Target

from .pooled_server import PooledServer


def row_of(threads: int, flaw: str = "") -> Check:
    with PooledServer(threads, flaw).running() as url:
        return slow_clients_row(Target("pooled", url, "stock", accepts=["request.stream"]))


def test_the_number_is_that_of_the_servers_threads() -> None:
    row = row_of(threads=3)
    assert (row.verdict, row.text) == (Verdict.PASS, "3 stop it")
    assert (row.stopped_by, row.in_app) == (3, 2)


@pytest.mark.parametrize(
    ("flaw", "text", "in_app"),
    [("", "4 do not stop it", 4), ("buffers", "4 do not stop it, none in the app", 0)],
)
def test_a_server_that_is_not_stopped_says_how_many_uploads_its_app_has(
    monkeypatch: pytest.MonkeyPatch, flaw: str, text: str, in_app: int
) -> None:
    monkeypatch.setattr(slow_clients, "MOST_SLOW_CLIENTS", 4)
    row = row_of(threads=9, flaw=flaw)
    assert (row.verdict, row.text, row.stopped_by, row.in_app) == (Verdict.PASS, text, None, in_app)


def test_a_refusal_stops_the_other_client_too() -> None:
    row = row_of(threads=9, flaw="sheds")
    assert (row.verdict, row.text, row.stopped_by) == (Verdict.PASS, "1 stops it (503 busy)", 1)


def test_a_server_must_answer_again_when_they_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(slow_clients, "RECOVERY_SECONDS", 0.5)  # it never answers
    row = row_of(threads=1, flaw="hangs")
    assert (row.verdict, row.code) == (Verdict.FAIL, "not-recovered")
    assert row.text == "1 stops it, and it does not answer after they left"


def test_a_server_that_takes_no_upload_has_no_such_limit() -> None:
    row = row_of(threads=1, flaw="refuses")
    assert (row.verdict, row.code, row.text) == (Verdict.FAIL, "not-taken", "500 none today")
    assert row.stopped_by is None
