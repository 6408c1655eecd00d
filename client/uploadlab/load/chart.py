"""Lines over time as SVG, for a page that fetches nothing."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 280, 56, 32, 28


COLORS = ("#2563a8", "#c2571a")
"""Told apart by people who see few colours, too; each line also has its name beside it."""
TICKS = 4


class Line(NamedTuple):
    """One value for each point in time."""

    name: str
    values: Sequence[float]


def draw(seconds: Sequence[float], lines: Sequence[Line]) -> str:
    """An SVG element with these lines over the seconds since the start."""
    most = max([value for line in lines for value in line.values], default=0) or 1
    last = max(seconds, default=0) or 1

    def x(second: float) -> float:
        return LEFT + (WIDTH - LEFT - 12) * second / last

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most)

    parts = [_tick(y(most * number / TICKS), f"{most * number / TICKS:.0f}") for number in range(TICKS + 1)]
    parts.append(_text(WIDTH - 12, HEIGHT - 10, f"{last:.0f} s", "end"))
    for number, line in enumerate(lines):
        color = COLORS[number % len(COLORS)]
        points = " ".join(
            f"{x(at):.1f},{y(value):.1f}" for at, value in zip(seconds, line.values, strict=True)
        )
        dash = "" if number == 0 else ' stroke-dasharray="5 4"'
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
        parts.append(_text(LEFT + 160 * number, 18, line.name, "start", color))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(", ".join(line.name for line in lines))} over time" '
        f'style="max-width:{WIDTH}px;background:#fff">{"".join(parts)}</svg>'
    )


def _tick(at: float, label: str) -> str:
    grid = f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
    return grid + _text(LEFT - 8, at + 4, label, "end")


def _text(x: float, y: float, text: str, anchor: str, color: str = "#444") -> str:
    style = 'font-family="sans-serif" font-size="12"'
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{color}" {style}>{escape(text)}</text>'
    )
