"""The first screen of a report: the result, the worst first, and one picture that needs no library."""

import shutil
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from uploadlab.declared.goals import load_goals
from uploadlab.paths import RATIOS, REFERENCE
from uploadlab.presenting import report
from uploadlab.presenting.document import Document
from uploadlab.presenting.html import page as written
from uploadlab.storage.files import REPORT
from uploadlab.storage.run_folder import RunFolder

from .browser import PHONE, Box, Open, box, opening
from .report_runs import large_run

MOST_BYTES = 3_000_000


@cache
def quick() -> Document:
    """A committed run, as its report shows it."""
    return report.document_of(RunFolder(REFERENCE / "quick"), load_goals(RATIOS))


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of a committed run, and of one with as many cells as a run may have."""
    out = tmp_path_factory.mktemp("runs")
    quick = RunFolder(Path(shutil.copytree(REFERENCE / "quick", out / "quick")))
    folders = {"quick": quick, "large": large_run(out / "large")}
    for folder in folders.values():
        report.write_page(folder, report.document_of(folder, load_goals(RATIOS)))
    return {name: folder.path / REPORT for name, folder in folders.items()}


@pytest.fixture
def opened(browser: Browser, reports: dict[str, Path]) -> Iterator[Open]:
    """Opens a report by its run's name."""
    with opening(browser, reports) as start:
        yield start


def test_a_phone_shows_the_result_the_worst_and_the_picture_at_once(opened: Open) -> None:
    page = opened("quick", viewport=PHONE).page
    ends = [box(page.locator(place).first)[3] for place in ("h1", ".statements .bad", "#by-method .plot li")]
    assert ends == sorted(ends)
    assert ends[-1] <= PHONE["height"]
    assert page.locator("h1").inner_text() == quick().title


def test_a_desktop_shows_every_statement_beside_the_picture(opened: Open) -> None:
    page = opened("quick").page
    texts = page.locator(".statements li").all_inner_texts()
    assert len(texts) == len(quick().answer)
    assert all(text.startswith(said.head) for text, said in zip(texts, quick().answer, strict=True))
    answer, picture = box(page.locator(".answer")), box(page.locator(".picture"))
    assert answer[2] < picture[0]
    assert answer[1] == picture[1] < 250


def test_a_statement_has_its_tone_by_colour_and_by_a_symbol(opened: Open) -> None:
    page = opened("quick").page
    looks = """place => {
        const { content, backgroundColor } = getComputedStyle(place, "::before");
        return [content, backgroundColor];
    }"""
    bad, change = (page.locator(f".statements .{tone}").first.evaluate(looks) for tone in ("bad", "change"))
    assert bad[0] != change[0]
    assert bad[1] != change[1]


def test_what_was_lost_is_a_filled_cell_with_words(opened: Open) -> None:
    page = opened("quick").page
    lost = page.locator("#by-method .cell.lost")
    assert sorted(lost.all_inner_texts()) == ["nginx-uwsgi lost the file", "uwsgi-default lost the file"]
    assert lost.first.evaluate("place => getComputedStyle(place).backgroundColor") == "rgb(179, 38, 30)"
    lost.filter(has_text="uwsgi-default").focus()
    expect(page.locator("#tip")).to_have_text(
        "request.stream-chunked on uwsgi-default: answered 201 and stored 0 bytes of 256 MiB"
    )


def test_lines_are_ranked_and_smaller_sizes_come_last(opened: Open) -> None:
    page = opened("quick").page
    names = page.locator("#by-method .who b").all_inner_texts()
    assert names[0] in ("request.stream", "request.stream-chunked")  # of the same speed
    assert names[-2:] == ["request.stream-fsync (1 MiB)", "request.stream-lines (1 MiB)"]
    rings = page.locator("#by-method li", has_text="1 MiB").locator(".point:not(.ring)")
    assert rings.count() == 0


def test_no_dot_and_no_label_hides_another(opened: Open) -> None:
    for options in ({}, {"viewport": PHONE}):
        page = opened("quick", **options).page
        lines = page.locator("#by-method .plot li")
        assert lines.count() == len(quick().pictures[0].rows)
        for line in lines.all():
            dots = [box(dot) for dot in line.locator(".dot").all()]
            assert not [pair for pair in pairwise(dots) if _overlap(*pair)]
            labels = [*line.locator(".who > *").all(), *line.locator(".track").all()]
            boxes = [box(label) for label in labels]
            assert not [(a, b) for a in boxes for b in boxes if a is not b and _overlap(a, b)]
            assert all(place[2] <= page.viewport_size["width"] for place in [*dots, *boxes])  # type: ignore[index]
        cut = "all => all.filter((place) => place.scrollWidth > place.clientWidth + 1).length"
        assert page.locator(".first :is(li, p, span, button)").evaluate_all(cut) == 0


def test_a_dot_says_what_it_is_on_hover_and_by_the_keyboard(opened: Open) -> None:
    page = opened("quick").page
    line = page.locator("#by-method .plot li", has_text="request.files-direct")
    first, second = line.locator(".dot").nth(0), line.locator(".dot").nth(1)
    second.hover()
    expect(page.locator("#tip")).to_have_text(str(second.get_attribute("aria-label")))
    page.mouse.move(1, 1)
    expect(page.locator("#tip")).to_be_hidden()
    first.focus()
    expect(page.locator("#tip")).to_have_text(str(first.get_attribute("aria-label")))
    page.keyboard.press("ArrowRight")
    expect(second).to_be_focused()
    expect(page.locator("#tip")).to_have_text(str(second.get_attribute("aria-label")))
    left, _, right, _ = box(page.locator("#tip"))
    assert 0 <= left < right <= 1280
    page.keyboard.press("ArrowDown")
    below = page.locator("#by-method .plot li", has_text="request.files-direct").locator("+ li .dot").first
    expect(below).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#tip")).to_be_hidden()
    assert (
        page.locator("#by-method .dot[tabindex='0']").count()
        == page.locator("#by-method .track[role]").count()
    )


def test_a_colour_of_the_legend_lets_its_dots_stand_out(opened: Open) -> None:
    page = opened("quick").page
    flask = page.locator("#by-method .colours button", has_text="flask")
    bright = page.locator("#by-method .point:not(.dim)")
    every = bright.count()
    flask.hover()
    assert bright.count() == 8
    page.mouse.move(1, 1)
    assert bright.count() == every
    flask.focus()
    assert bright.count() == 8
    flask.blur()
    assert bright.count() == every
    flask.click()
    page.mouse.move(1, 1)
    assert (bright.count(), flask.get_attribute("aria-pressed")) == (8, "true")
    flask.click()
    flask.blur()
    page.mouse.move(1, 1)
    assert bright.count() == every


def test_the_picture_is_there_before_any_library_runs(browser: Browser, reports: dict[str, Path]) -> None:
    page = browser.new_page()
    page.add_init_script("""addEventListener("DOMContentLoaded", () => {
        const picture = document.querySelector(".dots").getBoundingClientRect();
        const rows = document.querySelectorAll(".sortable tbody tr");
        window.seen = [typeof vega, picture.height > 100, rows.length];
    })""")
    page.goto(reports["large"].as_uri())
    assert page.evaluate("window.seen") == ["undefined", True, 2000]
    page.close()


def test_ten_thousand_rows_are_less_than_three_megabytes(reports: dict[str, Path]) -> None:
    folder = RunFolder(reports["large"].parent)
    assert len(folder.read_measurements()) == 10_000
    assert reports["large"].stat().st_size < MOST_BYTES
    document = report.document_of(folder, load_goals(RATIOS))
    assert len(written(_with_rows(document, 5)).encode()) < MOST_BYTES


def _with_rows(document: Document, times: int) -> Document:
    """Return the document with that many times the rows of its table of cells."""
    sections = []
    for section in document.sections:
        if section.id == "cells":
            (table,) = section.tables
            section = section._replace(tables=[table._replace(rows=[*table.rows] * times)])
            assert len(section.tables[0].rows) == 10_000
        sections.append(section)
    return document._replace(sections=sections)


def test_docs_are_links_only_where_both_are_files_of_a_checkout(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs, runs = tmp_path / "docs", tmp_path / "benchmark" / "runs"
    docs.mkdir()
    monkeypatch.setattr(report, "DOCS", docs)
    monkeypatch.setattr(report, "BENCHMARK", runs.parent)
    links = {}
    for place in (runs / "inside", tmp_path / "outside"):
        folder = RunFolder(Path(shutil.copytree(REFERENCE / "quick", place)))
        report.write_page(folder, quick())
        page = browser.new_page()
        page.goto((place / REPORT).as_uri())
        found = page.locator("a", has_text="docs/findings.md#lost-body")
        links[place.name] = found.evaluate_all("all => all.map(link => link.href)")
        page.close()
    assert set(links["inside"]) == {f"{docs.as_uri()}/findings.md#lost-body"}
    assert links["outside"] == []
    page = browser.new_page()
    body = (runs / "inside" / REPORT).read_text()
    page.route("http://viewer/**", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto("http://viewer/runs/inside/report.html")
    expect(page.locator("code", has_text="docs/findings.md#lost-body").first).to_be_visible()
    assert page.locator("a", has_text="docs/").count() == 0
    page.close()


def _overlap(a: Box, b: Box) -> bool:
    room = 0.5
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return across > room and down > room
