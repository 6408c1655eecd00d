"""What happened over each link: a title, a sentence for each link, and two kinds of tables."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from uploadlab.analysis.link_facts import FULL, LinkFacts, OverLink, Way
from uploadlab.model.links import Cut, Link, Range, Stall
from uploadlab.model.measurements import ACCEPTED, Status
from uploadlab.presenting.document import Bad, Key, Statement, Table, TableRow
from uploadlab.presenting.figures import (
    NO_FIGURE,
    counted,
    few,
    grouped,
    percent,
    rate_of_link,
    short,
    tenths_of_mib,
)
from uploadlab.units import format_size

LINK_LEGEND = (
    "Each upload had a line of its own. A cell has the seconds of an upload, the middle of the rounds, and "
    "the share of the link's rate that it used, and what was sent twice; or what the client saw of its end, "
    "and after how long."
)
LINK_HEADER = ["link", "up", "down", "round trip", "what it does to a connection", "what it is"]
WORDY = re.compile(r"^(\w+): .+")
"""The name of an exception, before what it says."""


def link_table(links: Iterable[Link]) -> Table:
    """Return what each link does, as configs/links.toml or a run has it."""
    rows = [
        TableRow([link.name, rate_of_link(link.up), rate_of_link(link.down), *_happens(link), link.title])
        for link in links
    ]
    return Table("", LINK_HEADER, rows, wordy=True, narrow=LINK_HEADER[1:4])


def _happens(link: Link) -> tuple[str, str]:
    counts = Counter([*map(_cut, link.cuts), *map(_stall, link.stalls)])
    events = [text if count == 1 else f"{text} ({count} times)" for text, count in counts.items()]
    return f"{1000 * link.round_trip:.4g} ms", "; ".join(events) or "nothing"


def _cut(cut: Cut) -> str:
    return f"cut after {_place(cut.after)} by {cut.by}"


def _stall(stall: Stall) -> str:
    return f"silent for {stall.seconds:.3g} s after {_place(stall.after)}"


def _place(after: Range) -> str:
    least, most = map(format_size, after)
    return least if least == most else f"{least} to {most}"


def link_title(found: Sequence[LinkFacts]) -> str:
    """Return how many servers did not take every upload, and over which links none could."""
    whole = [facts for facts in found if not facts.link.cuts]
    parts = []
    names = {cell.name for facts in whole for cell in facts.servers}
    ended = [(cell.name, facts.link.name) for facts in whole for cell in facts.servers if cell.was_ended]
    if ended:
        share = f"{len({name for name, _ in ended})} of {counted(len(names), 'server')}"
        parts.append(f"{share} did not take every upload over {few((link for _, link in ended), 4)}")
    elif names:
        parts.append(f"{_all(len(names))} took every upload over {few((f.link.name for f in whole), 4)}")
    if lost := [facts.link.name for facts in found if facts.link.cuts and not _arrived(facts)]:
        parts.append(f"no upload survived the cuts of {few(lost)}")
    if not parts and (kept := [facts.link.name for facts in found if _arrived(facts)]):
        parts.append(f"uploads arrived after the cuts of {few(kept)}")
    return "; ".join(parts)


def link_statements(found: Sequence[LinkFacts]) -> list[Statement]:
    """Return a statement for each link: who took its uploads, who ended them, how full the line was."""
    return [_statement(facts) for facts in found if facts.servers]


def _statement(facts: LinkFacts) -> Statement:
    ended, cuts = [cell for cell in facts.servers if cell.was_ended], bool(facts.link.cuts)
    parts = [_taken(facts)]
    if cuts and ended:
        parts.append(f"At a cut the client saw {_seen(ended)}")
    else:
        parts += [f"Not {few(_servers_of(cells, facts), 2)}: {text}" for text, cells in _by_end(ended)]
        parts.append(_least(facts))
    tone = "" if cuts or not ended else "bad"
    text = ". ".join(filter(None, parts))
    return Statement(facts.link.name, text, tone, rank=0 if tone else 1)


def _arrived(facts: LinkFacts) -> list[OverLink]:
    return [cell for cell in facts.servers if cell.arrived]


def _taken(facts: LinkFacts) -> str:
    """Return ``all 24 servers took 4 MiB, in 3.4 to 3.9 s, 86% to 98% of the line``."""
    names = {cell.name for cell in facts.servers}
    not_by = {cell.name for cell in facts.servers if not cell.arrived}
    arrived, sizes = _arrived(facts), {size_bytes for _, size_bytes in facts.ways}
    what = format_size(*sizes) if len(sizes) == 1 else "every upload"
    if not arrived:
        return f"none of {counted(len(names), 'server')} got {what}"
    parts = [f"{_all(len(names))} took {what}"]
    if not_by and len(names) == 1:
        parts = [f"{parts[0]} by {len(arrived)} of {counted(len(facts.servers), 'way')}"]
    elif not_by:
        parts = [f"{len(names - not_by)} of {counted(len(names), 'server')} took {what}"]
    if len(sizes) == 1:
        parts.append(f"in {_range([cell.seconds for cell in arrived if cell.seconds])} s")
    if shares := [cell.share for cell in arrived if cell.share]:
        parts.append("with a full line" if min(shares) >= FULL else f"{_percents(shares)} of the line")
    silent = sum(stall.seconds for stall in facts.link.stalls)
    if silent and all((cell.seconds or 0.0) > silent for cell in arrived):  # a small upload ends before
        parts.append(f"with {silent:.3g} s of silence")
    return ", ".join(parts)


def _all(count: int) -> str:
    return {1: "the server", 2: "both servers"}.get(count, f"all {counted(count, 'server')}")


def _range(values: Sequence[float]) -> str:
    low, high = short(min(values)), short(max(values))
    return low if low == high else f"{low} to {high}"


def _percents(shares: Sequence[float]) -> str:
    low, high = percent(min(shares)), percent(max(shares))
    return low if low == high else f"{low} to {high}"


def _least(facts: LinkFacts) -> str:
    """Return which way used the least of a line of which another used twice as much; else nothing."""
    known = [(cell.share, cell) for cell in _arrived(facts) if cell.share]
    least = min(known, key=lambda pair: pair[0], default=None)
    if least is None or least[0] > max(share for share, _ in known) / 2:
        return ""
    return f"The least: {percent(least[0])}, by {_way_at(least[1])}"


def _way_at(cell: OverLink) -> str:
    return f"{cell.summary.method} at {cell.name}"


def _servers_of(cells: Sequence[OverLink], facts: LinkFacts) -> list[str]:
    """Return the servers of these cells, with their methods where the link has several ways."""
    names = grouped((cell.name, cell.summary.method) for cell in cells)
    is_plain = len(facts.ways) == 1
    return [name if is_plain else f"{name} ({few(methods)})" for name, methods in names.items()]


def _by_end(cells: Sequence[OverLink]) -> list[tuple[str, list[OverLink]]]:
    """Return what ended uploads, the most frequent first, with the cells."""
    return sorted(grouped((end_text(cell), cell) for cell in cells).items(), key=lambda pair: -len(pair[1]))


def _seen(cells: Sequence[OverLink]) -> str:
    """Return what the client saw of cut lines, and when."""
    groups = grouped((_kind(cell), cell) for cell in cells)
    return few(
        f"{kind} after {_range([cell.seconds for cell in mine if cell.seconds])} s ({len(mine)} times)"
        if any(cell.seconds for cell in mine)
        else f"{kind} ({len(mine)} times)"
        for kind, mine in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    )


def _kind(cell: OverLink) -> str:
    """Return what the client saw, without the words of its library."""
    summary = cell.summary
    if summary.status is Status.REFUSED and summary.http_status:
        return f"the answer {summary.http_status}"
    if summary.status is Status.TIMEOUT:
        return f"timeout, {summary.error}"
    return WORDY.sub(r"\1", summary.error or str(summary.status))


def end_text(cell: OverLink) -> str:
    """Return how an upload ended that did not arrive: ``500 after 30.7 s``."""
    if cell.summary.status in (Status.WRONG, Status.UNAVAILABLE):
        return str(cell.summary.status)
    kind = _kind(cell).removeprefix("the answer ")
    return f"{kind} after {cell.seconds:.1f} s" if cell.seconds else kind


def over_link_text(cell: OverLink | None) -> str:
    """Return the seconds of an upload and its share of the line, or what happened, and after how long."""
    if cell is None:
        return NO_FIGURE
    if cell.summary.status not in ACCEPTED or not cell.seconds:
        return Bad(end_text(cell))
    share = "" if cell.share is None else f", {percent(cell.share)}"
    return f"{cell.seconds:.1f} s{share}{twice_text(cell.summary.sent_twice_bytes)}"


def twice_text(size_bytes: int | None) -> str:
    """Return ``, 4.1 MiB twice``; nothing where nothing was sent twice, or where that is not known."""
    return f", {tenths_of_mib(size_bytes)} twice" if size_bytes else ""


def outcome_tables(found: Sequence[LinkFacts]) -> list[Table]:
    """Return the first way of each link with links across, then the other ways of each link."""
    firsts = [(facts, facts.ways[0]) for facts in found]
    methods = {method for _, (method, _) in firsts}
    header = [f"{facts.link.name}, {_way_text(way, len(methods) > 1)}" for facts, way in firsts]
    tables = [_outcomes(f"{', '.join(methods)}" if len(methods) == 1 else "", header, firsts)]
    return [*tables, *(table for facts in found for table in _more_ways(facts))]


def _more_ways(facts: LinkFacts) -> list[Table]:
    """Return a table for each size of which a link was sent more than its first way."""
    tables = []
    for size_bytes in sorted({size_bytes for _, size_bytes in facts.ways[1:]}):
        ways = sorted(way for way in facts.ways if way[1] == size_bytes)
        names = {cell.name for cell in facts.cells if cell.way in ways and cell.way != facts.ways[0]}
        alike = LinkFacts(facts.link, [cell for cell in facts.cells if cell.name in names])
        title = f"Over {facts.link.name}, {format_size(size_bytes)}"
        tables.append(_outcomes(title, [method for method, _ in ways], [(alike, way) for way in ways]))
    return tables


def _way_text(way: Way, has_method: bool) -> str:
    method, size_bytes = way
    return f"{method} {format_size(size_bytes)}" if has_method else format_size(size_bytes)


def _outcomes(title: str, header: Sequence[str], columns: Sequence[tuple[LinkFacts, Way]]) -> Table:
    cells = [{c.name: c for c in facts.cells if c.way == way} for facts, way in columns]
    names = dict.fromkeys(cell.name for facts, _ in columns for cell in facts.cells)
    rows = [
        TableRow([name, *(over_link_text(column.get(name)) for column in cells)])
        for name in names
        if any(name in column for column in cells)
    ]
    keys = [Key(method=method, size_bytes=size_bytes) for _, (method, size_bytes) in columns]
    return Table(title, ["", *header], rows, columns=keys, narrow=list(header))
