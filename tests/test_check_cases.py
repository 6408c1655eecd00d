"""Which cases go to which target, and which of them another one shows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.analysis.grid import latest
from uploadlab.catalogue.attempts import exactly, raw
from uploadlab.catalogue.cases import CASES
from uploadlab.checking import stage as checking
from uploadlab.checking.oracle import ServerState, judge_attempt
from uploadlab.checking.wire import Reply
from uploadlab.model.checks import UNREAD, Check, Verdict
from uploadlab.model.deployments import Target
from uploadlab.planning.check_cells import applies
from uploadlab.presenting.grid import grids
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import GIB, MIB

from .test_check import Watch, check_stage, row, run_of

SIZES = ["over-128-mib", "over-100-mib", "over-16-mib"]
PLAIN, TLS = (Target("mine", f"{scheme}://localhost:1", "tuned") for scheme in ("http", "https"))


@pytest.mark.parametrize(
    ("large", "tried"),
    [
        ({"sent_bytes": 9, "stored_bytes": 9}, {SIZES[0]}),
        ({"sent_bytes": 9, "verdict": Verdict.UNKNOWN, "code": UNREAD}, {SIZES[0]}),
        ({"sent_bytes": 9, "text": "413"}, set(SIZES)),
        ({"sent_bytes": 9, "verdict": Verdict.FAIL, "code": "status-400", "text": "400"}, set(SIZES)),
        ({"sent_bytes": 9, "stored_bytes": 3, "verdict": Verdict.LOSS}, set(SIZES)),
    ],
)
def test_smaller_files_are_sent_only_where_the_large_one_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: dict[str, Any], tried: set[str]
) -> None:
    sent: list[str] = []

    def probes(target: Target, case: str, *_: object) -> Iterator[Check]:
        sent.append(case)
        fields: dict[str, Any] = {"verdict": Verdict.PASS, "text": "", "case": case, **large}
        yield row("tuned-one", fields.pop("verdict"), fields.pop("text"), fields.pop("case"), **fields)

    monkeypatch.setattr(checking, "probes", probes)
    run = msgspec.structs.replace(run_of(("tuned-one", "tuned")), checks=SIZES)
    stage = check_stage(run, tmp_path)
    stage.execute(stage.remaining(), Watch())
    assert set(sent) == tried
    rows = RunFolder(tmp_path).read_checks()
    assert [found.case for found in rows] == SIZES
    assert {found.verdict for found in rows} == {large.get("verdict", Verdict.PASS)}
    assert sum(found.label == "shown by over-128-mib" for found in rows) == 3 - len(tried)
    (table,), _ = grids(run, latest(rows))
    assert [line.cells[0] for line in table.rows] == SIZES  # a row each, whatever was sent


def test_a_single_size_that_is_asked_for_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "probes", lambda target, case, large: [row(target.name, Verdict.PASS)])
    run = msgspec.structs.replace(run_of(("tuned-one", "tuned")), checks=["over-16-mib"])
    stage = check_stage(run, tmp_path)
    stage.execute(stage.remaining(), Watch())
    assert [found.label for found in RunFolder(tmp_path).read_checks()] == [""]


def test_the_sizes_are_just_over_the_usual_limits() -> None:
    sizes = {name: [tried.file.size_bytes for tried in CASES[name].attempts()] for name in SIZES}
    assert sizes == {f"over-{mib}-mib": [mib * MIB + 1] for mib in (128, 100, 16)}
    assert [tried.file.size_bytes for tried in CASES["over-1-gib"].attempts()] == [GIB + 1]
    assert not CASES["over-1-gib"].usual


def test_some_cases_are_for_tls_alone_and_some_cannot_be_made_over_it(tmp_path: Path) -> None:
    assert [applies(target, "early-refusal-tls") for target in (PLAIN, TLS)] == [False, True]
    assert [applies(target, "early-refusal") for target in (PLAIN, TLS)] == [True, False]
    assert [applies(target, "short-body") for target in (PLAIN, TLS)] == [True, False]
    assert [applies(target, "cut-chunks") for target in (PLAIN, TLS)] == [True, True]
    run = msgspec.structs.replace(run_of(), targets=[PLAIN], checks=["early-refusal", "early-refusal-tls"])
    (table,), _ = grids(run, [row("mine", Verdict.PASS, case="early-refusal")])
    assert [line.cells[0] for line in table.rows] == ["early-refusal"]


def test_a_body_whose_chunks_the_server_hides_is_reported_as_that() -> None:
    attempt, state = raw(exactly(b"x" * 9), chunked=True), ServerState(0)
    hidden, known = (
        judge_attempt(attempt, Reply(201, {"framing": how}), state) for how in ("none", "chunked")
    )
    assert (hidden.code, known.code) == ("lost-all", "lost-all")
    assert hidden.text == f"{known.text}: the server does not let the app know that the body came in chunks"
