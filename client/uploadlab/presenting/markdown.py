"""A document and its tables as Markdown."""

import re
from collections.abc import Callable

from uploadlab.plain_text import plain, plain_lines
from uploadlab.presenting.document import Document, Section, Statement, Table
from uploadlab.presenting.figures import are_figures

CODE = re.compile(r"(`(?:(?!\]\(|://)[^`])+`)")
"""Words that the lab sets as code: in them nothing is Markdown. None of them has a link."""
LINK = re.compile(
    r"(?<=\])(?=[(\[:])"  # [text](address), [text][name], [name]: address
    r"|(?<=\bhttp)(?=:)|(?<=\bhttps)(?=:)|(?<=\bftp)(?=:)|(?<=\bwww)(?=\.)"  # addresses by themselves
    r"|(?=[`|\\])",  # code, a cell, or a backslash that would undo one of ours
    re.IGNORECASE,
)
"""Where a backslash keeps text from being a link, a cell or code."""
BLOCK = re.compile(r"(\d*)(?=[.)])|(?=[#>~=|+*_-]|\[[ xX]\])")
"""At the beginning of a line: where a backslash keeps it from being a heading, a quote, a list or a rule."""


def markdown(table: Table, write: Callable[[str], str] = str) -> str:
    """Return a Markdown table, figures to the right; ``write`` turns a cell's text into Markdown."""
    rows = []
    for row in table.rows:
        indent = "  " if row.is_below else ""
        first, *rest = [write(cell) for cell in row.cells]
        rows.append([indent + first, *rest, *[""] * (len(table.header) - len(row.cells))])
    columns = zip(*rows, strict=True) if rows else [()] * len(table.header)
    rules = ["--:" if are_figures(column) else "---" for column in columns]
    lines = [[write(name) for name in table.header], rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_markdown(document: Document) -> str:
    """Return the answer, then the tables and sentences, without charts and what is long."""
    lines = [f"# {_inline(document.title)}", "", f"{_block('; '.join(document.facts))}.", ""]
    lines += [f"> {_block(line)}" for line in document.notices] + [""] * bool(document.notices)
    lines += [*map(_statement, document.answer), *[""] * bool(document.answer)]
    for what, command in document.commands.items():
        lines += [f"{_inline(what)}:", "", *_code_block(command)]
    for section in document.sections:
        lines += _section(section) if section.has_text and not section.is_long else []
    return "\n".join(lines)


def _statement(statement: Statement) -> str:
    text = ": ".join(
        filter(None, [statement.head and f"**{_inline(statement.head)}**", _inline(statement.text)])
    )
    more = f" {_inline(statement.more)}" if statement.more else ""
    return f"- {text}.{more}" + (f" See docs/findings.md#{statement.finding}." if statement.finding else "")


def _code_block(text: str) -> list[str]:
    """Return text that is shown as it is: backquotes in it do not end its block."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return [fence, plain_lines(text.rstrip("\n")), fence, ""]


def _section(section: Section) -> list[str]:
    lines = [f"## {_inline(section.title)}", ""]
    for line in section.intro:
        lines += [line, ""]
    # A sentence without a head belongs to the one above.
    lines += ["  " * (not statement.head) + _statement(statement) for statement in section.statements]
    lines += [""] * bool(section.statements)
    for table in section.tables:
        lines += [f"### {_inline(table.title)}", ""] if table.title else []
        lines += [markdown(table, _in_a_cell), ""]
    for name, text in section.texts.items():
        lines += [f"### {_inline(name)}", "", *_code_block(text)]
    return lines + [f"- {_block(line)}" for line in [*section.footnotes, *section.notes]] + [""]


def _in_a_cell(text: str) -> str:
    """Return a cell's text with no bar, which would end the cell even in code."""
    return re.sub(r"(?<!\\)\|", r"\\|", _inline(text))


def _block(text: str) -> str:
    """Return a line of its own, which is a paragraph, however it begins."""
    inline = _inline(text.strip())
    found = BLOCK.match(inline)
    return f"{inline[: found.end()]}\\{inline[found.end() :]}" if found else inline


def _inline(text: str) -> str:
    """Return text on one line that holds no HTML and no link; what the lab sets as code stays code."""
    safe = plain(text).replace("&", "&amp;").replace("<", "&lt;")
    words = CODE.split(safe)
    return "".join(word if number % 2 else LINK.sub(r"\\", word) for number, word in enumerate(words))
