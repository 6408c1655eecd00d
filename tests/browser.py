"""A real browser for the lab's pages."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
"""A browser for root, and one that asks nothing by itself."""


def shut_out(page: Page, part: str | None = None) -> list[tuple[str, str]]:
    """What shuts somebody out, by axe: which rule, and where."""
    found = Axe().run(page, part, {"resultTypes": ["violations"]}).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
