"""Tables within a terminal's width: all columns, else the most important ones, else a line a cell."""

from collections.abc import Sequence
from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable

from uploadlab.plain_text import plain
from uploadlab.presenting.document import Table, TableRow
from uploadlab.presenting.figures import are_figures

GAP = 1
LONGEST_WORDS = 40
"""The width from which on words of a cell are wrapped."""
USUAL = ("-", "pass", "cannot")
"""Cells that a list of cells leaves out: they say that nothing happened."""


def fitted(table: Table, width: int) -> RichTable:
    """Return a table for a terminal of that width, whose words are never broken."""
    if _width(table) <= width:
        return _rich(table, width)
    fewer = _fewer(table, width)
    if fewer.header and _width(fewer) <= width:
        return _rich(fewer, width)
    return _rich(_listed(table), width)


def is_cut(table: Table, width: int) -> bool:
    """Return whether a terminal of that width lacks columns of the table."""
    return bool(table.narrow) and _width(table) > width


def _width(table: Table) -> int:
    """Return the width of the table with its cells whole, but for wordy ones."""
    columns = zip(table.header, *(row.cells for row in table.rows if row.cells[1:]), strict=True)
    indent = 2 * any(row.is_below for row in table.rows)
    return sum(GAP + max(map(_least, column)) for column in columns) + indent


def _least(text: str) -> int:
    """Return the width that a cell needs."""
    return max(map(len, wrap(plain(text), LONGEST_WORDS, break_long_words=False)), default=0)


def _fewer(table: Table, width: int) -> Table:
    """Return the table with as many of its important columns as fit; without a header if it has no order."""
    kept: list[str] = []
    best = table._replace(header=())
    for name in table.narrow:
        kept.append(name)
        tried = _with_columns(table, kept)
        if _width(tried) <= width:
            best = tried
    return best


def _with_columns(table: Table, names: Sequence[str]) -> Table:
    places = [0, *(number for number, name in enumerate(table.header) if name in names)]
    rows = [
        row._replace(cells=[row.cells[place] for place in places]) if row.cells[1:] else row
        for row in table.rows
    ]
    return table._replace(header=[table.header[place] for place in places], rows=rows)


def _listed(table: Table) -> Table:
    """Return a row for each cell that says something: its row, its column, its text."""
    rows = [
        TableRow([row.cells[0], name, text])
        for row in table.rows
        for name, text in zip(table.header[1:], row.cells[1:], strict=False)
        if text.split(" ")[0] not in USUAL
    ]
    return table._replace(header=["", "", ""], rows=rows, wordy=True)


def _rich(table: Table, width: int) -> RichTable:
    rich = RichTable(
        title=table.title or None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_header=any(table.header),
        show_edge=False,
        padding=0,
        pad_edge=False,
    )
    rows = [row.cells for row in table.rows if row.cells[1:]]
    for name, *column in zip(table.header, *rows, strict=True):
        rich.add_column(name, justify="right" if are_figures(column) else "left", overflow="fold")
    for row in table.rows:
        first, *rest = row.cells
        indent = "  " if row.is_below else ""
        rich.add_row(indent + plain(first), *map(plain, rest))
    return rich
