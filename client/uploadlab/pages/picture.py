"""The README's picture: ways to upload, on one scale, for light pages and dark ones."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import vl_convert

from uploadlab.model.deployments import REFERENCE
from uploadlab.model.measurements import Status
from uploadlab.pages.part import FILES, kept, kept_cells, page_part
from uploadlab.paths import DOCS

INK = {"light": "#24292f", "dark": "#c9d1d9"}
CEILING, GREY, RED = "a ceiling: no Flask", "#8b949e", "#d1242f"
COLOURS = ["#2f81f7", "#56b4e9", "#e69f00", "#9a6700", "#1a7f37", "#8250df", "#bf3989"]
SHAPES = ["circle", "diamond", "triangle-up", "triangle-down", "square", "cross", "triangle-right"]
TICK = "M-0.25,-1.3 h0.5 v2.6 h-0.5 Z"
LEAST, MOST = 0.2, 4000
"""The ends of the axis, in MB/s. Lost uploads stand at its left end, where no rate is."""


@page_part
def picture(name: str, methods: str) -> str:
    """Return deployments down, MB/s across, a mark for each of these methods at its largest size."""
    targets = kept(name).run.targets
    ceilings = {target.name for target in targets if target.tier == REFERENCE}
    points = list(_points(name, methods.split(","), ceilings))
    for theme, ink in INK.items():
        chart = json.dumps(_chart(points, methods.split(","), [target.name for target in targets], ink))
        FILES[DOCS / f"uploads-{theme}.svg"] = vl_convert.vegalite_to_svg(chart, vl_version="6.4")
    words = "MB/s of ways to upload at each deployment, on a logarithmic scale; the table has the figures"
    return (
        '<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="docs/uploads-dark.svg">\n'
        f'  <img src="docs/uploads-light.svg" alt="{words}">\n</picture>\n'
    )


def _points(name: str, methods: Sequence[str], ceilings: set[str]) -> Iterator[dict[str, Any]]:
    by_size = sorted(kept_cells(name), key=lambda summary: summary.size_bytes)
    largest = {(summary.deployment, summary.method): summary for summary in by_size}
    for summary in largest.values():
        shown = CEILING if summary.deployment in ceilings else summary.method
        if shown in (*methods, CEILING) and summary.mb_per_second:
            yield {"deployment": summary.deployment, "method": shown, "rate": summary.mb_per_second}
        elif shown in methods and summary.status is Status.WRONG:
            lost = f"\N{MULTIPLICATION SIGN} {summary.method}: a success, and {summary.error}"
            yield {"deployment": summary.deployment, "lost": lost}


def _chart(points: Sequence[Any], methods: Sequence[str], order: list[str], ink: str) -> dict[str, Any]:
    kinds = [*methods, CEILING]
    row = {
        "field": "deployment", "sort": order, "title": None,
        "axis": {"grid": True, "gridOpacity": 0.3, "ticks": False, "domain": False},
    }  # fmt: skip
    across = {
        "field": "rate", "type": "quantitative", "title": "MB/s, logarithmic",
        "scale": {"type": "log", "domain": [LEAST, MOST]},
        "axis": {"values": [1, 10, 100, 1000], "gridOpacity": 0.3, "domain": False},
    }  # fmt: skip
    legend = {"title": None, "columns": 4, "orient": "top", "symbolSize": 90}
    colours, shapes = [*COLOURS[: len(methods)], GREY], [*SHAPES[: len(methods)], TICK]
    marks = {
        "mark": {"type": "point", "size": 75, "filled": True, "opacity": 0.9},
        "encoding": {
            "x": across,
            "color": {"field": "method", "scale": {"domain": kinds, "range": colours}, "legend": legend},
            "shape": {"field": "method", "scale": {"domain": kinds, "range": shapes}, "legend": legend},
        },
        "transform": [{"filter": "isValid(datum.rate)"}],
    }
    lost = {
        "mark": {"type": "text", "align": "left", "color": RED, "fontSize": 11, "dx": 4, "dy": -8},
        "encoding": {"x": {"datum": LEAST}, "text": {"field": "lost"}},
        "transform": [{"filter": "isValid(datum.lost)"}],
    }
    quiet = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "data": {"values": points}, "width": 620, "height": {"step": 27}, "background": None,
        "encoding": {"y": row}, "layer": [marks, lost],
        "config": {"axis": quiet, "legend": quiet, "view": {"stroke": None}},
    }  # fmt: skip
