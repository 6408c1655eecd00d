"""The report in a real browser: what is drawn, filtered and fetched, and who can use it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from uploadlab.analysis.cells import summarize
from uploadlab.declared.goals import load_goals
from uploadlab.model.measurements import ACCEPTED
from uploadlab.paths import RATIOS, REFERENCE
from uploadlab.presenting import report
from uploadlab.storage.files import REPORT
from uploadlab.storage.run_folder import RunFolder

from .browser import shut_out
from .report_runs import HOSTILE, LOST, compared_run, loaded_run

pytestmark = pytest.mark.apart

DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=375, height=700)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of the committed runs, and of one with many users, profiles and a hostile name."""
    out = tmp_path_factory.mktemp("runs")
    folders = {"loaded": loaded_run(out / "loaded"), "compared": compared_run(out / "compared")}
    for name, run in (("quick", REFERENCE / "quick"), ("check", REFERENCE / "check")):
        folders[name] = RunFolder(Path(shutil.copytree(run, out / name)))
    goals = load_goals(RATIOS)
    for folder in folders.values():
        report.write_page(folder, report.document_of(folder, goals))
    return {name: folder.path / REPORT for name, folder in folders.items()}


class Opened:
    """A page with all it asked for and complained of."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address)
        self.until_drawn(0)

    def drawn(self) -> int:
        """How often all charts have been drawn."""
        return int(self.page.evaluate("document.documentElement.dataset.drawn ?? 0"))

    def until_drawn(self, before: int) -> None:
        self.page.wait_for_function("before => document.documentElement.dataset.drawn > before", arg=before)

    def choose(self, kind: str, value: str) -> None:
        """Click a filter, and wait for the charts."""
        before = self.drawn()
        self.page.locator(f"input[name={kind}][value='{value}']").click()
        self.until_drawn(before)

    def marks(self, chart: str) -> int:
        """How many points can be seen."""
        return self.page.locator(f"#{chart} .panel:not([hidden]) .mark-symbol path").count()


Open = Callable[..., Opened]


@pytest.fixture
def opened(browser: Browser, reports: dict[str, Path]) -> Iterator[Open]:
    """Opens a report by its run's name; nobody may complain, and nothing may be fetched."""
    found: list[Opened] = []

    def start(name: str, **options: Any) -> Opened:
        page = browser.new_page(**{"viewport": DESKTOP, **options})
        found.append(Opened(page, reports[name].as_uri()))
        return found[-1]

    yield start
    for one in found:
        one.page.close()
        assert one.complaints == []
        assert one.requests == [one.address]


def test_every_upload_that_arrived_is_a_mark(opened: Open) -> None:
    folder = RunFolder(REFERENCE / "quick")
    rows = [row for row in folder.read_measurements() if not row.warmup and row.status in ACCEPTED]
    summaries = [one for one in summarize(folder.read_run(), rows) if one.server_peak_rss_bytes]
    one = opened("quick")
    assert one.marks("time") == len(rows) > 300
    assert one.marks("server-memory") == one.marks("client-memory") == len(summaries) > 50
    names = one.page.locator("#time .mark-symbol path").evaluate_all("all => all.map(one => one.ariaLabel)")
    first = next(row for row in rows if row.deployment == "flask" and row.size_bytes == 64 << 20)
    assert f"flask, {first.method}, 64 MiB: {first.seconds:.4g} s" in names
    assert one.page.locator("#time [role=graphics-document]").count() == 12


def test_load_is_drawn_against_users(opened: Open) -> None:
    one = opened("loaded")
    assert one.marks("load-rate-1048576") == one.marks("load-p95-1048576") == 6
    expect(one.page.locator("h2#load ~ .scroll tbody tr")).to_have_count(6)


def test_a_comparison_is_its_verdicts_and_a_bar_for_each(opened: Open) -> None:
    one = opened("compared")
    speed = one.page.locator(".bars").first
    expect(speed.locator("li")).to_have_text(
        [
            f"{HOSTILE} request.stream slower 0.80x [0.80, 0.80]",
            "flask-b request.stream no difference 1.00x [1.00, 1.00]",
        ],
        use_inner_text=True,
    )
    middle, low, high = (
        speed.locator("li").first.locator(name).evaluate("one => one.getBoundingClientRect().left")
        for name in (".one", ".dot", ".noise")
    )
    assert low < high < middle
    verdict = f"{HOSTILE}: slower 0.80x [0.80, 0.80] by request.stream"
    expect(one.page.locator(".findings")).to_contain_text(verdict)
    one.choose("deployment", HOSTILE)
    expect(speed.locator("li:visible")).to_have_count(1)
    expect(one.page.locator("h2#comparison ~ .scroll tbody th:visible", has_text=HOSTILE)).to_have_count(0)


def test_a_check_is_its_grid(opened: Open) -> None:
    page = opened("check").page
    expect(page.locator("h2#check ~ .scroll caption").first).to_have_text(
        "tuned: every byte, or a clear refusal"
    )
    assert "silent loss" in page.locator("h2#check ~ .scroll").nth(1).inner_text()
    assert page.locator("figure").count() == 0
    assert "bytes silently lost or added" in page.locator(".findings").inner_text()


def test_filters_hide_rows_columns_tables_panels_and_marks(opened: Open) -> None:
    one = opened("quick")
    page, before = one.page, one.marks("time")
    one.choose("deployment", "flask")
    expect(page.locator("main [data-deployment=flask]:visible")).to_have_count(0)
    without_flask = one.marks("time")
    assert 0 < without_flask < before
    one.choose("method", "request.files")
    expect(page.locator("main [data-method='request.files']:visible")).to_have_count(0)
    assert 0 < one.marks("time") < without_flask
    expect(page.locator(".heat table:visible")).to_have_count(3)
    one.choose("size", str(1 << 20))
    expect(page.locator(".heat table:visible")).to_have_count(2)
    one.choose("tier", "stock")
    expect(page.locator(".heat tr:visible", has_text="stock")).to_have_count(0)
    expect(page.locator("#shown")).to_have_text("8 of 12 deployments, 8 of 9 methods, 3 of 4 sizes")
    again = one.drawn()
    page.get_by_role("button", name="all or none: size").click()
    one.until_drawn(again)
    expect(page.locator(".heat table:visible")).to_have_count(3)
    again = one.drawn()
    page.get_by_role("button", name="Show all").click()
    one.until_drawn(again)
    assert one.marks("time") == before


def test_filters_hide_what_a_check_has(opened: Open) -> None:
    one = opened("check")
    one.choose("tier", "tuned")
    expect(one.page.locator("caption:visible", has_text="tuned")).to_have_count(0)
    one.choose("deployment", "gunicorn")
    expect(one.page.locator("th:visible", has_text="gunicorn")).to_have_count(0)


def test_an_address_keeps_the_filters(opened: Open) -> None:
    one = opened("loaded")
    one.choose("deployment", "flask")
    assert one.page.url.endswith("#hide:deployment=flask")
    before = one.drawn()
    one.page.evaluate("location.hash = 'hide:size=1048576'")
    one.until_drawn(before)
    expect(one.page.locator("main [data-deployment=flask]:visible").first).to_be_visible()
    expect(one.page.locator(".heat table:visible")).to_have_count(1)


def test_the_heat_map_tells_another_figure_by_choice(opened: Open) -> None:
    page = opened("loaded").page
    largest = page.locator(".heat").first
    ok, lost = largest.locator("td[data-method]").nth(0), largest.locator("td[data-method]").nth(1)
    shade, shown = "cell => getComputedStyle(cell).backgroundColor", {}
    for metric in ("MB/s", "share of the ceiling", "CPU s/GB"):
        page.locator(".metric label", has_text=metric).click()
        shown[metric] = ok.inner_text()
        assert ok.evaluate(shade) != "rgba(0, 0, 0, 0)"
        assert (lost.inner_text(), lost.evaluate(shade)) == (LOST, "rgba(0, 0, 0, 0)")
    assert shown == {"MB/s": "667*", "share of the ceiling": "100%*", "CPU s/GB": "2.24"}


@pytest.mark.parametrize(
    ("name", "part", "options"),
    [
        ("loaded", None, {}),
        ("loaded", None, {"viewport": PHONE, "color_scheme": "dark"}),
        ("check", None, {"viewport": PHONE}),
        ("compared", ".bars", {"viewport": PHONE, "color_scheme": "dark"}),
        ("quick", ".heat[data-size='1048576']", {"color_scheme": "dark"}),
    ],
)
def test_nobody_is_shut_out(opened: Open, name: str, part: str | None, options: dict[str, Any]) -> None:
    page = opened(name, **options).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert shut_out(page, part) == []
    assert page.evaluate("document.documentElement.scrollWidth") == options.get("viewport", DESKTOP)["width"]
    page.locator(".theme label", has_text="light").click()
    assert shut_out(page, part or ".heat, nav") == []


def test_a_phone_scrolls_tables_but_never_the_page(opened: Open) -> None:
    page = opened("quick", viewport=PHONE).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.locator(".scroll").evaluate_all("all => all.some(one => one.scrollWidth > one.clientWidth)")


def test_the_theme_follows_the_system_or_the_switch(opened: Open) -> None:
    page = opened("loaded", color_scheme="dark").page
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


def test_the_keyboard_reaches_filters_figures_and_tables(opened: Open) -> None:
    one = opened("loaded")
    page, reached = one.page, set()
    focus = "(one => one.id || one.name || one.className)(document.activeElement)"
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the results"
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(focus))
    assert {"theme-auto", "size", "tier", "deployment", "metric-0", "scroll heat"} <= reached
    before = one.drawn()
    page.locator("input[name=deployment]").first.focus()
    page.keyboard.press("Space")
    one.until_drawn(before)
    expect(page.locator("main [data-deployment=flask]:visible")).to_have_count(0)


def test_a_hostile_name_is_text_everywhere(opened: Open) -> None:
    page = opened("loaded").page
    expect(page.locator(".heat th", has_text=HOSTILE).first).to_be_visible()
    expect(page.locator("#time .panel h4", has_text=HOSTILE)).to_be_visible()
    mark = page.locator("#time .panel", has_text=HOSTILE).locator(".mark-symbol path").first
    assert str(mark.get_attribute("aria-label")).startswith(HOSTILE)
    mark.hover()
    expect(page.locator("#tip")).to_contain_text(f"{HOSTILE}, request.stream, 1 MiB")
    assert [link.get_attribute("href") for link in page.locator("h2#profiles ~ .scroll a").all()] == [
        "profiles/flask/request.stream/samples.html"
    ]


def test_a_script_that_slips_in_does_not_run(opened: Open) -> None:
    one = opened("loaded")
    one.page.evaluate("""() => {
        const one = document.createElement("script");
        one.textContent = "window.ran = true";
        document.body.append(one);
    }""")
    assert one.page.evaluate("window.ran") is None
    (complaint,) = one.complaints
    assert "Content Security Policy" in complaint
    one.complaints.clear()


def test_print_has_no_controls_and_no_scroll_boxes(opened: Open) -> None:
    page = opened("loaded", color_scheme="dark").page
    page.emulate_media(media="print")
    for place in (".filters", "nav", ".theme", ".metric"):
        expect(page.locator(place)).to_be_hidden()
    styles = page.locator(".scroll").first.evaluate(
        "one => [getComputedStyle(one).overflowX, getComputedStyle(document.body).backgroundColor]"
    )
    assert styles == ["visible", "rgb(255, 255, 255)"]


def test_without_scripts_the_tables_are_there_and_no_filter_pretends(
    browser: Browser, reports: dict[str, Path]
) -> None:
    page = browser.new_page(java_script_enabled=False, viewport=DESKTOP)
    page.goto(reports["quick"].as_uri())
    expect(page.locator("#filters")).to_be_hidden()
    page.locator(".metric label", has_text="CPU").click()
    assert page.locator(".heat td[data-method='request.stream']").first.inner_text() == "0.44"
    page.close()
