"""What a refusal has to say, and how long a success may take, as data of an attempt."""

import pytest
import xxhash
from uploadlab.catalogue.attempts import Attempt, Bystanders, exactly, raw
from uploadlab.catalogue.cases import CASES
from uploadlab.checking.oracle import ServerState, judge_attempt
from uploadlab.checking.probe import probe
from uploadlab.checking.wire import Reply
from uploadlab.model.checks import Verdict
from uploadlab.model.deployments import Target
from uploadlab.units import MIB

from .strict_server import strictly

FILE = b"0123456789"
NOTHING = ServerState(uploads=0, temporary=0)
REFUSED = raw(exactly(FILE), must_refuse=True, refusals=(400, 405))
PICKY = REFUSED._replace(untrue_reasons=("no file",), refused_in_json=True)
NO_FILE = "There is No File in it"
ANSWERS = [
    (PICKY, Reply(400, {"error": "bad name"}, "bad name"), ""),
    (PICKY, Reply(400, {"error": NO_FILE}, NO_FILE), "untrue-reason"),
    (REFUSED, Reply(400, {"error": NO_FILE}, NO_FILE), ""),
    (PICKY, Reply(400, {}, "Bad Request"), "no-json"),
    (REFUSED, Reply(400, {}, "Bad Request"), ""),
    (REFUSED, Reply(405, {}, "no", header_names=("date", "allow")), ""),
    (REFUSED, Reply(405, {}, "no", header_names=("date",)), "no-allow"),
    (REFUSED._replace(required_headers={400: "X-Why"}), Reply(400, {}, "no"), "no-x-why"),
    (REFUSED._replace(required_headers={}), Reply(405, {}, "no"), ""),
]


@pytest.mark.parametrize(("attempt", "reply", "code"), ANSWERS)
def test_a_refusal_has_what_its_attempt_asks_for(attempt: Attempt, reply: Reply, code: str) -> None:
    judged = judge_attempt(attempt, reply, NOTHING)
    assert (judged.verdict, judged.code) == (Verdict.FAIL if code else Verdict.PASS, code)


def test_a_success_beside_a_crowd_has_a_time() -> None:
    digest = xxhash.xxh3_128(FILE).hexdigest()
    attempt = raw(exactly(FILE), crowd=Bystanders(3, "sleepy"), within_seconds=2.0)
    reply, there = Reply(201, {"id": "x"}, digest=digest), ServerState(len(FILE), digest)
    assert judge_attempt(attempt, reply, there, seconds=2.0).verdict is Verdict.PASS
    late = judge_attempt(attempt, reply, there, seconds=2.5)
    assert (late.verdict, late.code) == (Verdict.FAIL, "late")
    assert late.text == "201, but not within 2 s beside 3 sleepy clients"
    lost = judge_attempt(attempt, reply, ServerState(0), seconds=2.5)
    assert lost.verdict is Verdict.LOSS


def test_a_default_check_opens_at_most_16_connections_beside_an_upload() -> None:
    crowds = [attempt for case in CASES.values() if not case.slow for attempt in case.attempts()]
    crowds = [attempt for attempt in crowds if attempt.crowd]
    assert {attempt.crowd.clients for attempt in crowds if attempt.crowd and not attempt.large} == {16}
    assert {attempt.within_seconds for attempt in crowds} == {10.0}


def test_an_upload_that_is_alone_can_have_a_time_as_well() -> None:
    with strictly() as server:
        target = Target("mine", server.url, "tuned", accepts=["request.stream"])
        row = probe(target, "post", raw(exactly(FILE), within_seconds=0.0), "/request-stream")
    assert (row.verdict, row.code, row.text) == (Verdict.FAIL, "late", "201, but not within 0 s")


@pytest.mark.parametrize(
    ("name", "usual", "least_mib"), [("line-break-first", False, 100), ("line-break-2-mib", True, 1)]
)
def test_a_file_that_begins_with_a_line_break_is_one_long_line_after_it(
    name: str, usual: bool, least_mib: int
) -> None:
    case = CASES[name]
    attempts = list(case.attempts())
    assert [attempt.label for attempt in attempts] == ["CR", "LF", "CR LF"]
    assert case.usual is usual  # the large ones are a few hundred MB of disk
    for attempt, begins in zip(attempts, (b"\r", b"\n", b"\r\n"), strict=True):
        first, *rest = map(bytes, attempt.file.blocks())
        assert attempt.form
        assert attempt.within_seconds
        assert first == begins
        assert set(rest) == {b"x" * MIB}
        assert len(first) + len(rest) * MIB == attempt.file.size_bytes > least_mib * MIB
