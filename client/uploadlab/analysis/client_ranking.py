"""Which client sends a kind of body fastest, which at the least cost, and what another way changes. Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.ranking import RankedWay, ranked_way
from uploadlab.catalogue.clients import KINDS, kind_of, sender_of
from uploadlab.model.measurements import ACCEPTED

CHEAPER = 1.5
"""From this ratio on, a way whose speed is the same is called cheaper in CPU."""
HELD_SHARE = 0.5
"""A client whose memory grows by this share of a file holds the file there."""


class ClientRanking(NamedTuple):
    """The ways of clients to send one kind of body, all at one server."""

    kind: str
    """``stream``, ``chunked``, ``form`` or ``resumable``."""
    deployment: str
    """The server that takes the most of these ways; of several a reference, else where no client waits."""
    ways: list[RankedWay]
    """The fastest first, all of one size."""

    @property
    def clients(self) -> list[str]:
        """The names of the clients, the fastest first."""
        return list(dict.fromkeys(sender_of(way.summary.method)[0] for way in self.ways))

    @property
    def size_bytes(self) -> int:
        """The size of the files."""
        return self.ways[0].summary.size_bytes

    @property
    def as_fast(self) -> list[Summary]:
        """The other ways that are not clearly slower than the fastest."""
        return [way.summary for way in self.ways[1:] if not way.is_clear]

    def first_of(self, client: str) -> Summary:
        """Return the way of a client that people take first: the documentation's, else the plain one."""
        mine = [way.summary for way in self.ways if sender_of(way.summary.method)[0] == client]
        return min(mine, key=lambda cell: _place_in_kind(cell.method))

    @property
    def by_cpu(self) -> list[Summary]:
        """Those whose CPU seconds are known, the cheapest first."""
        known = [way.summary for way in self.ways if way.summary.client_cpu_seconds_per_gb is not None]
        return sorted(known, key=client_cpu)


class WayChange(NamedTuple):
    """Another way of the same client, which is faster or takes less CPU than its first."""

    client: str
    first: Summary
    other: Summary
    times_faster: float
    """1 where their speed does not differ clearly."""
    times_cheaper: float
    """In CPU seconds of the client; 1 where they are not known."""


def is_of_clients(methods: Iterable[str]) -> bool:
    """Return whether most of these methods are of other clients, so that the clients are what is compared."""
    clients = [bool(sender_of(method)[0]) for method in set(methods)]
    return 2 * sum(clients) > len(clients)


def rank_clients(summaries: Sequence[Summary], references: Collection[str]) -> list[ClientRanking]:
    """Return a ranking for each kind of body that clients sent, at a reference if it takes such bodies."""
    rankings = []
    for kind in KINDS:
        mine = [cell for cell in summaries if cell.mb_per_second and _kind(cell) == kind]
        if mine:
            deployment, size_bytes = _place(mine, references)
            cells = [cell for cell in mine if (cell.deployment, cell.size_bytes) == (deployment, size_bytes)]
            best = max(cells, key=_rate)
            ways = sorted((ranked_way(cell, best) for cell in cells), key=lambda way: way.times)
            rankings.append(ClientRanking(kind, deployment, ways))
    return rankings


def way_changes(rankings: Sequence[ClientRanking]) -> list[WayChange]:
    """Return for each client and kind the other way that helps the most, the greatest gain first."""
    changes = []
    for ranking in rankings:
        for client in ranking.clients:
            first = ranking.first_of(client)
            ways = [way.summary for way in ranking.ways if sender_of(way.summary.method)[0] == client]
            found = [_change(client, first, other) for other in ways if other is not first]
            better = [
                change for change in found if change.times_faster > 1 or change.times_cheaper >= CHEAPER
            ]
            changes += sorted(better, key=_gain)[-1:]
    return sorted(changes, key=_gain, reverse=True)


def client_cpu(summary: Summary) -> float:
    """Return CPU seconds of the client for 10^9 bytes; 0 if they are not known."""
    return summary.client_cpu_seconds_per_gb or 0.0


def in_memory(summaries: Iterable[Summary]) -> list[Summary]:
    """Return the largest upload of each client's way whose memory grows with the file.

    A way of which only one size is known is not judged: a browser takes much memory for any file.
    """
    ways: dict[str, dict[int, Summary]] = {}
    for cell in summaries:
        if sender_of(cell.method)[0] and cell.status in ACCEPTED and cell.client_peak_rss_bytes:
            sizes = ways.setdefault(cell.method, {})
            other = sizes.get(cell.size_bytes, cell)
            sizes[cell.size_bytes] = max(other, cell, key=lambda of: of.client_peak_rss_bytes or 0)
    largest = [(sizes[min(sizes)], sizes[max(sizes)]) for sizes in ways.values() if len(sizes) > 1]
    return [large for small, large in largest if _grows(small, large)]


def _grows(small: Summary, large: Summary) -> bool:
    more = (large.client_peak_rss_bytes or 0) - (small.client_peak_rss_bytes or 0)
    return more >= HELD_SHARE * (large.size_bytes - small.size_bytes)


def _place_in_kind(way: str) -> int:
    """Return the rank of a way among those of its kind; ``form-docs`` comes before ``form``."""
    return 0 if way.endswith("-docs") else len(way)


def _change(client: str, first: Summary, other: Summary) -> WayChange:
    """Return what the other way changes; nothing is gained where it is clearly slower."""
    if ranked_way(other, first).is_clear:
        return WayChange(client, first, other, 1.0, 1.0)
    way = ranked_way(first, other)
    cheaper = client_cpu(first) / client_cpu(other) if client_cpu(first) and client_cpu(other) else 1.0
    return WayChange(client, first, other, way.times if way.is_clear else 1.0, cheaper)


def _gain(change: WayChange) -> float:
    return max(change.times_faster, change.times_cheaper)


def _place(cells: Sequence[Summary], references: Collection[str]) -> tuple[str, int]:
    """Return the server and the size at which the most ways have a rate, and the most rounds."""
    places: dict[tuple[str, int], list[Summary]] = {}
    for cell in cells:
        places.setdefault((cell.deployment, cell.size_bytes), []).append(cell)

    def worth(place: tuple[str, int]) -> tuple[int, int, bool, float]:
        here = places[place]
        is_reference = place[0] in references
        return len(here), min(cell.rounds for cell in here), is_reference, _slowest_client(here)

    return max(places, key=worth)


def _slowest_client(cells: Sequence[Summary]) -> float:
    """Return the best rate of the slowest client: where a client waits, waits would be compared."""
    best: dict[str, float] = {}
    for cell in cells:
        client = sender_of(cell.method)[0]
        best[client] = max(_rate(cell), best.get(client, 0.0))
    return min(best.values())


def _kind(cell: Summary) -> str:
    client, way = sender_of(cell.method)
    return kind_of(way) if client else ""


def _rate(cell: Summary) -> float:
    return cell.mb_per_second or 0.0
