"""The report as files and text: what is in it, what is left out of a damaged run, that names stay names."""

import csv
import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab import session
from uploadlab.analysis.cells import summarize
from uploadlab.commands.main import lab as lab_command
from uploadlab.declared.goals import Goals, load_goals
from uploadlab.errors import LabError
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Measurement, Status
from uploadlab.model.order import Kind, Order
from uploadlab.model.runs import Run
from uploadlab.model.targets import StatusRange, TargetSpec
from uploadlab.paths import RATIOS, REFERENCE
from uploadlab.planning.draft import Draft
from uploadlab.presenting import report
from uploadlab.presenting.html import HERE
from uploadlab.presenting.markdown import markdown
from uploadlab.presenting.repeat import command_words, repeating_commands
from uploadlab.presenting.tables import cell_table
from uploadlab.presenting.terminal import Screen
from uploadlab.storage.files import CHECKS, MEASUREMENTS, PROFILED, REPORT, RUN_FILE
from uploadlab.storage.reader import read_run_folder
from uploadlab.storage.run_folder import RunFolder

from .helpers import RUN, SIZE, lab, measured
from .report_runs import HOSTILE, LOST, compared_run, loaded_run

GOALS = Goals()


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run with a bit of all."""
    return loaded_run(tmp_path / "loaded")


@pytest.fixture
def quick(tmp_path: Path) -> RunFolder:
    """The committed run."""
    return RunFolder(Path(shutil.copytree(REFERENCE / "quick", tmp_path / "quick")))


def written(folder: RunFolder) -> str:
    report.write_page(folder, report.document_of(folder, GOALS))
    return (folder.path / REPORT).read_text()


def notices(folder: RunFolder) -> list[str]:
    page = written(folder)
    found = re.findall(r"<p>(.*?)</p>", page.partition('aria-label="Notices"')[2].partition("</section>")[0])
    quoted = [
        line
        for line in report.as_text(report.document_of(folder, GOALS), "md").splitlines()
        if line.startswith("> ")
    ]
    assert len(quoted) == len(found)
    return [line.removeprefix("> ") for line in quoted]


def data(page: str) -> Any:
    return json.loads(re.findall(r'id="data">(.*?)</script>', page)[0])


def rows_of(folder: RunFolder) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.as_text(report.document_of(folder, GOALS), "csv"))))


def test_the_page_is_one_file_that_may_fetch_nothing(folder: RunFolder) -> None:
    page = written(folder)
    assert sorted(path.name for path in folder.path.glob("report*")) == [REPORT]
    assert "default-src &#39;none&#39;" in page
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)=\"?(https?:|//)", own)
    assert "unsafe-eval" not in page
    assert "sourceMappingURL" not in page


def test_a_comparison_has_its_verdicts_settings_and_command(tmp_path: Path) -> None:
    text = report.as_text(report.document_of(compared_run(tmp_path / "compared"), GOALS), "md")
    assert "# &lt;script>alert(1)&lt;/script> is slower than flask" in text
    assert "- **Slower**: &lt;script>alert(1)&lt;/script>: request.stream 0.80x [0.80, 0.80]." in text
    assert "- **No difference**: flask-b: request.stream." in text
    assert (
        "|   request.stream | slower 0.80x [0.80, 0.80] | more 1.25x [1.25, 1.25] | - | ±5.0% | 9 |" in text
    )
    assert f"differences from flask\n\n```\n+ {HOSTILE}\n```" in text
    assert (
        "lab compare flask '<script>alert(1)</script>' flask-b --plan p --seed 1 --minutes 1 --runtime"
        in text
    )
    assert "What is missing" not in text


def test_no_name_gets_into_the_markup(folder: RunFolder) -> None:
    page = written(folder)
    assert HOSTILE not in page
    assert HOSTILE in data(page)["deployments"]
    text = report.as_text(report.document_of(folder, GOALS), "md")
    assert HOSTILE not in re.sub(r"^```\n.*?^```\n", "", text, flags=re.DOTALL | re.MULTILINE)


def test_what_a_profile_names_elsewhere_is_no_link(folder: RunFolder) -> None:
    line = {"cell_id": f"flask/request.stream/{SIZE}", "kind": "calls", "seconds": 1.0}
    elsewhere = ["javascript:alert(1)", "../../etc/passwd", "profiles/../../x", "/etc/passwd", ""]
    with open(folder.path / PROFILED, "a") as file:
        file.write(json.dumps({**line, "files": [*elsewhere, "profiles/a b.txt"]}) + "\n")
    links = re.findall(r'<td[^>]*><a href="(.*?)"', written(folder))
    assert links == ["profiles/flask/request.stream/samples.html", "profiles/a%20b.txt"]


def test_points_are_short_numbers(folder: RunFolder) -> None:
    (first,) = [chart for chart in data(written(folder))["charts"] if chart["id"] == "time"]
    assert first["points"][0] == [0, 0, 0, 0.001049]
    assert len(first["points"]) == 10


def test_vendored_scripts_are_what_their_list_says() -> None:
    listed = (HERE / "vendor" / "README.md").read_text()
    for path in (HERE / "vendor").glob("*.js"):
        assert f"| `{path.name}` |" in listed
        assert hashlib.sha256(path.read_bytes()).hexdigest() in listed
        assert (HERE / "vendor" / f"LICENSE.{path.name.removesuffix('.js').removesuffix('.min')}").exists()


def test_markdown_has_the_terminals_tables_and_sentences(quick: RunFolder) -> None:
    text = report.as_text(report.document_of(quick, load_goals(RATIOS)), "md")
    run, rows = quick.read_run(), quick.read_measurements()
    assert markdown(cell_table(summarize(run, rows))) in text
    for sentence in (
        "# 2 servers lost a whole file; uploads by request.files are typically ",
        " answered 201 to request.stream-chunked and stored 0 bytes of 256 MiB",
        "See docs/findings.md#lost-body.",
        "## Goals",
        "./scripts/lab run --plan reference",
    ):
        assert sentence in text
    assert re.search("^- [*]{2}Lost[*]{2}: (uwsgi-default|nginx-uwsgi) and ", text, re.MULTILINE)
    assert "uwsgi-default.ini`" not in text


def test_markdown_of_a_check_has_its_grid() -> None:
    text = report.as_text(report.document_of(RunFolder(REFERENCE / "check"), GOALS), "md")
    assert "### tuned: every byte, or a clear refusal" in text
    assert "] cut while buffered: " in text
    assert "- **Lost**: uwsgi-default answered with success and lost bytes" in text
    assert "./scripts/lab check --cases '*,!over-1-gib," in text


def test_a_check_of_many_servers_says_first_what_is_lost_then_where() -> None:
    text = report.as_text(report.document_of(RunFolder(REFERENCE / "check-servers"), GOALS), "md")
    lost = [line for line in text.splitlines() if line.startswith("- **Lost**")]
    assert lost[0].startswith("- **Lost**: chunked")
    assert all(name in lost[0] for name in ("uwsgi-default", "pyvoy", " more ("))
    assert len(lost) == 7  # 19 servers, each with other cases
    assert lost[-1].endswith("the grid shows where.")


def test_csv_has_a_row_for_each_cell_and_each_step(folder: RunFolder) -> None:
    rows = rows_of(folder)
    assert len(rows) == 6 + 6
    flask, step = rows[0], rows[6]
    assert (flask["deployment"], flask["tier"], flask["size_bytes"]) == ("flask", "stock", "1048576")
    assert (flask["status"], flask["rounds"], flask["users"], flask["error"]) == ("ok", "2", "", "")
    assert float(flask["mb_per_second"]) == pytest.approx(666.7, rel=0.001)
    assert (step["users"], step["rounds"], step["uploads"], step["status"]) == ("1", "", "3", "ok")
    assert (float(step["seconds_p50"]), step["seconds_p95"]) == (0.9, "")
    lost = next(row for row in rows if row["status"] == "wrong")
    assert (lost["mb_per_second"], lost["error"]) == ("", LOST.removeprefix("wrong: "))


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@a", "\uff1d1", " =1", "a;=1", "a\n=1"])
def test_no_name_is_a_formula_in_a_spreadsheet(tmp_path: Path, name: str) -> None:
    folder = RunFolder.create(tmp_path, "r")
    folder.write_run(msgspec.structs.replace(RUN, targets=[Target(name, "")], cells=[]))
    folder.append(measured(name, status=Status.FAILED, error='-x,\n"y"'))
    (row,) = rows_of(folder)
    at = re.search(r"[=+@\uff1d-]", name)
    assert at
    assert row["deployment"].replace("'", "") == name
    assert "'" in row["deployment"][: at.start() + 1]
    assert row["error"] == '\'-x,\n"y"'


def test_a_tab_is_a_space_in_a_spreadsheet(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "r")
    folder.write_run(msgspec.structs.replace(RUN, targets=[Target("\t=1", "")], cells=[]))
    folder.append(measured("\t=1", status=Status.FAILED, error="\r=1"))
    (row,) = rows_of(folder)
    assert (row["deployment"], row["error"]) == ("' =1", "\\r=1")


def empty(folder: RunFolder) -> None:
    (folder.path / MEASUREMENTS).unlink()
    shutil.rmtree(folder.path / "load")


def damage(folder: RunFolder) -> None:
    lines = (folder.path / MEASUREMENTS).read_bytes().splitlines(keepends=True)
    lines[1:3] = [b"\xff\xfe nonsense\n", b'{"status": "ok"}\n']
    (folder.path / MEASUREMENTS).write_bytes(b"".join(lines) + b'{"torn')


def no_time(folder: RunFolder) -> None:
    folder.append(measured("flask", seconds=0.0))
    folder.append(measured("flask", size_bytes=-1))
    folder.append(msgspec.structs.replace(measured("flask"), cell_id="other"))


def other_schema(folder: RunFolder) -> None:
    folder.write_run(msgspec.structs.replace(folder.read_run(), schema_version=99))


def other_shape(folder: RunFolder) -> None:
    (folder.path / RUN_FILE).write_text('{"id": "x", "schema_version": 0}')


def no_run(folder: RunFolder) -> None:
    (folder.path / RUN_FILE).unlink()


def other_cells(folder: RunFolder) -> None:
    folder.append(measured("gunicorn"))


def damaged_steps(folder: RunFolder) -> None:
    (folder.path / "load/steps.jsonl").write_text("nonsense\n")
    (folder.path / "load/uploads.jsonl").write_text("nonsense\n")


def unknown_case(folder: RunFolder) -> None:
    line = {"case": "gone", "deployment": "flask", "route": "", "label": "", "started_at": ""}
    (folder.path / CHECKS).write_text(json.dumps({**line, "verdict": "pass", "text": ""}) + "\n")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (empty, ["Nothing was measured yet."]),
        (damage, ["measurements.jsonl: 2 lines are damaged and left out."]),
        (no_time, ["measurements.jsonl: 3 lines are damaged and left out."]),
        (other_schema, ["run.json has schema 99, this lab reads", "fields whose meaning changed"]),
        (other_shape, ["run.json is damaged (Object missing required field", "host, plan, tiers"]),
        (no_run, ["run.json is missing: host, plan, tiers and configs are not known."]),
        (other_cells, ["run.json does not plan all that was measured"]),
        (damaged_steps, ["steps.jsonl: 1 line is damaged", "uploads.jsonl: 1 line is damaged"]),
    ],
)
def test_of_a_damaged_run_all_that_can_be_is_shown_and_the_rest_told(
    folder: RunFolder, change: Callable[[RunFolder], None], told: list[str]
) -> None:
    change(folder)
    found = " ".join(notices(folder))
    assert [words for words in told if words not in found] == []
    assert str(folder.path) not in written(folder)
    shown = {row["deployment"] for row in rows_of(folder)}
    assert shown == set() if change is empty else shown >= {"flask", HOSTILE}


def test_a_case_that_this_lab_no_longer_has_is_shown(folder: RunFolder) -> None:
    unknown_case(folder)
    assert notices(folder) == []
    assert re.search(r'<th scope="row"[^>]*>gone<', written(folder))


def test_a_good_run_has_no_notice(folder: RunFolder) -> None:
    assert notices(folder) == []


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no run at"):
        report.write_page(RunFolder(tmp_path), report.document_of(RunFolder(tmp_path), GOALS))


def test_a_run_of_which_all_is_damaged_has_a_page_that_says_so(tmp_path: Path) -> None:
    for name in (RUN_FILE, MEASUREMENTS, CHECKS, PROFILED):
        (tmp_path / name).write_bytes(b"\x00\xff{\n")
    found = notices(RunFolder(tmp_path))
    assert len(found) == 5
    assert found[-1] == "Nothing was measured yet."


def words(run: Run, rows: list[Measurement], tmp_path: Path) -> dict[str, str]:
    folder = RunFolder.create(tmp_path, run.id)
    folder.write_run(run)
    for row in rows:
        folder.append(row)
    return repeating_commands(read_run_folder(folder))


SPEC = TargetSpec(
    expect_status=[StatusRange(200, 299), StatusRange(302, 302)], expect_json={"result.ok": "true"},
    field="upload", stored_url="/files/{id}", cleanup_url="{location}", max_bytes=5 << 20,
)  # fmt: skip
ORDERS = [
    Order(),
    Order(plan="smoke", deployments=["flask"], methods=["request.stream"], sizes=["1MiB"], rounds=3, seed=5),
    Order(profile=True, load=True, users=[1, 8]),
    Order(targets={"mine": "http://192.0.2.7:8000/a"}, spec=SPEC),
    Order(kind=Kind.CHECK, cases=["chunked", "stall"], large=True, deployments=["flask"]),
    Order(kind=Kind.COMPARE, configs=["flask", "gunicorn"], within=0.05, minutes=2.0, fail_above=0.1),
    Order(kind=Kind.ABLATE, configs=["configs/uwsgi/uwsgi-tuned.ini"], fail_above=0.25),
    Order(kind=Kind.KNOBS, only="gunicorn", rounds=5, seed=1),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: " ".join(command_words(order)))
def test_an_order_is_printed_as_the_command_that_gives_it(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Order] = []

    def remember(drafted: Draft, *_: object) -> int:
        given.append(drafted.order)
        return 0

    monkeypatch.setattr(session, "start", remember)
    lab_command.main(command_words(order), prog_name="lab", standalone_mode=False)
    assert given[0] == order


def test_the_command_repeats_the_run(tmp_path: Path) -> None:
    order = Order(plan="p", methods=["request.stream"], rounds=3)
    texts = words(msgspec.structs.replace(RUN, order=order), [measured("flask")], tmp_path)
    assert texts["The same again"] == (
        "./scripts/lab run --plan p --methods request.stream --rounds 3 --seed 1 --runtime local"
    )
    assert texts["What is missing: 8 uploads"] == "./scripts/lab resume r"


def test_a_run_from_before_orders_were_stored_is_repeated_by_its_plan(tmp_path: Path) -> None:
    texts = words(RUN, [measured("flask")], tmp_path)
    again = "./scripts/lab run --plan p --deployments flask --methods request.stream,request.files"
    assert texts["The same again"] == f"{again} --sizes 10000000 --rounds 3 --seed 1 --runtime local"


def test_the_command_keeps_no_password(tmp_path: Path) -> None:
    targets = [Target("mine", "http://me:secret@192.0.2.7:8000/a", "target")]
    text = words(msgspec.structs.replace(RUN, targets=targets), [measured("mine")], tmp_path)[
        "The same again"
    ]
    assert "--target mine=http://192.0.2.7:8000/a" in text


def test_the_lab_writes_the_page_or_prints_the_text(tmp_path: Path, quick: RunFolder) -> None:
    done = lab("report", quick.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Report: {quick.path / REPORT}\n"
    assert (quick.path / REPORT).stat().st_size > 100_000
    (quick.path / REPORT).unlink()
    for form in ("md", "csv"):
        done = lab("report", "last", "--out", tmp_path, "--format", form)
        assert done.stdout == report.as_text(report.document_of(quick, load_goals(RATIOS)), form)
    assert not (quick.path / REPORT).exists()


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (["report", "no-such"], 1, "no run at"),
        (
            ["report", "x", "--rounds", "3"],
            2,
            "report has no --rounds: it belongs to run, compare, ablate, knobs",
        ),
        (["report", "last", "--load"], 2, "report has no --load: it belongs to run, resume"),
        (["show", "last", "a", "--format", "md"], 2, "show has no --format: it belongs to report"),
        (["--format", "md"], 2, "run has no --format: it belongs to report"),
        (["report", "x", "--format", "pdf"], 2, "'pdf' is not one of 'html', 'md', 'csv', 'text'"),
    ],
)
def test_a_mistake_is_one_line(options: list[str], code: int, line: str) -> None:
    done = lab(*options)
    assert (done.returncode, done.stdout) == (code, "")
    assert line in done.stderr.splitlines()[-1]


def test_a_report_that_cannot_be_written_is_a_line_and_no_more(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.path / REPORT).mkdir()
    session.show(folder, Screen())
    shown = capsys.readouterr()
    assert "Fastest " in shown.out
    assert "Report         could not be written: " in shown.out
    assert shown.err == ""


def test_each_run_ends_with_its_report(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    session.show(folder, Screen())
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) <= 25
    assert f"Report         {folder.path / REPORT}" in shown
    assert shown[-1].strip().startswith("./scripts/lab ")
    assert "Many at once" in (folder.path / REPORT).read_text()
