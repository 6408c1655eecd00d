"""The answer as lines of a terminal: heads to the left, sentences beside them, never more than fit."""

from collections.abc import Sequence
from textwrap import wrap

from rich.text import Text

from uploadlab.plain_text import plain
from uploadlab.presenting.document import Document, Statement

HEAD_WIDTH = 15
MOST_OF_ONE = 3
"""Lines of one sentence: a longer one ends with dots."""
STYLES = {"bad": "bold red", "warn": "bold yellow", "good": "bold green"}


def answer_lines(document: Document, width: int, most: int, elsewhere: str = "in the report") -> list[Text]:
    """Return title and sentences as lines no longer than ``width``, ``most`` of them at most.

    ``elsewhere`` is where the sentences are that do not fit.
    """
    title = [Text(line, style="bold") for line in wrap(plain(document.title), width)[:2]]
    blocks = [_block(statement, width) for statement in document.answer]
    left = most - len(title) - 1
    kept, dropped = _kept(document.answer, blocks, left)
    lines = [*title, Text(""), *(line for number in kept for line in blocks[number])]
    if dropped:
        lines.append(Text(f"{'':<{HEAD_WIDTH}}and {dropped} more {elsewhere}"))
    return lines


def _kept(
    statements: Sequence[Statement], blocks: Sequence[Sequence[Text]], left: int
) -> tuple[list[int], int]:
    """Return the numbers of the sentences that fit, and how many do not: those of a low rank stay longest."""
    kept = list(range(len(blocks)))
    order = sorted(kept, key=lambda number: (-statements[number].rank, -number))
    for number in order:
        needed = sum(len(blocks[number]) for number in kept) + (len(kept) < len(blocks))
        if needed <= left:
            break
        kept.remove(number)
    return kept, len(blocks) - len(kept)


def _block(statement: Statement, width: int) -> list[Text]:
    lines = _wrapped(plain(statement.text).replace("`", ""), statement.finding, max(20, width - HEAD_WIDTH))
    heads = [statement.head, *[""] * len(lines)]
    style = STYLES.get(statement.tone, "bold")
    return [
        Text.assemble((f"{head:<{HEAD_WIDTH}}", style if head else ""), line)
        for head, line in zip(heads, lines, strict=False)
    ]


def _wrapped(text: str, finding: str, width: int) -> list[str]:
    """Return the sentence in lines with its link at the end; a long sentence is cut, its link is not."""
    link = f"; see docs/findings.md#{finding}" if finding else ""
    lines = wrap(text + link, width, break_on_hyphens=False)
    if len(lines) > MOST_OF_ONE and text.endswith(")"):  # where it shows, which the report has
        text = text.rpartition(" (")[0]
        lines = wrap(text + link, width, break_on_hyphens=False)
    while len(lines) > MOST_OF_ONE and " " in text:
        text = text.removesuffix(" ...").rpartition(" ")[0] + " ..."
        lines = wrap(text + link, width, break_on_hyphens=False)
    return lines[:MOST_OF_ONE]
