"""A real browser for the lab's pages."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, ViewportSize

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
"""A browser for root, and one that asks nothing by itself."""
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
KINDS = ["deployment", "method", "size", "tier"]
WITH_KEY = """([kind, value]) => {
    const report = JSON.parse(document.getElementById("data").textContent);
    const values = [report.deployments, report.methods, report.sizes, [...new Set(report.tiers)]][kind];
    const number = String(values.indexOf(value));
    return [...document.querySelectorAll("main [data-key]")]
        .filter((place) => place.dataset.key.split(" ")[kind] === number && place.checkVisibility()).length;
}"""


def shut_out(page: Page, part: str | None = None) -> list[tuple[str, str]]:
    """What shuts somebody out, by axe: which rule, and where."""
    found = Axe().run(page, part, {"resultTypes": ["violations"]}).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def box(place: Locator) -> Box:
    """Where a place is on the screen."""
    sides = place.evaluate("place => place.getBoundingClientRect().toJSON()")
    return sides["left"], sides["top"], sides["right"], sides["bottom"]


class Opened:
    """A report's page with all it asked for and complained of."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url.split("#")[0]))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address)
        self.until_drawn(0)

    def drawn(self) -> int:
        """How often the charts of open sections have been drawn."""
        return int(self.page.evaluate("document.documentElement.dataset.drawn ?? 0"))

    def until_drawn(self, before: int) -> None:
        """Wait until they were drawn once more."""
        self.page.wait_for_function("before => document.documentElement.dataset.drawn > before", arg=before)

    def open(self, *sections: str) -> None:
        """Open sections by their links, and wait for their charts."""
        for section in sections:
            part = self.page.locator(f"details.part:has(h2#{section})")
            if part.get_attribute("open") is None:
                before = self.drawn()
                self.page.locator(f"nav a[href='#{section}']").click()
                self.until_drawn(before)

    def choose(self, kind: str, value: str) -> None:
        """Click a filter, and wait for the charts."""
        before = self.drawn()
        self.page.locator(f"input[name={kind}][value='{value}']").click()
        self.until_drawn(before)

    def shown(self, kind: str, value: str | int) -> int:
        """How much can be seen of a deployment, a method, a size or a tier."""
        return int(self.page.evaluate(WITH_KEY, [KINDS.index(kind), value]))

    def marks(self, chart: str) -> int:
        """How many points can be seen."""
        return self.page.locator(f"#{chart} .panel:not([hidden]) .mark-symbol path").count()


Open = Callable[..., Opened]


@contextmanager
def opening(browser: Browser, reports: Mapping[str, Path]) -> Iterator[Open]:
    """Yields what opens a report by its name; no page may complain, and none may fetch anything."""
    found: list[Opened] = []

    def start(name: str, anchor: str = "", **options: Any) -> Opened:
        page = browser.new_page(**{"viewport": DESKTOP, **options})
        found.append(Opened(page, reports[name].as_uri() + anchor))
        return found[-1]

    yield start
    for opened in found:
        opened.page.close()
        assert opened.complaints == []
        assert opened.requests == [opened.address.split("#")[0]]
