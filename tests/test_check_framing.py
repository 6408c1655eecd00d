"""The cases of whole kinds, against a server that follows the standard, and against servers with a flaw."""

import pytest
from uploadlab.catalogue.cases import CASES
from uploadlab.checking.probe import probes
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import Target

from .strict_server import strictly

STRICT = [
    "bad-lengths", "repeated-lengths", "unusual-lengths", "transfer-codings", "unusual-codings", "no-length",
    "http-1.0", "content-range", "chunk-forms", "chunk-sizes", "chunk-ends", "short-form", "long-heads",
    "too-long-heads", "request-lines", "wrong-methods", "kept-connection", "short-body", "two-framings",
    "cut-chunks", "content-encoding", "hidden-request", "digest", "digest-cut",
]  # fmt: skip


def tried(case: str, *flaws: str) -> list[Check]:
    """Every attempt of a case whose body is a plain file."""
    with strictly(*flaws) as server:
        # A deployment of the lab, so that it has to report what it has stored.
        return list(probes(Target("mine", server.url, "tuned", accepts=["request.stream"]), case))


@pytest.mark.parametrize("case", STRICT)
def test_a_server_that_follows_the_standard_passes(case: str) -> None:
    rows = tried(case)
    assert len(rows) == sum(not attempt.form for attempt in CASES[case].attempts())
    assert [(row.label, row.code, row.text) for row in rows if row.verdict is not Verdict.PASS] == []


FLAWS = [
    ("int", "bad-lengths", "plus", Verdict.FAIL, "accepted-bad"),
    ("int", "bad-lengths", "underscore", Verdict.FAIL, "accepted-bad"),
    ("int", "bad-lengths", "minus", Verdict.LOSS, "lost-all"),
    ("int", "bad-lengths", "empty", Verdict.LOSS, "lost-all"),
    ("int", "repeated-lengths", "two lines, the wrong first", Verdict.LOSS, "lost-part"),
    ("codings", "transfer-codings", "chunked, gzip, chunked", Verdict.FAIL, "accepted-bad"),
    ("nothing", "no-length", "PUT, nothing sent", Verdict.FAIL, "accepted-bad"),
    ("nothing", "no-length", "POST", Verdict.LOSS, "lost-all"),
    ("parts", "content-range", "the end", Verdict.FAIL, "accepted-bad"),
    ("last chunks", "chunk-sizes", "chunked, 0x, all", Verdict.LOSS, "lost-all"),
    ("last chunks", "chunk-sizes", "chunked, 0x, after a good one", Verdict.LOSS, "lost-part"),
    ("last chunks", "chunk-ends", "chunked, no last chunk", Verdict.FAIL, "accepted-bad"),
    ("short", "short-form", "10 KB", Verdict.FAIL, "accepted-bad"),
    ("pages", "request-lines", "HTTP/9.9", Verdict.FAIL, "no-json"),
    ("pages", "too-long-heads", "URL", Verdict.FAIL, "no-json"),
    ("no Allow", "wrong-methods", "PATCH", Verdict.FAIL, "no-allow"),
    ("hangs up", "kept-connection", "two", Verdict.FAIL, "no-answer-"),
    ("cut", "cut-chunks", "chunked, close after a chunk", Verdict.FAIL, "client-gone-but-stored"),
    ("cut", "cut-chunks", "chunked, half-closed inside a chunk", Verdict.LOSS, "lost-part"),
    ("cut", "digest-cut", "chunked, close after a chunk", Verdict.FAIL, "client-gone-but-stored"),
    ("unread", "hidden-request", "over the limit", Verdict.FAIL, "status-413-but-stored"),
    ("decodes", "content-encoding", "gzip", Verdict.LOSS, "added-bytes"),
    ("pages", "digest-malformed", "no base64", Verdict.FAIL, "accepted-bad"),
]


@pytest.mark.parametrize(("flaw", "case", "label", "verdict", "code"), FLAWS)
def test_a_flaw_is_found(flaw: str, case: str, label: str, verdict: Verdict, code: str) -> None:
    rows = {row.label: row for row in tried(case, flaw)}
    assert rows[label].verdict is verdict
    assert rows[label].code.startswith(code)


def test_a_server_that_says_close_may_close() -> None:
    with strictly("hangs up", "says close") as server:
        rows = list(
            probes(Target("mine", server.url, "tuned", accepts=["request.stream"]), "kept-connection")
        )
    assert {row.verdict for row in rows} == {Verdict.PASS}


def test_what_the_app_cannot_know_is_said() -> None:
    texts = {row.text for row in tried("cut-chunks", "cut") if row.verdict is not Verdict.PASS}
    assert texts
    assert all("the server does not let the app know that the body was cut" in text for text in texts)


def test_a_close_in_place_of_an_answer_is_right_after_a_refusal() -> None:
    with strictly("hangs up") as server:
        rows = list(probes(Target("mine", server.url, "tuned", accepts=["request.stream"]), "hidden-request"))
    assert {row.verdict for row in rows} == {Verdict.PASS}
