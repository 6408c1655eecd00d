"""What uploads that go on after breaks have sent twice, over links that cut them."""

from collections.abc import Sequence

from uploadlab.analysis.link_facts import LinkFacts, OverLink
from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.catalogue.methods import GoesOnBy
from uploadlab.presenting.document import Key, Statement, Table, TableRow
from uploadlab.presenting.figures import counted, few, grouped, short, tenths_of_mib
from uploadlab.presenting.links import over_link_text
from uploadlab.units import format_size

DROPPED_SHARE = 0.25
"""From this share of the file on, what was sent twice is more than what is under way when a line breaks."""
MOST_NAMES = 6
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


def dropping_statements(found: Sequence[LinkFacts]) -> list[Statement]:
    """Return which servers keep nothing of a request that was cut, so that resuming begins again there."""
    statements = []
    for facts in found:
        ways = grouped((cell.way, cell) for cell in facts.servers if _resumes_whole(cell) and facts.link.cuts)
        for (method, size_bytes), cells in ways.items():
            dropping = [cell for cell in cells if _share(cell) >= DROPPED_SHARE]
            keeping = [cell for cell in cells if cell not in dropping]
            if dropping and keeping:
                text = (
                    f"{few((cell.name for cell in dropping), MOST_NAMES)}: little is kept of a request that "
                    f"was cut; {method} has sent {_range(dropping)} of {format_size(size_bytes)} twice "
                    f"there, {_range(keeping)} at {counted(len(keeping), 'other')}"
                )
                statements.append(Statement(facts.link.name, text, "warn", rank=1))
    return statements


def _resumes_whole(cell: OverLink) -> bool:
    """Return whether it arrived by a method that resumes with all of the rest in one request."""
    goes_on = ALL_METHODS[cell.summary.method].goes_on if cell.summary.method in ALL_METHODS else None
    resumes = goes_on is not None and goes_on.by is GoesOnBy.OFFSET and not goes_on.piece_bytes
    return resumes and cell.arrived and _is_counted(cell)


def _share(cell: OverLink) -> float:
    return (cell.summary.sent_twice_bytes or 0) / cell.summary.size_bytes


def _range(cells: Sequence[OverLink]) -> str:
    texts = [_twice(cell) for cell in sorted(cells, key=_share)]
    return texts[0] if texts[0] == texts[-1] else f"{texts[0].removesuffix(' MiB')} to {texts[-1]}"


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
