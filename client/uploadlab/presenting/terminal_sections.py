"""Sections as lines of a terminal: a heading, sentences beside their heads, text to paste at the left."""

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap

from rich.text import Text

from uploadlab.plain_text import plain
from uploadlab.presenting.document import Document, Section, Statement
from uploadlab.presenting.terminal_answer import HEAD_WIDTH, STYLES, answer_lines

ADDRESS = re.compile(r"://|\bdocs/")
"""In a word that somebody copies."""
LEAST_WIDTH = 20
"""Columns for a sentence, however narrow the terminal is."""
MOST_OPENING_LINES = 24
"""Of title, facts and the list of findings: with the blank line below them, a terminal of 25 lines."""


def opening_lines(document: Document, width: int) -> list[Text]:
    """Return the title, where and when, what is incomplete, and the list of findings if there are several."""
    # The title is cut where a server or a long address makes it longer than two lines.
    lines = answer_lines(document._replace(answer=[]), width, 3)[:-1]
    lines += map(Text, _joined(document.facts, width))
    for notice in document.notices:
        lines += [Text(line, style=STYLES["warn"]) for line in folded(notice, width)]
    if len(document.answer) > 1:
        lines.append(Text(""))
        lines += answer_lines(
            document._replace(title=""), width, MOST_OPENING_LINES - len(lines) + 2, "below"
        )[1:]
    return [*lines, Text("")]


def section_lines(section: Section, width: int) -> Iterator[Text]:
    """Yield a section without tables, as far as it can be within that width."""
    style = STYLES.get(section.tone, "bold")
    title = section.title if section.tone else section.title.upper()
    yield from (Text(line, style=style) for line in folded(title, width))
    for statement in section.statements:
        yield from _beside(statement, width)
    for name, text in section.texts.items():
        yield from (Text(line) for line in folded(f"{name}:", width))
        yield Text("")
        # At the left edge, and never wrapped by us: so it can be pasted.
        yield from (Text(plain(line)) for line in text.rstrip("\n").splitlines())
        yield Text("")
    for note in section.notes:
        first, *rest = folded(note, width - 2)
        yield Text(f"- {first}")
        yield from (Text(f"  {line}") for line in rest)
    if section.notes or not section.texts:
        yield Text("")


def _joined(facts: Sequence[str], width: int) -> list[str]:
    """Return facts as lines, with as many on a line as fit."""
    lines: list[str] = []
    for fact in facts:
        if lines and len(lines[-1]) + 2 + len(fact) <= width:
            lines[-1] += f"; {fact}"
        else:
            lines += folded(fact, width)
    return lines


def folded(text: str, width: int) -> list[str]:
    """Return text as lines of that width; a longer address stays whole, on a line of its own."""
    width = max(width, LEAST_WIDTH)
    lines = wrap(plain(text), width, break_long_words=False, break_on_hyphens=False) or [""]
    return [part for line in lines for part in ([line] if ADDRESS.search(line) else _cut(line, width))]


def _cut(line: str, width: int) -> list[str]:
    return [line[at : at + width] for at in range(0, len(line), width)] or [""]


def _beside(statement: Statement, width: int) -> Sequence[Text]:
    """Return a sentence beside its head, indented from its second line on."""
    first, *rest = folded(statement.text.replace("`", ""), width - HEAD_WIDTH - 2)
    lines = [first, *(f"  {line}" for line in rest)]
    heads = [statement.head, *[""] * len(lines)]
    style = STYLES.get(statement.tone, "bold")
    return [
        Text(f"{plain(head):<{HEAD_WIDTH}}", style=style if head else "") + Text(line)
        for head, line in zip(heads, lines, strict=False)
    ]
