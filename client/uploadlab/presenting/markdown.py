"""A report and its tables as Markdown."""

import re
from collections.abc import Callable, Sequence

from uploadlab.presenting.document import Report, Section, Table

LONGEST_FIGURE = 40


def markdown(table: Table, write: Callable[[str], str] = str) -> str:
    """Return a Markdown table, figures to the right; ``write`` turns a cell's text into Markdown."""
    rows = []
    for row in table.rows:
        indent = "  " if row.is_below else ""
        first, *rest = [write(cell) for cell in row.cells]
        rows.append([indent + first, *rest, *[""] * (len(table.header) - len(row.cells))])
    columns = zip(*rows, strict=True) if rows else [()] * len(table.header)
    rules = ["--:" if _are_figures(column) else "---" for column in columns]
    lines = [[write(name) for name in table.header], rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _are_figures(column: Sequence[str]) -> bool:
    """Whether some cells begin with a figure, and none is a sentence."""
    return any(cell[:1].isdigit() for cell in column) and all(len(cell) <= LONGEST_FIGURE for cell in column)


def as_markdown(report: Report) -> str:
    """Return the page's tables and sentences, without its charts and what is folded there."""
    lines = [f"# {_plain(report.title)}", "", f"{'; '.join(map(_plain, report.facts))}.", ""]
    lines += [f"> {_plain(line)}" for line in report.notices] + [""] * bool(report.notices)
    for heading, findings in report.findings.items():
        lines += [f"## {heading}", "", *(f"- {_plain(line)}" for line in findings), ""]
    for section in report.sections:
        lines += [] if section.folded else _section(section)
    return "\n".join(lines)


def _section(section: Section) -> list[str]:
    lines = [f"## {section.title}", ""]
    for line in section.intro:
        lines += [line, ""]
    for table in section.tables:
        lines += [f"### {_plain(table.title)}", ""] if table.title else []
        lines += [markdown(table, _plain_cell), ""]
    for name, text in section.texts.items():
        # Backquotes in the text must not end its block.
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
        lines += [f"### {_plain(name)}", "", fence, text.rstrip("\n"), fence, ""]
    return lines + [f"- {_plain(line)}" for line in section.notes] + [""] * bool(section.notes)


def _plain_cell(text: str) -> str:
    """Return a cell's text with no bar, which would end the cell."""
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    """Return text on one line that holds no HTML."""
    return " ".join(text.split("\n")).replace("&", "&amp;").replace("<", "&lt;")
