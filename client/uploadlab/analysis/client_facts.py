"""What runs and checks say of each client: the entries of docs/clients.md, as values. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import median

from msgspec import Struct

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.client_findings import ClientFinding
from uploadlab.analysis.client_ranking import ClientRanking
from uploadlab.catalogue.clients import kind_of, sender_of
from uploadlab.model.checks import Verdict
from uploadlab.model.measurements import ACCEPTED

YARDSTICK = "curl"
REASON_LOST = "reason-lost"
"""The code of an upload whose refusal the client does not hand on."""


class WayFacts(Struct, frozen=True, kw_only=True):
    """What was measured of one way of a client. None: not measured, or not known."""

    method: str
    mb_per_second: float | None
    """At the server of its kind's ranking."""
    of_yardstick: float | None
    """Of the rate of curl's fastest way of the same kind there."""
    cpu_seconds_per_gb: float | None
    """Of the client."""
    before_seconds: float | None
    """Before the first byte."""
    peak_bytes: dict[int, int]
    """The highest peak of the client's memory, by the size of the file."""

    @property
    def way(self) -> str:
        """The name of the way."""
        return sender_of(self.method)[1]


class ClientFacts(Struct, frozen=True, kw_only=True):
    """What was measured and checked of one client."""

    client: str
    versions: dict[str, str]
    ways: list[WayFacts]
    findings: dict[str, ClientFinding]
    """By case."""
    reasons_lost: list[str]
    """The cases in which it does not hand on why the server refused."""
    cannot: dict[str, list[str]]
    """Reasons for what the client cannot send, each with the cases."""

    def cases_of(self, *verdicts: Verdict) -> list[str]:
        """Return the cases that end in one of these verdicts."""
        return [case for case, found in self.findings.items() if found.verdict in verdicts]


def client_facts(
    client: str,
    methods: Sequence[str],
    versions: Mapping[str, Mapping[str, str]],
    cells: Sequence[Summary],
    rankings: Sequence[ClientRanking],
    findings: Sequence[ClientFinding],
) -> ClientFacts:
    """Return the facts of a client from summaries of a run, their rankings, and findings of a check."""
    mine = {found.case: found for found in findings if found.client == client}
    rows = [row for found in mine.values() for row in found.rows]
    cannot: dict[str, list[str]] = {}
    for row in rows:
        if row.verdict is Verdict.CANNOT:
            names = cannot.setdefault(row.text, [])
            names += [row.case] if row.case not in names else []
    return ClientFacts(
        client=client,
        versions=dict(versions.get(client, {})),
        ways=[_way(method, cells, rankings) for method in methods],
        findings=mine,
        reasons_lost=list(dict.fromkeys(row.case for row in rows if row.code == REASON_LOST)),
        cannot=cannot,
    )


def _way(method: str, cells: Iterable[Summary], rankings: Sequence[ClientRanking]) -> WayFacts:
    mine = [cell for cell in cells if cell.method == method and cell.status in ACCEPTED]
    kind = kind_of(sender_of(method)[1])
    ranking = next((known for known in rankings if known.kind == kind), None)
    at_place = [way.summary for way in ranking.ways if way.summary.method == method] if ranking else []
    rated = at_place[0] if at_place else None
    outside = [known for cell in mine if (known := _before(cell, rated)) is not None]
    peaks: dict[int, int] = {}
    for cell in mine:
        if cell.client_peak_rss_bytes:
            peaks[cell.size_bytes] = max(peaks.get(cell.size_bytes, 0), cell.client_peak_rss_bytes)
    yardstick = _yardstick(ranking) if ranking else None
    return WayFacts(
        method=method,
        mb_per_second=rated.mb_per_second if rated else None,
        of_yardstick=rated.mb_per_second / yardstick if rated and rated.mb_per_second and yardstick else None,
        cpu_seconds_per_gb=rated.client_cpu_seconds_per_gb if rated else None,
        before_seconds=median(outside) if outside else None,
        peak_bytes=peaks,
    )


def _before(cell: Summary, rated: Summary | None) -> float | None:
    """Return the seconds before the first byte, if the cell has the size of the table."""
    is_same_size = rated is not None and cell.size_bytes == rated.size_bytes
    return cell.outside_handler_seconds if is_same_size else None


def _yardstick(ranking: ClientRanking) -> float | None:
    rates = [
        way.summary.mb_per_second or 0.0
        for way in ranking.ways
        if sender_of(way.summary.method)[0] == YARDSTICK
    ]
    return max(rates, default=None)


def all_wrong(facts: Iterable[ClientFacts], verdicts: Collection[Verdict]) -> dict[str, list[str]]:
    """Return the clients that end in one of these verdicts, with the cases."""
    found = {known.client: known.cases_of(*verdicts) for known in facts}
    return {client: cases for client, cases in found.items() if cases}
