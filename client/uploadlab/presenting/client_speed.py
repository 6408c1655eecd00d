"""What a run of several clients shows: which is fast, which is cheap, and what another way changes."""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.client_ranking import ClientRanking, WayChange, in_memory, way_changes
from uploadlab.catalogue.clients import sender_of
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import counted, few, hundredths, mib, times_text
from uploadlab.presenting.rates import rate_in_full
from uploadlab.units import format_size

KIND_NAMES = {
    "stream": "raw body",
    "chunked": "chunked body",
    "form": "form",
    "resumable": "tus upload",
}
"""What the kinds of body are called."""
MOST_WAY_CHANGES = 3


def speed_of_clients_in_short(rankings: Sequence[ClientRanking]) -> str:
    """Return which client is the fastest with the first kind of body, and how much slower the slowest is."""
    if not rankings:
        return ""
    ranking = rankings[0]
    what, (fastest, *_, slowest) = KIND_NAMES[ranking.kind], [ranking.ways[0], *ranking.ways]
    if len(ranking.ways) == 1:
        return f"{_way(fastest.summary)}: {rate_in_full(fastest.summary)} for a {what}"
    if not slowest.is_clear:
        return f"no clear difference in speed between {counted(len(ranking.ways), 'way')} to send a {what}"
    several = f"of {len(ranking.clients)} clients, " if len(ranking.clients) > 1 else ""
    return (
        f"{several}{_name(fastest.summary)} sends a {what} the fastest{_others(ranking)}; "
        f"{_name(slowest.summary)} is {times_text(slowest.times)} slower"
    )


def speed_of_clients(rankings: Sequence[ClientRanking], summaries: Sequence[Summary]) -> list[Statement]:
    """Return the fastest and the slowest way of each kind, the cheapest in CPU, and who holds the file."""
    statements = [_speed(ranking) for ranking in rankings]
    statements += [found for ranking in rankings[:1] for found in _cpu(ranking)]
    if held := in_memory(summaries):
        size = format_size(max(cell.size_bytes for cell in held))
        text = f"the whole file is in the memory of {few(map(_name, held), 4)}: {_peaks(held)} for {size}"
        statements.append(Statement("Memory", text, "warn"))
    return statements


def way_statements(rankings: Sequence[ClientRanking]) -> list[Statement]:
    """Return which other ways of the same clients gain the most."""
    changes = way_changes(rankings)[:MOST_WAY_CHANGES]
    return [
        Statement(f"Change {number}", way_change_text(change), "change", rank=number)
        for number, change in enumerate(changes, 1)
    ]


def way_change_text(change: WayChange) -> str:
    """Return what another way of a client gains, in words."""
    gains = []
    if change.times_faster > 1:
        gains.append(f"{times_text(change.times_faster)} faster")
    if change.times_cheaper > 1:
        gains.append(f"{hundredths(1 / change.times_cheaper)} of the client's CPU")
    first, other = (sender_of(cell.method)[1] for cell in (change.first, change.other))
    return f"{change.client}: `{other}` in place of `{first}`: {', '.join(gains)}"


def _speed(ranking: ClientRanking) -> Statement:
    fastest, slowest = ranking.ways[0], ranking.ways[-1]
    text = f"{_name(fastest.summary)} at {ranking.deployment}: {rate_in_full(fastest.summary)}"
    if slowest.is_clear:
        text += f"{_others(ranking)}; {_name(slowest.summary)} is {times_text(slowest.times)} slower"
    elif len(ranking.ways) > 1:
        text += f"; none of {counted(len(ranking.ways), 'way')} is clearly slower"
    what = KIND_NAMES[ranking.kind]
    return Statement(f"{what[0].upper()}{what[1:]}", text)


def _others(ranking: ClientRanking) -> str:
    """Return how many other ways are not clearly slower than the fastest; empty if all are."""
    others = len(ranking.as_fast)
    return f", {counted(others, 'other way')} about as fast" if others else ""


def _cpu(ranking: ClientRanking) -> list[Statement]:
    """Return the least and the most CPU of a client, if it is known."""
    known = ranking.by_cpu
    if len(known) < 2:
        return []
    least, most = known[0], known[-1]
    text = (
        f"for a {KIND_NAMES[ranking.kind]}, {_name(least)} takes the least "
        f"({hundredths(least.client_cpu_seconds_per_gb or 0.0)} s for each GB), {_name(most)} the most "
        f"({hundredths(most.client_cpu_seconds_per_gb or 0.0)})"
    )
    return [Statement("Client CPU", text)]


def _peaks(held: Sequence[Summary]) -> str:
    peaks = [cell.client_peak_rss_bytes or 0 for cell in held]
    low, high = mib(min(peaks)), mib(max(peaks))
    return low if low == high else f"{low.removesuffix(' MiB')} to {high}"


def _name(cell: Summary) -> str:
    return cell.method


def _way(cell: Summary) -> str:
    return f"{cell.method} on {cell.deployment}"
