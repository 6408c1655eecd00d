"""Parts of docs/clients.md: how fast each client sends, what it takes, and what it believes."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from uploadlab.analysis.cells import Summary, reference_names
from uploadlab.analysis.client_facts import ClientFacts, WayFacts, all_wrong, client_facts
from uploadlab.analysis.client_findings import ClientFinding, client_findings
from uploadlab.analysis.client_ranking import ClientRanking, WayChange, client_cpu, rank_clients, way_changes
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.catalogue.client_registry import ClientCaseKind
from uploadlab.catalogue.clients import CLIENTS
from uploadlab.model.checks import Verdict
from uploadlab.pages.part import kept, kept_cells, page_part, titled, untitled, where_measured
from uploadlab.paths import REFERENCE
from uploadlab.presenting.client_speed import KIND_NAMES
from uploadlab.presenting.client_tables import client_tables, milliseconds
from uploadlab.presenting.figures import NO_FIGURE, counted, figure, hundredths, mib, percent, short
from uploadlab.units import GIB, MIB, format_size

RUN, TLS_RUN, CHECK = "clients", "clients-tls", "check-clients"
"""The kept runs: of the plans of these names, and of ``check --clients``."""
NOT_YET = "Not measured yet.\n"
SMALL, LARGE = 64 * MIB, GIB
"""The sizes whose memory is shown."""
MARKS = {
    Verdict.PASS: "ok",
    Verdict.DOCUMENTED: "GET",
    Verdict.FAIL: "fail",
    Verdict.ENDLESS: "**endless**",
    Verdict.LOSS: "**lost**",
    Verdict.CANNOT: NO_FIGURE,
    Verdict.UNAVAILABLE: "not tried",
    Verdict.UNKNOWN: "unknown",
}
NO_REASON = "no reason"
LEGEND = {
    "ok": "Success, and the server has every byte. Or an error, where the upload could not succeed.",
    "GET": "It followed a redirect by a GET without the body, as RFC 9110 allows, and reports that 2xx.",
    NO_REASON: "An error without the server's status and words of refusal.",
    "fail": "An error although the upload could succeed, another file name, or a broken body.",
    "**endless**": "The upload did not end, so the lab ended it.",
    "**lost**": "The client reported success, but the server does not have the file.",
    NO_FIGURE: "The client has no such upload.",
}
TITLES = {ClientCaseKind.SERVER: "what the server does", ClientCaseKind.FILE: "what the file is"}


class KeptClients(NamedTuple):
    """What the kept runs have, as far as they are there."""

    cells: Sequence[Summary]
    rankings: Sequence[ClientRanking]
    facts: Sequence[ClientFacts]


@cache
def known_clients() -> KeptClients:
    """Return all that the kept runs say of clients."""
    cells: Sequence[Summary] = []
    rankings: list[ClientRanking] = []
    findings: list[ClientFinding] = []
    versions: dict[str, dict[str, str]] = {}
    if (REFERENCE / RUN).exists():
        cells = kept_cells(RUN)
        rankings = rank_clients(cells, reference_names(kept(RUN).run))
        versions |= kept(RUN).run.versions
    if (REFERENCE / CHECK).exists():
        findings = client_findings(kept(CHECK).run, kept(CHECK).checks)
        versions |= kept(CHECK).run.versions
    facts = [
        client_facts(client.name, client.methods, versions, cells, rankings, findings)
        for client in CLIENTS.values()
    ]
    return KeptClients(cells, rankings, facts)


@page_part
def client_sentences() -> str:
    """Return what the tables say together, in a few items."""
    facts, rankings = known_clients().facts, known_clients().rankings
    lines = [*map(_fastest, rankings), *map(_cheapest, rankings[:1]), *_believed(facts)]
    return "".join(f"- {line}\n" for line in lines if line) or NOT_YET


@page_part
def client_speed(kind: str) -> str:
    """Return the table of a kind of body: a line for each client, by default and with one line changed."""
    ranking = next((known for known in known_clients().rankings if known.kind == kind), None)
    if not ranking:
        return NOT_YET
    changes = {change.client: change for change in way_changes([ranking])}
    ways = {way.method: way for facts in known_clients().facts for way in facts.ways}
    header = [
        "client", "by default", "MB/s (of curl)", "CPU s/GB", "one change", "MB/s (of curl)", "CPU s/GB",
        f"memory, {format_size(SMALL)}", f"memory, {format_size(LARGE)}", "before the first byte",
    ]  # fmt: skip
    rows = [
        _speed_line(facts, ways[ranking.first_of(facts.client).method], ways, changes.get(facts.client))
        for facts in known_clients().facts
        if facts.client in ranking.clients
    ]
    place = f"{KIND_NAMES[kind].capitalize()} of {format_size(ranking.size_bytes)} at `{ranking.deployment}`:"
    return f"{place}\n\n{untitled(header, rows)}"


@page_part
def client_verdicts(kind: str) -> str:
    """Return what each client reports in the cases of a kind, ``server`` or ``file``."""
    facts = [known for known in known_clients().facts if known.findings]
    cases = [name for name, case in CLIENT_CASES.items() if case.kind == kind]
    cases = [case for case in cases if any(case in known.findings for known in facts)]
    if not cases:
        return NOT_YET
    header = [TITLES[ClientCaseKind(kind)], *(f"`{known.client}`" for known in facts)]
    return untitled(header, [[f"`{case}`", *(_mark(known, case) for known in facts)] for case in cases])


@page_part
def client_tls() -> str:
    """Return what HTTP/2 over TLS costs beside HTTP/1.1."""
    if not _is_kept(TLS_RUN):
        return NOT_YET
    return "\n".join(map(titled, client_tables(kept(TLS_RUN).run, kept_cells(TLS_RUN))))


@page_part
def client_legend() -> str:
    """Return what the words of the grid mean."""
    return untitled(["", "what happened"], [[mark, text] for mark, text in LEGEND.items()])


@page_part
def clients_measured() -> str:
    """Return where the kept runs were measured."""
    names = {RUN: "plan `clients`", TLS_RUN: "plan `clients-tls`", CHECK: "`check --clients`"}
    lines = [f"- {text}: {where_measured(name)}\n" for name, text in names.items() if _is_kept(name)]
    return "".join(lines) or NOT_YET


def _is_kept(name: str) -> bool:
    return (REFERENCE / name).exists()


def _fastest(ranking: ClientRanking) -> str:
    fastest, slowest = ranking.ways[0].summary, ranking.ways[-1]
    rate = _rate(fastest.mb_per_second)
    text = f"**Fastest with a {KIND_NAMES[ranking.kind]}**: `{fastest.method}`, {rate} MB/s"
    others = f" {counted(len(ranking.as_fast), 'other way')} came close." if ranking.as_fast else ""
    slow = f" `{slowest.summary.method}` is {short(slowest.times)} times slower." if slowest.is_clear else ""
    return f"{text} at `{ranking.deployment}`.{others}{slow}"


def _cheapest(ranking: ClientRanking) -> str:
    known = ranking.by_cpu
    if not known:
        return ""
    least, most = known[0], known[-1]
    return (
        f"**CPU seconds of the client for each GB of a {KIND_NAMES[ranking.kind]}**: "
        f"{hundredths(client_cpu(least))} (`{least.method}`) "
        f"to {hundredths(client_cpu(most))} (`{most.method}`)."
    )


def _believed(facts: Sequence[ClientFacts]) -> Iterable[str]:
    checked = [known for known in facts if known.findings]
    if not checked:
        return
    lost = {known.client: known.reasons_lost for known in checked if known.reasons_lost}
    for text, found in (
        ("Report success, but the server does not have the file", all_wrong(checked, [Verdict.LOSS])),
        ("Never end in some case", all_wrong(checked, [Verdict.ENDLESS])),
        ("Raise an error without the server's reason", lost),
    ):
        names = ", ".join(f"`{client}`" for client in found) or "none"
        yield f"**{text}** ({len(found)} of {len(checked)}): {names}."


def _speed_line(
    facts: ClientFacts, first: WayFacts, ways: dict[str, WayFacts], change: WayChange | None
) -> list[str]:
    version = next(iter(facts.versions.values()), "")
    other = ways[change.other.method] if change else None
    return [
        f"[`{facts.client}`](#{facts.client}) {version}".strip(),
        f"`{first.way}`",
        rate_of_curl(first),
        figure(first.cpu_seconds_per_gb, hundredths),
        f"`{other.way}`" if other else NO_FIGURE,
        rate_of_curl(other) if other else NO_FIGURE,
        figure(other.cpu_seconds_per_gb, hundredths) if other else NO_FIGURE,
        figure(first.peak_bytes.get(SMALL), mib),
        figure(first.peak_bytes.get(LARGE), mib),
        figure(first.before_seconds, milliseconds),
    ]


def _rate(value: float | None) -> str:
    return figure(value, short)


def rate_of_curl(way: WayFacts) -> str:
    """Return ``1240 (98%)``: MB/s, and the share of curl's."""
    share = "" if way.of_yardstick is None else f" ({percent(way.of_yardstick)})"
    return _rate(way.mb_per_second) + share


def _mark(facts: ClientFacts, case: str) -> str:
    found = facts.findings.get(case)
    if found is None:
        return MARKS[Verdict.UNAVAILABLE]
    if found.verdict is Verdict.FAIL and case in facts.reasons_lost:
        return NO_REASON
    return MARKS[found.verdict]
