"""Public reports of large uploads: each answer leads to its cause, and what a report says is shown."""

import re
from pathlib import Path

import msgspec
import pytest
from uploadlab.declared.reports import COUNT, FILES, Report, Shown, load_reports
from uploadlab.declared.variants import extended
from uploadlab.errors import UsageError
from uploadlab.model.checks import Check, Verdict
from uploadlab.paths import DOCS, REFERENCE, ROOT
from uploadlab.storage.reader import read_run_folder
from uploadlab.storage.run_folder import RunFolder

from .helpers import ALL_DEPLOYMENTS, lack, measured, need
from .pages import README, links, sections, target
from .reported import REPORTS, SHOWN, Answer, disagrees, run_all, united, words_of

PAGE, TROUBLES = DOCS / "reports.md", DOCS / "troubleshooting.md"
LEAST_REPRODUCED = 35
by_number = pytest.mark.parametrize("report", REPORTS, ids=lambda report: str(report.number))
each_shown = pytest.mark.parametrize("report", SHOWN, ids=lambda report: str(report.number))


def test_each_report_has_one_answer() -> None:
    assert sorted(report.number for report in REPORTS) == list(range(1, COUNT + 1))
    assert len(SHOWN) >= LEAST_REPRODUCED


@by_number
def test_a_report_is_two_clicks_from_its_cause(report: Report) -> None:
    """The readme links a page of symptoms, and that page links the cause."""
    first = {target(README, link)[0] for link in links(README.read_text())} & {PAGE, TROUBLES}
    second = {target(page, link) for page in first for link in links(page.read_text())}
    page, _, anchor = report.see.partition("#")
    assert ((DOCS / page).resolve(), anchor) in second
    assert not anchor or anchor in anchors(DOCS / page)


def anchors(page: Path) -> set[str]:
    named = re.findall(r'<a id="([^"]+)">', page.read_text())
    return {section.anchor for section in sections(page)} | set(named)


@each_shown
def test_kept_runs_show_what_a_report_says(report: Report) -> None:
    runs = [read_run_folder(RunFolder(REFERENCE / name)) for name in report.kept]
    answer = Answer(
        "", [row for run in runs for row in run.checks], [row for run in runs for row in run.rows]
    )
    there = {(row.deployment, row.case) for row in answer.checks}
    there |= {(row.deployment.partition("@")[0], row.method) for row in answer.measurements}
    for shown in report.shows:
        if shown.only_kept or (shown.at, shown.case or shown.method) in there:
            assert disagrees(shown, answer) == ""


def needs(report: Report) -> set[str]:
    """The programs of the servers that a report's command starts."""
    names = {shown.at for shown in report.shows if shown.at and not shown.only_kept}
    words = words_of(report.command)
    if not names or (words and words.kind.endswith("--clients")):
        return set()
    found = extended(ALL_DEPLOYMENTS, names, ROOT)
    return {program for name in names for program in found[name].needs}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Answer]:
    """What the commands of all reports show that can run here."""
    here = [report for report in SHOWN if not any(map(lack, needs(report)))]
    return run_all(here, tmp_path_factory.mktemp("reports"))


@pytest.mark.slow
@each_shown
def test_the_command_of_a_report_shows_it(report: Report, answers: dict[int, Answer]) -> None:
    need(*needs(report))
    wrong = [disagrees(shown, answers[report.number]) for shown in report.shows if not shown.only_kept]
    assert "".join(wrong) == ""


def test_rows_that_are_missing_or_differ_are_told() -> None:
    shown = Shown(part="fault", at="granian", case="chunked", verdict="silent loss")
    row = Check(
        case="chunked",
        deployment="granian",
        route="/",
        label="",
        started_at="",
        verdict=Verdict.LOSS,
        text="",
    )
    other = msgspec.structs.replace(row, verdict=Verdict.PASS)
    assert disagrees(shown, Answer("", [row], [])) == ""
    assert disagrees(shown, Answer("", [], []))
    assert disagrees(shown, Answer("", [row, other], []))
    assert disagrees(msgspec.structs.replace(shown, any_row=True), Answer("", [row, other], [])) == ""
    assert disagrees(Shown(part="fault", says="readTimeout"), Answer("nothing", [], []))


def test_an_upload_that_is_not_slower_is_told() -> None:
    shown = Shown(part="fault", at="a", method="h2", link="far", slower_than="h1")
    rows = [measured("a@far", "h2", 3.0), measured("a@far", "h1", 1.0)]
    assert disagrees(shown, Answer("", [], rows)) == ""
    assert disagrees(shown, Answer("", [], [measured("a@far", "h2", 1.5), *rows[1:]]))
    assert disagrees(shown, Answer("", [], rows[:1]))


def test_commands_are_united_where_they_need_the_same_slow_cases() -> None:
    commands = [
        ["check", "--cases", "chunked", "--deployments", "flask"],
        ["check", "--cases", "digest", "--deployments", "gunicorn"],
        ["check", "--cases", "stall", "--deployments", "uwsgi-default"],
        ["check", "--cases", "closes-kept", "--clients", "requests"],
        ["doctor", "--config", "x.conf"],
        ["run", "--deployments", "flask", "--sizes", "1MiB", "--rounds", "1"],
        ["run", "--rounds", "1", "--sizes", "1MiB", "--deployments", "caddy"],
    ]
    assert sorted(united(commands)) == [
        ("check", "--clients", "requests", "--cases", "closes-kept"),
        ("check", "--deployments", "flask,gunicorn", "--cases", "chunked,digest"),
        ("check", "--deployments", "uwsgi-default", "--cases", "stall"),
        ("doctor", "--config", "x.conf"),
        ("run", "--deployments", "caddy,flask", "--rounds", "1", "--sizes", "1MiB"),
    ]


GOOD = """
[[report]]
number = {number}
sources = ["a/b#1"]
read = 2026-11-28
symptom = "it fails"
answer = "left-out"
cause = "unknown"
see = "troubleshooting.md"
reason = "no cause is known"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("number = 2", "number = 3", "reports: no report 2"),
        ("number = 57", "number = 58", "reports: no report 57"),
        ('answer = "left-out"', 'answer = "perhaps"', "report 1: answer = 'perhaps'; choose from reproduced"),
        ('reason = "no cause is known"', "", "report 1: answer = 'left-out' needs 'reason'"),
        ("see =", 'command = ["list"]\nsee =', "report 1: answer = 'left-out' has no use for 'command'"),
        ('["a/b#1"]', '["a/b"]', "report 1: source 'a/b' is neither owner/repository#number nor an address"),
        ('["a/b#1"]', "[]", "report 1: a report has a source"),
        ("symptom", "symptoms", "unknown field `symptoms`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_is_a_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    for name in FILES:
        (tmp_path / f"{name}.toml").write_text("report = []\n")
    whole = "".join(GOOD.format(number=number) for number in range(1, COUNT + 1))
    (tmp_path / "fronts.toml").write_text(whole)
    load_reports(tmp_path)
    (tmp_path / "fronts.toml").write_text(whole.replace(old, new, 1))
    with pytest.raises(UsageError) as mistake:
        load_reports(tmp_path)
    assert said in str(mistake.value)
    assert "\n" not in str(mistake.value)
