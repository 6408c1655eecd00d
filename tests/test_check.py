"""What the grid sends, how it judges, and what it shows of that: without a real server."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xxhash
from uploadlab.analysis.grid import falls_short
from uploadlab.catalogue.attempts import THE_END, Attempt, Then, exactly, form, noise, raw
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.registry import CaseKind
from uploadlab.checking.oracle import ServerState, judge_attempt
from uploadlab.checking.probe import probe, probes
from uploadlab.checking.stage import CheckStage
from uploadlab.checking.wire import Reply
from uploadlab.declared.check_exceptions import load_exceptions
from uploadlab.errors import UsageError
from uploadlab.measuring.protocols import Workbench
from uploadlab.model.checks import Check, KnownException, Verdict
from uploadlab.model.deployments import CORE, Target
from uploadlab.model.runs import Run
from uploadlab.paths import EXCEPTIONS
from uploadlab.planning.check_cells import routes
from uploadlab.presenting.check_answer import check_statements
from uploadlab.presenting.grid import counts, grids
from uploadlab.storage.run_folder import RunFolder

from .fake_server import DROP, serve
from .helpers import ALL_DEPLOYMENTS, RUN, lab
from .test_lab import Fake

FILE = b"0123456789" * 10
DIGEST = xxhash.xxh3_128(FILE).hexdigest()
WHOLE = raw(exactly(FILE), refusals=(413,))
BAD = WHOLE._replace(must_refuse=True)
GONE = BAD._replace(then=Then.CLOSE)
TAKEN = Reply(201, {"id": "x"}, digest=DIGEST)
THERE, PART = ServerState(len(FILE), DIGEST), ServerState(7, "00")
NOTHING, ONE, SPOOL = (
    ServerState(uploads=0, temporary=0),
    ServerState(uploads=1, temporary=0),
    ServerState(uploads=0, temporary=2),
)
NO = Reply(413, {"error": "too large"}, "too large")
SILENT = Reply(problem="reset", broke="reset")
LEFT = Reply(problem="the client had gone", left=True)
JUDGED: list[tuple[Attempt, Reply, ServerState, Verdict, str, str]] = [
    (WHOLE, TAKEN, THERE, Verdict.PASS, "", ""),
    (WHOLE, TAKEN, PART, Verdict.LOSS, "lost-part", "201, 7 of 100 bytes stored"),
    (WHOLE, TAKEN, ServerState(len(FILE), "00"), Verdict.LOSS, "changed-bytes", "100 of 100"),
    (WHOLE, TAKEN, ServerState(len(FILE) + 1, "00"), Verdict.LOSS, "added-bytes", "101 of 100"),
    (WHOLE, TAKEN, ServerState(0), Verdict.LOSS, "lost-all", "201, 0 of 100 bytes stored"),
    (WHOLE, TAKEN, ServerState(), Verdict.FAIL, "cannot-be-read-back", "201, but it cannot be read back"),
    (BAD, TAKEN, PART, Verdict.LOSS, "lost-part", "7 of 100"),
    (BAD, TAKEN, THERE, Verdict.FAIL, "accepted-bad", "201 for what had to be refused"),
    (WHOLE, NO, NOTHING, Verdict.PASS, "", "413"),
    (WHOLE, NO, ServerState(), Verdict.FAIL, "status-413-stored-unknown", "and what is stored is not known"),
    (WHOLE, NO, ONE, Verdict.FAIL, "status-413-but-stored", "413 too large, but stored"),
    (WHOLE, NO, SPOOL, Verdict.FAIL, "status-413-left-temporary", "2 temporary files stay"),
    (WHOLE, NO._replace(reason=""), NOTHING, Verdict.FAIL, "no-reason", "413 without a reason"),
    (WHOLE, Reply(507, {}, "no space"), NOTHING, Verdict.PASS, "", "507"),
    (WHOLE, Reply(500, {}, "Traceback"), NOTHING, Verdict.FAIL, "status-500", "500 Traceback"),
    (WHOLE, Reply(302, {}, "elsewhere"), NOTHING, Verdict.FAIL, "status-302", "302 elsewhere"),
    (WHOLE, SILENT, NOTHING, Verdict.FAIL, "no-answer-reset", "no answer (reset)"),
    (WHOLE, SILENT._replace(broke=""), NOTHING, Verdict.FAIL, "no-answer", "no answer (reset)"),
    (WHOLE, SILENT, ONE, Verdict.FAIL, "no-answer-reset-but-stored", "no answer (reset), but stored"),
    (GONE, LEFT, NOTHING, Verdict.PASS, "", ""),
    (GONE, LEFT, ONE, Verdict.FAIL, "client-gone-but-stored", "but stored"),
    (GONE, LEFT, SPOOL, Verdict.FAIL, "client-gone-left-temporary", "temporary files stay"),
    (GONE, LEFT, ServerState(), Verdict.FAIL, "client-gone-stored-unknown", "what is stored is not known"),
    (GONE, SILENT, NOTHING, Verdict.FAIL, "no-answer-reset", "no answer (reset)"),
]


@pytest.mark.parametrize(("attempt", "reply", "state", "verdict", "code", "text"), JUDGED)
def test_the_oracle_is_every_byte_or_a_clear_refusal(
    attempt: Attempt, reply: Reply, state: ServerState, verdict: Verdict, code: str, text: str
) -> None:
    judged = judge_attempt(attempt, reply, state)
    assert (judged.verdict, judged.code) == (verdict, code)
    assert text in judged.text
    assert bool(text) == bool(judged.text)


def test_a_foreign_server_need_not_tell_what_it_has_stored() -> None:
    for attempt, reply in ((WHOLE, NO), (GONE, LEFT)):
        assert judge_attempt(attempt, reply, ServerState(), reports=False).verdict is Verdict.UNKNOWN
    assert judge_attempt(WHOLE, NO, ONE, reports=False).verdict is Verdict.FAIL


LIAR = (200, {"size_bytes": 0, "digest": ""})
"""Of an upload that it has acknowledged."""
TARGET = Target("mine", "", accepts=["request.stream"])


def probed(attempt: Attempt, **answers: Any) -> Check:
    with serve(**answers) as fake:
        return probe(msgspec.structs.replace(TARGET, url=fake.url), "post", attempt, "/request-stream")


def test_a_probe_believes_only_what_it_reads_back() -> None:
    assert probed(WHOLE, GET=(200, {"size_bytes": 100, "digest": DIGEST})).verdict is Verdict.PASS
    lost = probed(WHOLE, GET=LIAR)
    assert (lost.verdict, lost.sent_bytes, lost.stored_bytes) == (Verdict.LOSS, 100, 0)
    assert probed(WHOLE, GET=(404, {})).verdict is Verdict.LOSS
    assert probed(WHOLE, GET=DROP).verdict is Verdict.FAIL
    assert probed(WHOLE, POST=(201, {}), GET=(500, {})).verdict is Verdict.FAIL
    assert probed(WHOLE, POST=DROP).verdict is Verdict.FAIL
    assert probed(WHOLE, POST=(413, {"error": "no"})).verdict is Verdict.UNKNOWN


def test_each_attempt_goes_where_such_a_body_is_taken() -> None:
    everywhere = Target("mine", "")
    assert routes(everywhere, form(exactly(b""))) == [
        "/request-files",
        "/request-files?spool=direct",
        "/multipart-push",
    ]
    assert "/request-stream?reader=lines" in routes(everywhere, raw(exactly(b"")))
    assert "/request-stream?reader=lines" not in routes(everywhere, raw(noise(2 << 20)))
    assert "/stream-pass-to-next" not in routes(everywhere, raw(exactly(b"")))
    two = Target("mine", "", next=["other"])
    assert "/stream-pass-to-next" in routes(two, raw(exactly(b"")))
    assert routes(TARGET, form(exactly(b""))) == []
    assert list(probes(TARGET, "no-file")) == []


@pytest.mark.parametrize("name", CASES)
def test_every_case_describes_itself_and_sends_something(name: str) -> None:
    assert CASES[name].description.endswith(".")
    attempts = list(CASES[name].attempts())
    assert attempts
    assert len({(one.form, one.chunked, one.label) for one in attempts}) == len(attempts)  # each has a name
    for one in attempts:
        assert one.at < one.body_bytes or one.at == THE_END or not one.then
        assert one.refusals or one.gone or not one.must_refuse


def test_noise_is_the_same_for_the_same_size() -> None:
    digests = {hashlib.sha256(b"".join(noise(3 << 20).blocks())).hexdigest() for _ in range(2)}
    assert len(digests) == 1


KNOWN = KnownException("known", ["post"], ["tuned-one"], ["no-answer-reset"], "it resets", "set something")


def row(deployment: str, verdict: Verdict, text: str = "", case: str = "post", **more: Any) -> Check:
    fields = {"case": case, "deployment": deployment, "verdict": verdict, "text": text, **more}
    return Check(route="/r", label="", started_at="", **fields)


def run_of(*targets: tuple[str, str]) -> Run:
    return msgspec.structs.replace(
        RUN, targets=[Target(name, "", tier) for name, tier in targets],
        cells=[], checks=["post", "chunked"], exceptions=[KNOWN],
    )  # fmt: skip


CHECKED = run_of(("stock-one", "stock"), ("tuned-one", "tuned"), ("mine", "target"))


def test_the_grid_shows_the_worst_of_each_cell_and_explains_it_once() -> None:
    rows = [
        row("stock-one", Verdict.PASS),
        row("stock-one", Verdict.FAIL, "502"),
        row("stock-one", Verdict.LOSS, "201, 0 of 9 bytes stored", sent_bytes=9, stored_bytes=0),
        row("stock-one", Verdict.FAIL, "502", case="chunked"),
        row("tuned-one", Verdict.FAIL, "no answer (reset)", code="no-answer-reset"),
        row("tuned-one", Verdict.PASS, "413", case="chunked"),
        row("tuned-one", Verdict.PASS, case="chunked"),
        row("mine", Verdict.UNAVAILABLE, "it died"),
    ]
    tables, notes = grids(CHECKED, rows)
    cells = {
        (table.title.partition(":")[0], row.cells[0]): row.cells[1:] for table in tables for row in table.rows
    }
    assert cells["tuned", "post"] == ["known [1]"]
    assert cells["tuned", "chunked"] == ["pass 413"]
    assert cells["your targets", "post"] == ["unavailable [2]"]
    assert cells["your targets", "chunked"] == ["-"]
    assert cells["stock", "post"] == ["silent loss [3] [4]"]
    assert cells["stock", "chunked"] == ["fail [3]"]
    assert str(notes[0]) == "[1] known: it resets. Fix: set something. post: tuned-one"
    assert str(notes[2]) == "[3] 502. post: stock-one; chunked: stock-one"
    told = counts(CHECKED, rows)
    assert told[0] == "Tried: 7 good uploads, 0 faults, 0 bad input, 0 crowds."
    assert "; 9 bytes silently lost or added" in told[-1]
    assert "; 0 bytes silently lost or added" in told[1]


def test_what_has_to_hold_and_does_not_is_named_unless_it_is_a_listed_exception() -> None:
    assert (
        falls_short(
            CHECKED,
            [
                row("stock-one", Verdict.LOSS),
                row("tuned-one", Verdict.FAIL, "no answer (reset)", code="no-answer-reset"),
            ],
        )
        == []
    )
    for bad in (
        row("tuned-one", Verdict.FAIL, "another text"),
        row("tuned-one", Verdict.FAIL, "but stored", code="no-answer-reset-but-stored"),
        row("tuned-one", Verdict.FAIL, "no answer (reset)", code="no-answer-disconnected"),
        row("tuned-one", Verdict.LOSS, case="chunked"),
        row("tuned-one", Verdict.UNAVAILABLE, "reset"),
        row("mine", Verdict.FAIL, "reset"),
    ):
        assert falls_short(CHECKED, [bad]) == [bad]
        (first, *_) = check_statements(CHECKED, [bad])
        assert first.tone == "bad"
        assert bad.deployment in first.text
        assert bad.verdict is Verdict.UNAVAILABLE or bad.case in first.text


def test_an_exception_that_no_longer_shows_is_told() -> None:
    heads = {told.head: told.text for told in check_statements(CHECKED, [row("tuned-one", Verdict.PASS)])}
    assert heads["Outdated"].endswith("remove them: known")
    assert [told.head for told in check_statements(CHECKED, [row("stock-one", Verdict.PASS)])] == ["Passed"]


def test_what_could_not_be_tried_does_not_count_once_it_could() -> None:
    rows = [row("tuned-one", Verdict.UNAVAILABLE, "died"), row("tuned-one", Verdict.PASS)]
    assert falls_short(CHECKED, rows) == []


def test_the_listed_exceptions_name_cases_and_deployments_that_exist() -> None:
    for one in load_exceptions(EXCEPTIONS, ALL_DEPLOYMENTS):
        made = [ALL_DEPLOYMENTS[name] for name in one.deployments]
        assert all(place.tier == "tuned" for place in made if place.group == CORE)
        # What a stock server loses of a good upload is no exception: it shows as lost.
        lossy = any(code.startswith(("lost", "changed", "added")) for code in one.codes)
        assert not lossy or {CASES[name].kind for name in one.cases} == {CaseKind.BAD}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[exceptions]]\nname = 1", "exceptions.toml: Expected `str`"),
        ("[[exceptions]]", "missing required field"),
        ("nonsense", "exceptions.toml"),
        (None, "No such file"),
    ],
)
def test_a_broken_list_of_exceptions_is_one_line(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "exceptions.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=told):
        load_exceptions(path, [])


def test_an_exception_for_what_does_not_exist_is_told(tmp_path: Path) -> None:
    text = EXCEPTIONS.read_text().replace('"uwsgi-buffering"', '"uwsgi-bufering"')
    (tmp_path / "e.toml").write_text(text)
    with pytest.raises(UsageError, match="did you mean 'uwsgi-buffering'"):
        load_exceptions(tmp_path / "e.toml", ALL_DEPLOYMENTS)


def test_no_two_exceptions_have_one_name(tmp_path: Path) -> None:
    text = EXCEPTIONS.read_text()
    (tmp_path / "e.toml").write_text(text.replace('name = "status line"', 'name = "half-closed"'))
    with pytest.raises(UsageError, match="two exceptions are named 'half-closed'"):
        load_exceptions(tmp_path / "e.toml", ALL_DEPLOYMENTS)


class Watch:
    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        pass

    def began(self, what: str) -> None:
        self.told.append(what)

    def ended(self, left: int, seconds_left: float) -> None:
        pass


def check_stage(run: Run, folder: Path, explain: Callable[[str], str] = lambda name: "") -> CheckStage:
    return CheckStage(Workbench(run, RunFolder(folder), folder, Fake(), explain))


def test_what_is_checked_is_saved_at_once_and_what_could_not_be_is_tried_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    run = msgspec.structs.replace(CHECKED, checks=["empty-file", "one-byte"])
    with serve(GET=LIAR) as fake:
        run.targets = [
            msgspec.structs.replace(TARGET, url=fake.url),
            Target("sick", "", unavailable="no nginx"),
        ]
        watch = Watch()
        stage = check_stage(run, tmp_path)
        stage.execute(stage.remaining(), watch)
    rows = folder.read_checks()
    assert {(one.deployment, one.verdict) for one in rows} == {
        ("mine", Verdict.LOSS),
        ("sick", Verdict.UNAVAILABLE),
    }
    assert {one.text for one in rows if one.deployment == "sick"} == {"no nginx"}
    assert len(watch.told) == 4
    assert [(cell.target.name, cell.case) for cell in stage.remaining()] == [
        ("sick", "empty-file"),
        ("sick", "one-byte"),
    ]


def test_a_deployment_that_dies_is_told_for_what_is_left(tmp_path: Path) -> None:
    run = msgspec.structs.replace(CHECKED, targets=[TARGET])
    stage = check_stage(run, tmp_path, lambda name: "it died")
    stage.execute(stage.remaining(), Watch())
    assert {one.text for one in RunFolder(tmp_path).read_checks()} == {"it died"}


def test_a_defect_of_the_lab_itself_ends_the_check(tmp_path: Path) -> None:
    def explain(name: str) -> str:
        raise ZeroDivisionError

    run = msgspec.structs.replace(CHECKED, targets=[TARGET])
    stage = check_stage(run, tmp_path, explain)
    with pytest.raises(ZeroDivisionError):
        stage.execute(stage.remaining(), Watch())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run", "--cases", "post"], "run has no --cases: it belongs to check"),
        (["--large"], "run has no --large: it belongs to check"),
        (["check", "--cases", "pots"], "did you mean 'post'"),
        (["check", "--rounds", "3"], "check has no --rounds: it belongs to run, compare, ablate, knobs"),
        (["check", "--load"], "check has no --load: it belongs to run, resume"),
        (["check", "--expect-status", "200"], "--expect-status is for servers of your own: add --target"),
        (["--check", "--cases", "post"], "--check is a command now: write ./scripts/lab check --cases post"),
        (["check", "--cases", "no-file", "--deployments", "raw-sink"], "no chosen deployment takes"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_type(tmp_path: Path, words: list[str], line: str) -> None:
    done = lab(*words, "--runtime", "local", "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert line in done.stderr
    assert not (tmp_path / "out").exists()
