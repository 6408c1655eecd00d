"""The report in a real browser: what is drawn, filtered and fetched, and who can use it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from uploadlab.analysis.cells import summarize
from uploadlab.declared.goals import load_goals
from uploadlab.model.measurements import ACCEPTED
from uploadlab.paths import RATIOS, REFERENCE
from uploadlab.presenting import report
from uploadlab.storage.files import REPORT
from uploadlab.storage.run_folder import RunFolder

from .browser import DESKTOP, PHONE, Open, box, opening, shut_out
from .report_runs import HOSTILE, SIZES, compared_run, loaded_run


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of the committed runs, and of one with many users, profiles and a hostile name."""
    out = tmp_path_factory.mktemp("runs")
    folders = {"loaded": loaded_run(out / "loaded"), "compared": compared_run(out / "compared")}
    for name in ("quick", "check", "slow-clients"):
        folders[name] = RunFolder(Path(shutil.copytree(REFERENCE / name, out / name)))
    goals = load_goals(RATIOS)
    for folder in folders.values():
        report.write_page(folder, report.document_of(folder, goals))
    return {name: folder.path / REPORT for name, folder in folders.items()}


@pytest.fixture
def opened(browser: Browser, reports: dict[str, Path]) -> Iterator[Open]:
    """Opens a report by its run's name."""
    with opening(browser, reports) as start:
        yield start


def test_every_upload_that_arrived_is_a_mark(opened: Open) -> None:
    folder = RunFolder(REFERENCE / "quick")
    rows = [row for row in folder.read_measurements() if not row.warmup and row.status in ACCEPTED]
    summaries = [cell for cell in summarize(folder.read_run(), rows) if cell.server_peak_rss_bytes]
    quick = opened("quick")
    assert quick.page.locator("#time .panel").count() == 0, "drawn before its section is open"
    quick.open("charts")
    assert quick.marks("time") == len(rows) > 300
    assert quick.marks("server-memory") == quick.marks("client-memory") == len(summaries) > 50
    names = quick.page.locator("#time .mark-symbol path").evaluate_all(
        "all => all.map(mark => mark.ariaLabel)"
    )
    first = next(row for row in rows if row.deployment == "flask" and row.size_bytes == 64 << 20)
    assert f"flask, {first.method}, 64 MiB: {first.seconds:.4g} s" in names
    assert quick.page.locator("#time [role=graphics-document]").count() == 12
    assert quick.marks("load-p95-16777216") > 36


def test_load_is_drawn_against_users_before_its_table(opened: Open) -> None:
    loaded = opened("loaded")
    assert loaded.marks("load-rate-1048576") == 6
    assert loaded.page.locator("#load-p95-1048576").count() == 0, (
        "too few uploads for it, but for the most users"
    )
    expect(loaded.page.locator(".part:has(#load) tbody tr")).to_have_count(6)
    chart, table = loaded.page.locator("#load-rate-1048576"), loaded.page.locator(".part:has(#load) table")
    assert box(chart)[3] < box(table)[1]


def test_one_number_of_users_makes_no_chart(opened: Open) -> None:
    slow = opened("slow-clients")
    assert slow.page.locator(".chart").count() == 0
    assert slow.page.locator("script.later").count() == 0


def test_a_comparison_is_its_verdicts_and_a_bar_for_each(opened: Open) -> None:
    compared = opened("compared")
    speed = compared.page.locator(".bars").first
    expect(speed.locator("li")).to_have_text(
        [
            f"{HOSTILE} request.stream slower 0.80x [0.80, 0.80]",
            "flask-b request.stream no difference 1.00x [1.00, 1.00]",
        ],
        use_inner_text=True,
    )
    middle, low, high = (
        speed.locator("li").first.locator(name).evaluate("place => place.getBoundingClientRect().left")
        for name in (".base", ".dot", ".noise")
    )
    assert low < high < middle
    expect(compared.page.locator(".answer")).to_contain_text(
        f"Slower {HOSTILE}: request.stream 0.80x [0.80, 0.80]"
    )
    compared.choose("deployment", HOSTILE)
    expect(speed.locator("li:visible")).to_have_count(1)
    expect(compared.page.locator(".part:has(#comparison) tbody th:visible", has_text=HOSTILE)).to_have_count(
        0
    )


def test_a_check_is_its_answer_and_its_grid(opened: Open) -> None:
    page = opened("check").page
    expect(page.locator("h1")).to_contain_text("4 servers with default settings lost bytes silently")
    expect(page.locator(".answer li").first).to_contain_text("Lost uwsgi-default answered with success")
    expect(page.locator(".part:has(#check) table").first).to_be_visible()
    assert page.locator("figure").count() == 0


def test_filters_hide_rows_columns_tables_panels_dots_and_marks(opened: Open) -> None:
    quick = opened("quick")
    page = quick.page
    quick.open("cells", "charts")
    before, rows = quick.marks("time"), page.locator(".sortable tbody tr:visible").count()
    dots = page.locator("#by-method .dot:visible").count()
    quick.choose("deployment", "flask")
    assert quick.shown("deployment", "flask") == 0
    without_flask = quick.marks("time")
    assert 0 < without_flask < before
    assert page.locator("#by-method .dot:visible").count() == dots - 8
    quick.choose("method", "request.files")
    assert quick.shown("method", "request.files") == 0
    expect(page.locator("#by-method .who:visible", has_text="request.files uwsgi")).to_have_count(0)
    assert 0 < quick.marks("time") < without_flask
    quick.choose("size", str(1 << 20))
    assert quick.shown("size", 1 << 20) == 0
    quick.choose("tier", "stock")
    assert quick.shown("tier", "stock") == quick.shown("deployment", "gunicorn") == 0
    assert 0 < page.locator(".sortable tbody tr:visible").count() < rows
    expect(page.locator("#shown")).to_have_text("8 of 12 deployments, 8 of 9 methods, 3 of 4 sizes")
    again = quick.drawn()
    page.get_by_role("button", name="all or none: size").click()
    quick.until_drawn(again)
    assert quick.shown("size", 1 << 20) > 0
    again = quick.drawn()
    page.get_by_role("button", name="Show all").click()
    quick.until_drawn(again)
    assert quick.marks("time") == before
    expect(page.locator(".sortable tbody tr:visible")).to_have_count(rows)


def test_filters_hide_what_a_check_has(opened: Open) -> None:
    check = opened("check")
    check.choose("tier", "tuned")
    assert check.shown("tier", "tuned") == 0
    check.choose("deployment", "gunicorn")
    expect(
        check.page.locator(".part:has(#check) th:visible").get_by_text("gunicorn", exact=True)
    ).to_have_count(0)


def test_an_address_keeps_the_filters(opened: Open) -> None:
    loaded = opened("loaded")
    loaded.choose("deployment", "flask")
    assert loaded.page.url.endswith("#hide:deployment=flask")
    loaded.open("cells")
    assert loaded.page.url.endswith("#hide:deployment=flask"), "a link to a section forgets the filters"
    before = loaded.drawn()
    loaded.page.evaluate("location.hash = 'hide:size=1048576'")
    loaded.until_drawn(before)
    assert loaded.shown("deployment", "flask") > 0
    assert loaded.shown("size", SIZES[0]) == 0
    again = opened("loaded", "#hide:deployment=flask")
    assert again.shown("deployment", "flask") == 0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("loaded", {"viewport": PHONE, "color_scheme": "dark"}),
        ("check", {"viewport": PHONE}),
        ("compared", {"viewport": PHONE, "color_scheme": "dark"}),
        ("quick", {"color_scheme": "dark"}),
    ],
)
def test_nobody_is_shut_out(opened: Open, name: str, options: dict[str, Any]) -> None:
    page = opened(name, **options).page
    if name == "quick":  # what is closed shows on this page; the others are looked at when all is open
        assert shut_out(page) == []
    page.evaluate("for (const closed of document.querySelectorAll('details')) closed.open = true")
    part = "header, .first, nav, .filters, .part:has(#cells)" if name == "quick" else None
    assert shut_out(page, part) == []
    assert page.evaluate("document.documentElement.scrollWidth") == options.get("viewport", DESKTOP)["width"]
    page.locator(".theme label", has_text="light").click()
    assert shut_out(page, part or ".first, nav, table") == []


@pytest.mark.parametrize("name", ["quick", "check", "compared", "loaded"])
def test_a_phone_scrolls_tables_but_never_the_page(opened: Open, name: str) -> None:
    page = opened(name, viewport=PHONE).page
    page.evaluate("for (const closed of document.querySelectorAll('details')) closed.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.locator(".scroll").evaluate_all(
        "all => all.some(place => place.scrollWidth > place.clientWidth)"
    )


def test_the_theme_follows_the_system_or_the_switch(opened: Open) -> None:
    loaded = opened("loaded", color_scheme="dark")
    loaded.open("charts")
    page = loaded.page
    looks = """[
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector("#time .mark-symbol path")).fill,
    ]"""
    dark = page.evaluate(looks)
    page.locator(".theme label", has_text="light").click()
    light = page.evaluate(looks)
    assert dark[0] != light[0]
    assert dark[1] != light[1]
    page.emulate_media(color_scheme="light")
    page.locator(".theme label", has_text="auto").click()
    assert page.evaluate(looks) == light


def test_the_keyboard_reaches_filters_dots_sections_and_tables(opened: Open) -> None:
    loaded = opened("loaded")
    page, reached = loaded.page, set()
    focus = "(place => place.id || place.name || place.className || place.localName)(document.activeElement)"
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the results"
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(focus))
    assert {
        "theme-auto",
        "dot",
        "cell lost",
        "size",
        "tier",
        "deployment",
        "open-all",
        "summary",
        "scroll",
    } <= reached
    before = loaded.drawn()
    page.locator("input[name=deployment]").first.focus()
    page.keyboard.press("Space")
    loaded.until_drawn(before)
    assert loaded.shown("deployment", "flask") == 0


def test_a_hostile_name_is_text_everywhere(opened: Open) -> None:
    loaded = opened("loaded")
    loaded.open("charts", "profiles")
    page = loaded.page
    expect(page.locator(".plot .who", has_text=HOSTILE).first).to_be_visible()
    expect(page.locator(".cell.lost")).to_have_text("request.stream did not prove the file")
    expect(page.locator("#time .panel h4", has_text=HOSTILE)).to_be_visible()
    mark = page.locator("#time .panel", has_text=HOSTILE).locator(".mark-symbol path").first
    assert str(mark.get_attribute("aria-label")).startswith(HOSTILE)
    mark.hover()
    expect(page.locator("#tip")).to_contain_text(f"{HOSTILE}, request.stream, 1 MiB")
    assert [link.get_attribute("href") for link in page.locator(".part:has(#profiles) a").all()] == [
        "profiles/flask/request.stream/samples.html"
    ]


def test_a_script_that_slips_in_does_not_run(opened: Open) -> None:
    loaded = opened("loaded")
    loaded.page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
    }""")
    assert loaded.page.evaluate("window.ran") is None
    (complaint,) = loaded.complaints
    assert "Content Security Policy" in complaint
    loaded.complaints.clear()


def test_without_scripts_all_is_there_and_no_control_pretends(
    browser: Browser, reports: dict[str, Path]
) -> None:
    page = browser.new_page(java_script_enabled=False, viewport=DESKTOP)
    page.goto(reports["quick"].as_uri())
    for control in ("#filters", "#open-all", ".legend"):
        expect(page.locator(control).first).to_be_hidden()
    assert page.locator("thead button").count() == 0
    expect(page.locator("#by-method")).to_be_visible()
    expect(page.locator("#by-server")).to_be_hidden()
    page.locator(".view label", has_text="by server").click()
    expect(page.locator("#by-method")).to_be_hidden()
    expect(page.locator("#by-server .dot").first).to_be_visible()
    page.locator(".part:has(#cells) > summary").click()
    expect(page.locator(".sortable tbody tr").first).to_be_visible()
    page.close()
