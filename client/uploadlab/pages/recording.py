"""The README's recording: a kept run in a terminal, as a picture for light pages, dark ones, and phones.

The pictures name no font file and no address: a browser fetches nothing for them.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from textwrap import wrap

from rich.text import Text

from uploadlab.pages.answer import COLUMNS, answer_text, measured_where
from uploadlab.pages.part import FILES, kept, page_part
from uploadlab.paths import DOCS
from uploadlab.presenting.terminal_answer import HEAD_WIDTH

NARROW_COLUMNS = 42
"""Letters in a line that can be read on a phone."""
LETTER_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN, CORNER = 8.4, 20, 14, 16, 8
"""In pixels."""
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"
PAPER = {"light": "#f6f8fa", "dark": "#0d1117"}
LETTERS = {"light": "#1f2328", "dark": "#e6edf3"}
FRAME = {"light": "#d0d7de", "dark": "#30363d"}
TONES = {
    "light": {"red": "#b3141d", "yellow": "#7d4e00", "green": "#116329"},
    "dark": {"red": "#ff7b72", "yellow": "#e3b341", "green": "#56d364"},
}
PROMPT = "$ "
BOLD = "bold"

Line = list[tuple[str, str]]
"""Pieces of text, each with its style as rich names it: ``bold red``."""


@page_part
def recording(name: str) -> str:
    """Return a kept run's command and answer as pictures of a terminal, and where the run was measured."""
    lines = answer_text(name)
    wide = [*_typed(name, COLUMNS), [], *map(_pieces, lines)]
    narrow = [*_typed(name, NARROW_COLUMNS), [], *_narrowed(lines)]
    for theme in PAPER:
        FILES[DOCS / f"{name}-{theme}.svg"] = _drawn(wide, COLUMNS, theme)
        FILES[DOCS / f"{name}-narrow-{theme}.svg"] = _drawn(narrow, NARROW_COLUMNS, theme)
    title = " ".join(line.plain for line in lines[: _title_lines(lines)])
    words = escape(f"A terminal: {run_command(name)} answers: {title}")
    dark, phone = "(prefers-color-scheme: dark)", "(max-width: 600px)"
    pictures = {f"{phone} and {dark}": "narrow-dark", phone: "narrow-light", dark: "dark"}
    sources = [
        f'  <source media="{media}" srcset="docs/{name}-{kind}.svg">\n' for media, kind in pictures.items()
    ]
    image = f'  <img src="docs/{name}-light.svg" alt="{words}">\n'
    return f"<picture>\n{''.join(sources)}{image}</picture>\n\n{measured_where(name)}\n"


def run_command(name: str) -> str:
    """Return what a reader types for the plan of a kept run, in its runtime."""
    run = kept(name).run
    return f"./scripts/run-matrix.sh --plan {run.plan} --runtime {run.runtime}"


def _typed(name: str, columns: int) -> Iterator[Line]:
    """Yield the lines of the prompt."""
    lines = wrap(run_command(name), columns - len(PROMPT) - 2, break_on_hyphens=False)
    for number, line in enumerate(lines):
        more = " \\" if number + 1 < len(lines) else ""
        yield [(PROMPT if number == 0 else "  ", ""), (line + more, BOLD)]


def _title_lines(lines: Sequence[Text]) -> int:
    """Return how many lines the title has: an empty line ends it."""
    return [line.plain for line in lines].index("")


def _pieces(line: Text) -> Line:
    """Return a line as texts of one style each."""
    if not line.spans:
        return [(line.plain, str(line.style))]
    cuts = sorted({0, len(line.plain), *(end for span in line.spans for end in (span.start, span.end))})
    return [
        (
            line.plain[start:end],
            next((str(span.style) for span in line.spans if span.start <= start < span.end), ""),
        )
        for start, end in pairwise(cuts)
    ]


def _narrowed(lines: Sequence[Text]) -> Iterator[Line]:
    """Yield the same words for a narrow screen: each head on a line of its own, its sentence below."""
    title = _title_lines(lines)
    for text in wrap(" ".join(line.plain for line in lines[:title]), NARROW_COLUMNS):
        yield [(text, BOLD)]
    blocks: list[tuple[Line, list[str]]] = []
    for line in lines[title + 1 :]:
        if head := line.plain[:HEAD_WIDTH].strip():
            style = _pieces(line)[0][1]
            blocks.append(([(head, style)], []))
        if blocks:
            blocks[-1][1].append(line.plain[HEAD_WIDTH:].strip())
    for heading, sentences in blocks:
        yield []
        yield heading
        for text in wrap(" ".join(sentences), NARROW_COLUMNS, break_on_hyphens=False):
            yield [(text, "")]


def _drawn(lines: Iterable[Line], columns: int, theme: str) -> str:
    """Return the lines as SVG. Each piece has its place and its width, whatever font the reader has."""
    drawn = [_line(line, number, theme) for number, line in enumerate(lines)]
    width = columns * LETTER_WIDTH + 2 * MARGIN
    height = len(drawn) * LINE_HEIGHT + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="{FONTS}" font-size="{FONT_SIZE}">\n'
        f'<rect x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="{CORNER}" '
        f'fill="{PAPER[theme]}" stroke="{FRAME[theme]}"/>\n' + "".join(drawn) + "</svg>\n"
    )


def _line(line: Line, number: int, theme: str) -> str:
    y = MARGIN + number * LINE_HEIGHT + FONT_SIZE
    drawn, column = "", 0
    for text, style in line:
        words = text.strip()
        x = MARGIN + (column + len(text) - len(text.lstrip())) * LETTER_WIDTH
        column += len(text)
        if words:
            colour = next((value for tone, value in TONES[theme].items() if tone in style), LETTERS[theme])
            weight = ' font-weight="bold"' if BOLD in style else ""
            drawn += (
                f'<text x="{x:g}" y="{y}" textLength="{len(words) * LETTER_WIDTH:g}" '
                f'lengthAdjust="spacingAndGlyphs" fill="{colour}"{weight}>{escape(words)}</text>\n'
            )
    return drawn
