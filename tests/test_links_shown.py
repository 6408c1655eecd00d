"""What a run over links shows: a sentence for each link, and no link's limit as anybody's fault."""

import csv
import io
import re
import shlex
from pathlib import Path

import pytest
from uploadlab.analysis.cells import summarize
from uploadlab.analysis.link_facts import cpu_shares, link_facts
from uploadlab.analysis.outcome import Rows, failed_entirely
from uploadlab.declared.goals import Goals
from uploadlab.declared.links import load_links
from uploadlab.model.deployments import Target
from uploadlab.model.measurements import Status
from uploadlab.model.order import Order
from uploadlab.model.targets import StatusRange, TargetSpec
from uploadlab.pages import links as link_pages
from uploadlab.pages import part
from uploadlab.pages.__main__ import rendered
from uploadlab.paths import REFERENCE
from uploadlab.presenting.document import Document
from uploadlab.presenting.links import link_statements
from uploadlab.presenting.markdown import as_markdown
from uploadlab.presenting.report import as_text, document_of
from uploadlab.storage.run_folder import RunFolder

from .helpers import lab
from .linked_runs import linked_run, upload_over


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return linked_run(tmp_path / "linked")


@pytest.fixture
def shown(folder: RunFolder) -> Document:
    return document_of(folder, Goals())


def test_the_answer_has_a_sentence_for_each_link(shown: Document) -> None:
    texts = {of.head: of.text for of in shown.answer}
    assert (
        texts["slow"]
        == "1 of 2 servers took 10 MiB, in 10 s, with a full line. Not gunicorn: 500 after 30.7 s"
    )
    assert texts["far"].startswith("both servers took 10 MiB, in 0.7 to 16 s, 2.5% to 57% of the line")
    assert texts["far"].endswith("The least: 2.5%, by curl.stream-h2 at flask")
    assert "none of 2 servers got 10 MiB" in texts["broken"]
    assert "ConnectionResetError after 1.1 s (2 times)" in texts["broken"]
    assert shown.title.startswith(
        "1 of 2 servers did not take every upload over slow; no upload survived the"
    )


def test_of_one_server_the_ways_are_counted(tmp_path: Path) -> None:
    refused = upload_over("flask@far", "request.stream-chunked", status=Status.REFUSED, error="answered 500")
    folder = linked_run(tmp_path / "linked", refused)
    run, rows = folder.read_run(), folder.read_measurements()
    (far,) = [facts for facts in link_facts(run, rows, summarize(run, rows)) if facts.link.name == "far"]
    flask = far._replace(cells=[cell for cell in far.cells if cell.name == "flask"])
    (told,) = link_statements([flask])
    assert told.text.startswith("the server took 10 MiB by 4 of 5 ways, in")


def test_links_are_not_ranked_against_each_other_and_a_full_line_is_no_cause(shown: Document) -> None:
    heads = {of.head for of in shown.answer}
    assert not heads & {"Fastest", "Slowest", "Limit", "Rough"}
    text = as_markdown(shown)
    assert not re.search(r"times slower|\bidle\b|CLIENT_LIMITED", text)
    assert {dots.label for dots in shown.pictures} == {"over slow", "over far"} - {"over slow"}
    assert shown.summary
    assert (
        "2 cut by their link" in shown.summary.worst.text or "cut by their link" in shown.summary.worst.text
    )


def test_a_lost_file_is_lost_over_any_link(tmp_path: Path) -> None:
    lost = upload_over(
        "flask@far", "request.stream-chunked", status=Status.WRONG, stored_bytes=0, error="0 bytes"
    )
    shown = document_of(linked_run(tmp_path / "linked", lost), Goals())
    assert shown.title.startswith("1 server lost a whole file")
    check = shown.commands["To see every kind of upload that they lose"]
    assert check == "./scripts/lab check --deployments flask"


def test_tables_have_links_deployments_and_every_end(shown: Document) -> None:
    (section,) = [of for of in shown.sections if of.id == "links"]
    rows = {
        row.cells[0]: list(map(str, row.cells[1:])) for table in section.tables for row in table.rows[:99]
    }
    assert rows["broken"][:4] == [
        "no limit",
        "no limit",
        "0 ms",
        "cut after 1 MiB to 2 MiB by rst; silent for 6 s after 1 MiB",
    ]
    by_link = {row.cells[0]: row.cells[1:] for row in section.tables[1].rows}
    assert by_link["gunicorn"] == ["500 after 30.7 s", "0.7 s, 57%", "ConnectionResetError after 1.1 s"]
    (made,) = [of for of in shown.sections if of.id == "deployments"]
    lines = {row.cells[0]: row.cells for row in made.tables[0].rows}
    assert lines["gunicorn"][2:4] == ["gunicorn 27.0.1", "configs/gunicorn/gunicorn.conf.py"]
    assert lines["gunicorn"][-1] == "slow, far, broken"
    figures = csv.DictReader(io.StringIO(as_text(shown, "csv")))
    assert {(row["deployment"], row["link"]) for row in figures} >= {
        ("flask@slow", "slow"),
        ("flask@far", "far"),
    }


def test_the_command_that_repeats_the_run_has_its_links(shown: Document) -> None:
    (section,) = [of for of in shown.sections if of.id == "repeat"]
    command = section.texts["The same again"]
    assert "--link slow,far,broken" in command
    assert lab(*shlex.split(command)[1:], "--methods", "nonsense").stderr.count("unknown method") == 1
    wait = shown.commands["To see how long they wait for a slow client"]
    assert "--deployments gunicorn --cases silent-body,slow-body" in wait


def test_a_cell_over_a_link_is_shown_with_its_config(folder: RunFolder) -> None:
    done = lab("show", str(folder.path), "gunicorn@slow/request.stream/10MiB")
    assert "30.7000 s" in done.stdout and "timeout = 30" in done.stdout


def test_two_runs_over_links_are_compared_cell_by_cell(folder: RunFolder, tmp_path: Path) -> None:
    other = linked_run(tmp_path / "other")
    done = lab("diff", str(folder.path), str(other.path))
    assert done.returncode == 0, done.stderr
    assert "Nothing can be judged against linked" in done.stdout
    assert "flask@slow" in done.stdout


def test_what_a_link_has_cut_does_not_fail_the_run(folder: RunFolder) -> None:
    run, rows = folder.read_run(), Rows(folder.read_measurements())
    run.order = Order(deployments=["gunicorn", "flask"], link=["slow", "broken"])
    assert failed_entirely(run, rows) == {"gunicorn@slow": "refused: answered 500, expected 201"}


def test_cpu_is_counted_where_uploads_ran_side_by_side(folder: RunFolder) -> None:
    run, rows = folder.read_run(), folder.read_measurements()
    shares = cpu_shares(run, rows)
    assert len(shares) == 3  # over slow
    assert max(shares) == pytest.approx(0.3 / 10.2)
    assert [facts.link.name for facts in link_facts(run, rows, summarize(run, rows))] == [
        "slow",
        "far",
        "broken",
    ]


def test_the_page_of_links_is_made_of_the_run(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    for made in (part.kept, part.kept_cells, part.kept_steps):
        made.cache_clear()
    monkeypatch.setattr(part, "REFERENCE", folder.path.parent)
    monkeypatch.setattr(link_pages, "RUN", folder.path.name)
    try:
        names = ["link_sentences", "cut_uploads", "stopped_by_slow_clients", "http2_over_distance"]
        names += ["blocks_over_distance", "connections_over_links", "links_left_cpu"]
        text = rendered("".join(f"<!-- begin: {name} -->\n<!-- end -->\n" for name in names))
    finally:
        for made in (part.kept, part.kept_cells, part.kept_steps):
            made.cache_clear()
    assert "10 MiB over `far` take 16 s (`flask`) to 16 s (`flask`). HTTP/1.1 takes 0.8 to 0.8 s." in text
    assert "| `gunicorn` | slow | request.stream 10 MiB | 500 after 30.7 s |" in text
    assert "| 2 clients | `gunicorn` |" in text
    assert "| `flask` | far | 10 MiB | 0.8 s, 50% | 16.0 s, 2.5% | - |" in text
    assert "| `flask` | far | 10 MiB | 0.7 s, 57% | 0.7 s, 57% |" in text
    assert "26 MB/s, 100% | 26 MB/s, 100% |" in text
    assert "\nYes. " in text


def test_the_kept_run_is_over_links_that_are_declared() -> None:
    run = RunFolder(REFERENCE / "links").read_run()
    assert run.plan == "links"
    assert {link.name for link in run.links} <= set(load_links())


def test_a_server_of_ones_own_is_one_over_all_links(tmp_path: Path) -> None:
    spec = TargetSpec(expect_status=[StatusRange(200, 200)])
    mine = Target("mine", "https://example.org/up", spec=spec, private=True)
    rows = [upload_over(f"mine@{link}", seconds=11.0, status=Status.UNVERIFIED) for link in ("slow", "far")]
    folder = linked_run(tmp_path / "linked", *rows)
    run = folder.read_run()
    run.targets += [mine.over("slow"), mine.over("far")]
    folder.write_run(run)
    shown = document_of(folder, Goals())
    texts = {of.head: of.text for of in shown.answer}
    assert texts["Unproven"].startswith("mine answered with success")
    assert "2 uploads, 0.021 GB, were not removed from mine: " in texts["Left behind"]
    assert shown.summary and shown.summary.deployments == ["flask", "gunicorn", "raw-sink"]
    assert shown.summary.targets == {"mine": "https://example.org/up"}
