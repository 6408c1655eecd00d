"""The pictures of the pages: no font cuts off a label or runs one into another."""

from itertools import combinations
from typing import Any

import pytest
from playwright.sync_api import Browser
from uploadlab.paths import DOCS

FONTS = {
    "the reader's own": "",
    "a wide one": "text { font-family: monospace !important; font-weight: bold; letter-spacing: .04em }",
}


@pytest.mark.parametrize("style", FONTS.values(), ids=FONTS)
@pytest.mark.parametrize("name", ["uploads-light", "uploads-dark", "first-dark", "first-narrow-light"])
def test_no_font_cuts_off_a_label(browser: Browser, name: str, style: str) -> None:
    svg = (DOCS / f"{name}.svg").read_text()
    with browser.new_page() as page:
        page.set_content(f"<style>{style}</style>{svg}")
        picture, *texts = page.evaluate(
            """[...document.querySelectorAll("svg, svg text")].map(part => {
                const { left, right, top, bottom } = part.getBoundingClientRect()
                return { text: part.textContent, left, right, top, bottom }
            })"""
        )
    assert len(texts) > 20
    outside = [
        text["text"]
        for text in texts
        if text["left"] < picture["left"]
        or text["right"] > picture["right"]
        or text["top"] < picture["top"]
        or text["bottom"] > picture["bottom"]
    ]
    assert outside == []
    assert [(a["text"], b["text"]) for a, b in combinations(texts, 2) if overlap(a, b)] == []


def overlap(a: dict[str, Any], b: dict[str, Any]) -> bool:
    across = min(a["right"], b["right"]) - max(a["left"], b["left"])
    down = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
    return bool(across > 0 and down > 0)
