"""The picture of docs/results.md: ways to upload, on one scale, for light pages and dark ones."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import vl_convert

from uploadlab.model.deployments import REFERENCE
from uploadlab.model.measurements import Status
from uploadlab.pages.part import FILES, kept, kept_cells, page_part
from uploadlab.paths import DOCS

INK = {"light": "#24292f", "dark": "#c9d1d9"}
RED = {"light": "#d1242f", "dark": "#ff7b72"}
CEILING, GREY = "a ceiling: no Flask", "#8b949e"
COLOURS = ["#2f81f7", "#56b4e9", "#e69f00", "#9a6700", "#1a7f37", "#8250df", "#bf3989"]
SHAPES = ["circle", "diamond", "triangle-up", "triangle-down", "square", "cross", "triangle-right"]
TICK = "M-0.25,-1.3 h0.5 v2.6 h-0.5 Z"
FONT, LOST_FONT = 14, 12
"""Sizes of letters, in pixels."""
LETTER = 0.7
"""Width reserved for a letter, as a share of its size: wider than those of any usual font."""
WIDTH, STEP, LEGEND_COLUMNS = 450, 28, 3
"""Of the plot and of a row, in pixels."""
LEAST, MOST = 0.2, 4000
"""The ends of the axis, in MB/s. Lost uploads stand at its left end, where few rates are."""


@page_part
def picture(name: str, methods: str) -> str:
    """Return deployments down, MB/s across, a mark for each of these methods at its largest size."""
    targets = kept(name).run.targets
    ceilings = {target.name for target in targets if target.tier == REFERENCE}
    points = list(_points(name, methods.split(","), ceilings))
    for theme in INK:
        chart = json.dumps(_chart(points, methods.split(","), [target.name for target in targets], theme))
        FILES[DOCS / f"uploads-{theme}.svg"] = vl_convert.vegalite_to_svg(chart, vl_version="6.4")
    words = "MB/s of ways to upload at each deployment, on a logarithmic scale; the table has the figures"
    return (
        '<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="uploads-dark.svg">\n'
        f'  <img src="uploads-light.svg" alt="{words}">\n</picture>\n'
    )


def _points(name: str, methods: Sequence[str], ceilings: set[str]) -> Iterator[dict[str, Any]]:
    by_size = sorted(kept_cells(name), key=lambda summary: summary.size_bytes)
    largest = {(summary.deployment, summary.method): summary for summary in by_size}
    for summary in largest.values():
        shown = CEILING if summary.deployment in ceilings else summary.method
        if shown in (*methods, CEILING) and summary.mb_per_second:
            yield {"deployment": summary.deployment, "method": shown, "rate": summary.mb_per_second}
        elif shown in methods and summary.status is Status.WRONG:
            lost = f"\N{MULTIPLICATION SIGN} {summary.method} lost"
            yield {"deployment": summary.deployment, "lost": lost}


def text_width(text: str, font_size: int) -> float:
    """Return the pixels that a text may take in any font."""
    return LETTER * font_size * len(text) + font_size


def _chart(points: Sequence[Any], methods: Sequence[str], order: list[str], theme: str) -> dict[str, Any]:
    """Return the chart as Vega-Lite. All sizes are given: none depends on the fonts of this host."""
    kinds, ink = [*methods, CEILING], INK[theme]
    colours, shapes = [*COLOURS[: len(methods)], GREY], [*SHAPES[: len(methods)], TICK]
    row = {
        "field": "deployment", "sort": order, "title": None,
        "axis": {"grid": True, "gridOpacity": 0.3, "ticks": False, "domain": False, "labelLimit": 0},
    }  # fmt: skip
    across = {
        "field": "rate", "type": "quantitative", "title": "MB/s, logarithmic",
        "scale": {"type": "log", "domain": [LEAST, MOST]},
        "axis": {"values": [1, 10, 100, 1000], "gridOpacity": 0.3, "domain": False},
    }  # fmt: skip
    marks = {
        "mark": {"type": "point", "size": 75, "filled": True, "opacity": 0.9},
        "encoding": {
            "x": across,
            "color": {"field": "method", "scale": {"domain": kinds, "range": colours}, "legend": None},
            "shape": {"field": "method", "scale": {"domain": kinds, "range": shapes}, "legend": None},
        },
        "transform": [{"filter": "isValid(datum.rate)"}],
    }
    lost = {
        "mark": {
            "type": "text",
            "align": "left",
            "color": RED[theme],
            "fontSize": LOST_FONT,
            "dx": 4,
            "dy": -11,
        },
        "encoding": {"x": {"datum": LEAST}, "text": {"field": "lost"}},
        "transform": [{"filter": "isValid(datum.lost)"}],
    }
    names_width = text_width(max(order, key=len), FONT)
    legend = list(_legend(kinds, colours, shapes, ink, names_width))
    quiet = {"labelColor": ink, "titleColor": ink, "labelFontSize": FONT, "titleFontSize": FONT}
    return {
        "data": {"values": points}, "width": WIDTH, "height": STEP * len(order), "background": None,
        "autosize": "none", "padding": {
            "left": names_width, "right": 3 * FONT, "bottom": 4 * FONT,
            "top": STEP * (0.5 + _rows(kinds)),
        },
        "encoding": {"y": row}, "layer": [marks, lost, *legend],
        "config": {"axis": quiet, "view": {"stroke": None}},
    }  # fmt: skip


def _rows(kinds: Sequence[str]) -> int:
    """Return the rows of the legend."""
    return -(-len(kinds) // LEGEND_COLUMNS)


def _legend(
    kinds: Sequence[str], colours: Sequence[str], shapes: Sequence[str], ink: str, left: float
) -> Iterator[dict[str, Any]]:
    """Yield a mark and a name for each kind, in columns above the chart."""
    column = (left + WIDTH) / LEGEND_COLUMNS
    for number, (kind, colour, shape) in enumerate(zip(kinds, colours, shapes, strict=True)):
        x = number % LEGEND_COLUMNS * column - left + FONT
        y = (number // LEGEND_COLUMNS - _rows(kinds)) * STEP
        at = {"x": {"value": x}, "y": {"value": y}}
        point = {"type": "point", "size": 90, "filled": True, "opacity": 0.9, "color": colour, "shape": shape}
        text = {
            "type": "text",
            "align": "left",
            "baseline": "middle",
            "color": ink,
            "fontSize": FONT,
            "dx": FONT,
        }
        yield {"data": {"values": [{}]}, "mark": point, "encoding": at}
        yield {"data": {"values": [{}]}, "mark": text, "encoding": {**at, "text": {"value": kind}}}
