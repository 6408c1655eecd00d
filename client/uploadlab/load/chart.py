"""Lines over time as SVG, for a page that fetches nothing."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 280, 56, 32, 28
COLORS = ("#2563a8", "#c2571a")
"""For people who see few colours, too; each line also has its name beside it, and a dash of its own."""
TICKS = 4


class Curve(NamedTuple):
    """A line with a value for each point in time."""

    name: str
    values: Sequence[float]


def draw(seconds: Sequence[float], curves: Sequence[Curve]) -> str:
    """Return an SVG element with these lines over the seconds since the start."""
    most = max([value for curve in curves for value in curve.values], default=0) or 1
    last = max(seconds, default=0) or 1
    parts = [_text(WIDTH - 12, HEIGHT - 10, f"{last:.0f} s", "end")]
    for tick in range(TICKS + 1):
        at = _height(tick / TICKS)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 8, at + 4, f"{most * tick / TICKS:.0f}", "end"))
    for number, (name, values) in enumerate(curves):
        color = COLORS[number % len(COLORS)]
        points = " ".join(
            f"{LEFT + (WIDTH - LEFT - 12) * second / last:.1f},{_height(value / most):.1f}"
            for second, value in zip(seconds, values, strict=True)
        )
        dash = "" if number == 0 else ' stroke-dasharray="5 4"'
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
        parts.append(_text(LEFT + 160 * number, 18, name, "start", color))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(", ".join(curve.name for curve in curves))} over time" '
        f'style="max-width:{WIDTH}px;background:#fff">{"".join(parts)}</svg>'
    )


def _height(share: float) -> float:
    """Return the place of a share of the highest value, from the top of the picture."""
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _text(x: float, y: float, text: str, anchor: str, color: str = "#444") -> str:
    style = 'font-family="sans-serif" font-size="12"'
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{color}" {style}>{escape(text)}</text>'
    )
