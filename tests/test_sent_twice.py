"""What a report shows of uploads that went on after breaks."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from uploadlab.declared.goals import Goals
from uploadlab.declared.links import load_links
from uploadlab.model.cells import Cell, Planned
from uploadlab.model.deployments import Target
from uploadlab.model.links import Link
from uploadlab.model.measurements import Measurement
from uploadlab.model.order import Order
from uploadlab.presenting.cell import cell_in_full
from uploadlab.presenting.document import Document
from uploadlab.presenting.markdown import as_markdown
from uploadlab.presenting.report import document_of
from uploadlab.presenting.spreadsheet import as_csv
from uploadlab.storage.run_folder import RunFolder
from uploadlab.units import MIB

from .helpers import RUN, measured

LINKS = [load_links()[name] for name in ("cuts-0", "cuts-3")]
SIZE = 32 * MIB


def row_over(link: Link, method: str, seconds: float, twice: float | None) -> Measurement:
    more: dict[str, Any] = {"size_bytes": SIZE}
    if twice is not None:
        more |= {"sent_bytes": SIZE + round(twice * MIB), "breaks": len(link.cuts)}
    return measured(f"flask@{link.name}", method, seconds, **more)


def stored(path: Path, *rows: Measurement) -> RunFolder:
    """A run of these uploads."""
    run = msgspec.structs.replace(
        RUN, id="cuts", order=Order(plan="cuts"), links=LINKS,
        targets=[Target("flask", "", "stock").over(link.name) for link in LINKS],
        cells=[Planned(Cell(row.deployment, row.method, SIZE), 1, 1) for row in rows],
    )  # fmt: skip
    found = RunFolder(path)
    found.path.mkdir()
    found.write_run(run)
    for row in rows:
        found.append(row)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run of one upload each, over the line and over the line that breaks."""
    whole, cut = LINKS
    return stored(
        tmp_path / "cuts",
        row_over(whole, "resumable", 5.5, 0), row_over(whole, "request.stream-retried", 5.4, 0),
        row_over(cut, "resumable", 6.6, 0.9), row_over(cut, "request.stream-retried", 9.1, 15.2),
        row_over(whole, "request.stream", 5.4, None),
    )  # fmt: skip


@pytest.fixture
def shown(folder: RunFolder) -> Document:
    return document_of(folder, Goals())


def test_the_title_and_a_sentence_say_what_was_sent_twice(shown: Document) -> None:
    assert shown.title.startswith(
        "After 3 cuts, resumable has sent 0.9 MiB of 32 MiB twice, request.stream-retried 15.2 MiB"
    )
    texts = [of.text for of in shown.answer if of.head == "cuts-3"]
    assert (
        "3 cuts at flask, 32 MiB: resumable 6.6 s, 0.9 MiB twice; "
        "request.stream-retried 9.1 s, 15.2 MiB twice" in texts
    )


@pytest.mark.parametrize(("method", "twice"), [("resumable", 0.9), ("tuspy.resumable", None)])
def test_what_arrived_after_cuts_is_the_title_where_nothing_is_compared(
    method: str, twice: float | None, tmp_path: Path
) -> None:
    shown = document_of(stored(tmp_path / "one", row_over(LINKS[1], method, 6.6, twice)), Goals())
    assert shown.title.startswith("Uploads arrived after the cuts of cuts-3")


def test_the_tables_have_it_where_it_is_known(shown: Document) -> None:
    text = as_markdown(shown)
    assert "| 3 cuts, cuts-3 | 6.6 s, 81%, 0.9 MiB twice | 9.1 s, 59%, 15.2 MiB twice |" in text
    assert "| 0 cuts, cuts-0 | 5.5 s, 98% | 5.4 s, 99% |" in text
    cells = next(section for section in shown.sections if section.id == "cells")
    assert cells.tables[0].header[-2:] == ["sent twice", "begun again"]
    last = {(row.cells[0], row.cells[1]): row.cells[-2:] for row in cells.tables[0].rows}
    assert last["flask@cuts-3", "request.stream-retried"] == ["15.2 MiB", "3"]
    assert last["flask@cuts-0", "resumable"] == ["0.0 MiB", "0"]
    assert last["flask@cuts-0", "request.stream"] == ["-", "-"]


def test_other_programs_and_one_cell_have_it(shown: Document, folder: RunFolder) -> None:
    head, *lines = as_csv(shown).splitlines()
    names = head.split(",")
    figures = [dict(zip(names, line.split(","), strict=False)) for line in lines]
    assert {(row["method"], row["sent_twice_bytes"], row["breaks"]) for row in figures} >= {
        ("resumable", str(round(0.9 * MIB)), "3"), ("request.stream", "", ""),
    }  # fmt: skip
    lines = cell_in_full(folder, "flask@cuts-3/resumable/32MiB")
    assert any(line.split() == ["begun", "again", "3", "3"] for line in lines)
    lines = cell_in_full(folder, "flask@cuts-0/request.stream/32MiB")
    assert not any("begun again" in line for line in lines)


def test_a_server_that_drops_what_was_cut_is_named(folder: RunFolder) -> None:
    targets = [Target(f"server-{number}", "", "stock").over("cuts-3") for number in range(2)]
    cells = [Cell(target.name, "resumable", SIZE) for target in targets]
    for cell, twice in zip(cells, (1.1, 20.0), strict=True):
        row = row_over(LINKS[1], "resumable", 7.0, twice)
        folder.append(msgspec.structs.replace(row, deployment=cell.deployment, cell_id=cell.id))
    run = folder.read_run()
    planned = [*run.cells, *(Planned(cell, 1, 1) for cell in cells)]
    folder.write_run(msgspec.structs.replace(run, targets=[*run.targets, *targets], cells=planned))
    texts = [of.text for of in document_of(folder, Goals()).answer]
    assert (
        "server-1: little is kept of a request that was cut; resumable has sent 20.0 MiB of 32 MiB twice "
        "there, 0.9 to 1.1 MiB at 2 others"
    ) in texts


def test_a_run_of_one_request_each_has_no_such_columns(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "plain")
    folder.path.mkdir()
    folder.write_run(RUN)
    folder.append(measured("flask"))
    text = as_markdown(document_of(folder, Goals()))
    assert "sent twice" not in text and "twice" not in text
