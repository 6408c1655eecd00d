"""Parts of docs/clients.md that answer: which client to send with, and which clients report too much."""

from collections.abc import Iterator, Sequence

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.client_facts import ClientFacts, all_wrong
from uploadlab.analysis.client_ranking import ClientRanking
from uploadlab.catalogue.clients import CLIENTS, RESUMABLE_KIND, kind_of, sender_of
from uploadlab.model.checks import Verdict
from uploadlab.pages.clients import NOT_YET, known_clients
from uploadlab.pages.part import page_part, untitled
from uploadlab.presenting.figures import NO_FIGURE, figure, short

BROWSER = "chromium"
SENT = {
    "stream": "a file: its length is known",
    "chunked": "a pipe or a generator: no length",
    "form": "a form",
}
"""What a reader sends, by the kind of body."""


@page_part
def client_choices() -> str:
    """Return a line for each thing to send: the fastest client, and the fastest that is never wrong."""
    rankings = known_clients().rankings
    rows = [*_rows(rankings), *_browser_row(rankings), _resumable_row()]
    header = ["you send", "fastest", "fastest of those that report no false success"]
    return untitled(header, rows) if rankings else NOT_YET


@page_part
def false_successes() -> str:
    """Return which clients report a success that is none, and which never do."""
    checked = [known for known in known_clients().facts if known.findings]
    if not checked:
        return NOT_YET
    wrong = all_wrong(checked, [Verdict.LOSS])
    right = [known.client for known in checked if known.client not in wrong]
    share = f"{len(wrong)} of {len(checked)} clients"
    return (
        "**Compare what the server stored with what you sent.** "
        f"{share} sometimes report success for a file that the server does not have. "
        f"They are {_names(wrong) or 'none'}. These never did: {_names(right) or 'none'}.\n"
    )


def _names(clients: Sequence[str] | dict[str, list[str]]) -> str:
    return ", ".join(f"`{client}`" for client in clients)


def _rows(rankings: Sequence[ClientRanking]) -> Iterator[list[str]]:
    for ranking in rankings:
        if ranking.kind in SENT:
            ways = [way.summary for way in ranking.ways]
            honest = [cell for cell in ways if _is_honest(cell)]
            yield [SENT[ranking.kind], _way(ways[0]), _way(honest[0]) if honest else NO_FIGURE]


def _browser_row(rankings: Sequence[ClientRanking]) -> Iterator[list[str]]:
    ways = [way.summary for ranking in rankings if ranking.kind == "form" for way in ranking.ways]
    mine = [cell for cell in ways if sender_of(cell.method)[0] == BROWSER]
    if mine:
        yield ["from a browser", _way(mine[0]), _way(mine[0]) if _is_honest(mine[0]) else NO_FIGURE]


def _resumable_row() -> list[str]:
    ways = [f"`{name}.{way}`" for name, client in CLIENTS.items() for way in client.ways if _goes_on(way)]
    return ["a file that must survive a cut", ", ".join(ways), "[resumable.md](resumable.md)"]


def _goes_on(way: str) -> bool:
    return kind_of(way) == RESUMABLE_KIND


def _is_honest(cell: Summary) -> bool:
    client = sender_of(cell.method)[0]
    return any(known.client == client and _never_lost(known) for known in known_clients().facts)


def _never_lost(facts: ClientFacts) -> bool:
    return bool(facts.findings) and not facts.cases_of(Verdict.LOSS)


def _way(cell: Summary) -> str:
    return f"[`{cell.method}`](#{sender_of(cell.method)[0]}), {figure(cell.mb_per_second, short)} MB/s"
