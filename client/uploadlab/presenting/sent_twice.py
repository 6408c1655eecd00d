"""What uploads that go on after breaks have sent twice, over links that cut them."""

from collections.abc import Sequence

from uploadlab.analysis.link_facts import LinkFacts, OverLink
from uploadlab.presenting.document import Key, Statement, Table, TableRow
from uploadlab.presenting.figures import counted, grouped, short, tenths_of_mib
from uploadlab.presenting.links import over_link_text
from uploadlab.units import format_size

Place = tuple[str, int]
"""A server, and the size of a file."""


def twice_in_short(found: Sequence[LinkFacts]) -> str:
    """Return which method sends the least and the most twice, over the link with the most cuts."""
    cells = _compared(max(found, key=lambda facts: len(facts.link.cuts), default=None))
    if len(cells) < 2:
        return ""
    first, *_, last = cells
    size = format_size(first.summary.size_bytes)
    cuts = next(len(facts.link.cuts) for facts in found if first in facts.cells)
    return (
        f"after {counted(cuts, 'cut')}, {first.summary.method} has sent {_twice(first)} of {size} twice, "
        f"{last.summary.method} {_twice(last)}"
    )


def twice_statements(found: Sequence[LinkFacts]) -> list[Statement]:
    """Return a sentence for each link that cuts: how long each method took, and what it sent twice."""
    statements = []
    for facts in found:
        if cells := _compared(facts):
            parts = [f"{c.summary.method} {short(c.seconds or 0.0)} s, {_twice(c)} twice" for c in cells]
            where = f"{cells[0].name}, {format_size(cells[0].summary.size_bytes)}"
            text = f"{counted(len(facts.link.cuts), 'cut')} at {where}: {'; '.join(parts)}"
            statements.append(Statement(facts.link.name, text, rank=2))
    return statements


def twice_tables(found: Sequence[LinkFacts]) -> list[Table]:
    """Return a table for each server and size that several links cut: links down, methods across."""
    by_place = grouped(
        (_place(cell), (facts, cell)) for facts in found for cell in facts.cells if _is_counted(cell)
    )
    tables = []
    for (name, size_bytes), pairs in by_place.items():
        links = {facts.link.name: facts for facts, _ in pairs}
        if len(links) < 2 or not any(facts.link.cuts for facts in links.values()):
            continue
        methods = list(dict.fromkeys(cell.summary.method for _, cell in pairs))
        rows = []
        for facts in sorted(links.values(), key=lambda facts: len(facts.link.cuts)):
            mine = {cell.summary.method: cell for cell in facts.cells if _place(cell) == (name, size_bytes)}
            texts = [over_link_text(mine.get(method)) for method in methods]
            rows.append(TableRow([f"{counted(len(facts.link.cuts), 'cut')}, {facts.link.name}", *texts]))
        columns = [Key(method=method, size_bytes=size_bytes) for method in methods]
        title = f"{name}, {format_size(size_bytes)}: until done, and what was sent twice"
        tables.append(Table(title, ["", *methods], rows, columns=columns, narrow=methods))
    return tables


def _compared(facts: LinkFacts | None) -> list[OverLink]:
    """Return the cells of the server with most methods over a link that cuts, the least sent twice first."""
    if facts is None or not facts.link.cuts:
        return []
    places = grouped((_place(cell), cell) for cell in facts.servers if _is_counted(cell) and cell.arrived)
    most = max(places.values(), key=len, default=[])
    return sorted(most, key=lambda cell: cell.summary.sent_twice_bytes or 0)


def _is_counted(cell: OverLink) -> bool:
    return cell.summary.breaks is not None


def _place(cell: OverLink) -> Place:
    return cell.name, cell.summary.size_bytes


def _twice(cell: OverLink) -> str:
    return tenths_of_mib(cell.summary.sent_twice_bytes or 0)
