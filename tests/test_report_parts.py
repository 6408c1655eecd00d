"""The parts of a report: they fold, sort, explain their rows and cells, and print."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from uploadlab.presenting.html import page as written

from .browser import PHONE, Open, box, opening, shut_out
from .report_pages import ABOUT, NOTE, hand_made

PARTS = ["check", "comparison", "cells", "charts", "configs"]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a document that was made by hand."""
    place = tmp_path_factory.mktemp("pages") / "report.html"
    place.write_text(written(hand_made()))
    return {"made": place}


@pytest.fixture
def opened(browser: Browser, reports: dict[str, Path]) -> Iterator[Open]:
    """Opens it."""
    with opening(browser, reports) as start:
        yield start


def open_parts(page: Page) -> list[str]:
    """Which sections are open."""
    return [name for name in PARTS if page.locator(f"details.part[open] h2#{name}").count()]


def test_sections_fold_and_their_links_open_them(opened: Open) -> None:
    made = opened("made")
    page = made.page
    assert open_parts(page) == ["check", "comparison"]
    assert page.locator("#time .panel").count() == 0
    made.open("charts")
    assert open_parts(page) == ["check", "comparison", "charts"]
    assert made.marks("time") == 24
    expect(page.locator("h2#charts")).to_be_in_viewport()
    page.locator(".part:has(#check) > summary").focus()
    page.keyboard.press("Enter")
    assert open_parts(page) == ["comparison", "charts"]
    page.locator("nav a", has_text="Against size").click()
    page.locator(".part:has(#charts) > summary").click()
    page.locator("nav a", has_text="Against size").click()
    assert open_parts(page) == ["comparison", "charts"], "a second click on the same link opens nothing"


def test_an_address_opens_its_section(opened: Open) -> None:
    page = opened("made", "#cells").page
    assert open_parts(page) == ["check", "comparison", "cells"]
    expect(page.locator("h2#cells")).to_be_in_viewport()
    page.evaluate("location.hash = 'configs'")
    expect(page.locator("details.part[open] h2#configs")).to_be_visible()


def test_one_control_opens_all_and_closes_all(opened: Open) -> None:
    page = opened("made").page
    control = page.locator("#open-all")
    control.click()
    assert open_parts(page) == PARTS
    expect(control).to_have_text("close all")
    control.click()
    assert open_parts(page) == []
    expect(control).to_have_text("open all")


def test_a_table_sorts_by_value_and_keeps_what_has_none_at_the_end(opened: Open) -> None:
    made = opened("made", "#cells")
    table = made.page.locator(".sortable table")
    heads = {name: table.get_by_role("button", name=name) for name in ("deployment", "size", "MB/s")}

    def names() -> str:
        return " ".join(name.removeprefix("server-") for name in table.locator("tbody th").all_inner_texts())

    heads["MB/s"].click()
    assert names() == "1 0 4 3 2"
    expect(table.locator("th", has_text="MB/s")).to_have_attribute("aria-sort", "descending")
    heads["MB/s"].focus()
    made.page.keyboard.press("Enter")
    assert names() == "3 0 4 1 2", "equal rates stay in their order, and a failure is no rate"
    expect(table.locator("th", has_text="MB/s")).to_have_attribute("aria-sort", "ascending")
    heads["size"].click()
    assert names() == "1 3 0 4 2", "512 KiB are less than 1 GiB"
    expect(table.locator("th[aria-sort]")).to_have_count(1)
    heads["deployment"].click()
    assert names() == "0 1 2 3 4"
    made.choose("deployment", "server-1")
    expect(table.locator("tbody tr:visible")).to_have_count(4)


def test_the_first_column_stays_while_a_phone_scrolls(opened: Open) -> None:
    page = opened("made", viewport=PHONE).page
    table = page.locator(".scroll").first
    name, cell = table.locator("tbody th").first, table.locator("tbody td").first
    before, moved = box(name)[0], box(cell)[0]
    table.evaluate("place => place.scrollLeft = 200")
    assert box(name)[0] == before
    assert box(cell)[0] == moved - 200
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("kind", ["hover", "focus"])
def test_a_row_explains_itself_and_no_box_cuts_it_off(opened: Open, kind: str) -> None:
    page = opened("made", viewport=PHONE).page
    about = page.locator(".scroll").first.locator(".about").nth(19)
    (about.hover if kind == "hover" else about.focus)()
    tip = page.locator("#tip")
    expect(tip).to_have_text(ABOUT)
    words = box(tip)
    assert words[0] >= 0 <= words[1]
    assert words[2] <= PHONE["width"]
    assert words[3] <= PHONE["height"]
    seen = "([x, y]) => { const tip = document.getElementById('tip'); tip.style.pointerEvents = 'auto';" + (
        "return document.elementFromPoint(x, y) === tip }"
    )
    assert page.evaluate(seen, [(words[0] + words[2]) / 2, (words[1] + words[3]) / 2])
    assert about.get_attribute("aria-label") == f"case-19: {ABOUT}"


def test_a_cell_of_a_grid_has_a_colour_a_symbol_and_its_notes_beside_it(opened: Open) -> None:
    page = opened("made").page
    looks = """place => [
        getComputedStyle(place.querySelector(".note") ?? place, "::before").content,
        getComputedStyle(place).color,
    ]"""
    found = [
        page.locator(f"td.{tone}").first.evaluate(looks)
        for tone in ("lost", "bad", "known", "unknown", "good")
    ]
    assert len({colour for _, colour in found}) == 5
    assert len({symbol for symbol, _ in found}) == 4, "what is lost and what is bad share a cross"
    cell = page.locator("td.lost").nth(1)
    cell.locator("button").click()
    note = cell.locator("[popover]")
    expect(note).to_be_visible()
    expect(note).to_have_text(NOTE.replace("`", ""))
    apart = note.evaluate("""note => {
        const [a, b] = [note, note.closest("td")].map((place) => place.getBoundingClientRect());
        return [Math.max(a.left - b.right, b.left - a.right), Math.max(a.top - b.bottom, b.top - a.bottom)];
    }""")
    assert max(apart) < 20
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()


def test_a_lost_body_of_a_comparison_is_a_filled_cell_without_an_interval(opened: Open) -> None:
    page = opened("made").page
    lines = page.locator(".bars li")
    lost = lines.nth(0).locator(".cell")
    expect(lost).to_have_text("wrong: 0 of 64 MiB")
    assert lost.evaluate("place => getComputedStyle(place).backgroundColor") == "rgb(179, 38, 30)"
    expect(lines.nth(1).locator(".cell")).to_have_text("ok, the base: refused")
    assert [line.locator(".line").count() for line in lines.all()] == [0, 0, 1]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_part_shuts_anybody_out(opened: Open, colours: str) -> None:
    made = opened("made", color_scheme=colours)
    made.open("cells")
    made.page.locator("td.lost button").first.click()
    assert shut_out(made.page) == []
    made.page.get_by_role("button", name="MB/s").click()
    assert shut_out(made.page, ".sortable") == []


def test_print_opens_all_without_controls_and_closes_again(opened: Open) -> None:
    page = opened("made", color_scheme="dark").page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert open_parts(page) == PARTS
    assert page.locator("#time .mark-symbol path").count() == 24
    for place in (".filters", "nav", ".theme", ".about"):
        expect(page.locator(place).first).to_be_hidden()
    expect(page.locator("pre")).to_be_visible()
    expect(page.locator("td.lost [popover]").first).to_be_visible()
    style = "place => [getComputedStyle(place).overflowX, getComputedStyle(document.body).backgroundColor]"
    for table in page.locator(".scroll").all():
        assert table.evaluate(style) == ["visible", "rgb(255, 255, 255)"]
        assert table.evaluate("place => place.scrollHeight - place.clientHeight") == 0, "rows are cut off"
    after = "place => getComputedStyle(place).breakAfter"
    assert {page.locator(place).first.evaluate(after) for place in ("h2", "summary", "thead")} == {"avoid"}
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert open_parts(page) == ["check", "comparison"]


def test_a_printed_page_has_what_was_folded(opened: Open, tmp_path: Path) -> None:
    page = opened("made").page
    paper = page.pdf(path=tmp_path / "report.pdf", format="A4", prefer_css_page_size=True)
    assert paper.startswith(b"%PDF-")
    assert paper.count(b"/Type /Page\n") >= 2
    assert open_parts(page) == ["check", "comparison"]
