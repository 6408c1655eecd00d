"""What a check of clients shows, in a title and a few sentences, the worst first."""

from collections.abc import Iterable, Sequence

from uploadlab.analysis.client_findings import GOOD, ClientFinding, client_findings
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import counted, few, grouped

REASON = "reason-lost"
FAULTS = {
    REASON: "lose the server's reason for a refusal",
    "other-name": "send another file name",
    "broken-body": "send more than they announce",
    "not-sent": "fail though nothing is in the way",
}
"""What clients do, by the codes of the oracle."""
MOST_CASES, MOST_CLIENTS = 4, 4


def client_title(run: Run, checks: Sequence[Check]) -> str:
    """Return the main result: how many clients report success without all bytes, or do not end."""
    findings = client_findings(run, checks)
    total = counted(len({found.client for found in findings}), "client")
    losing, endless = (
        {found.client for found in findings if any(row.verdict is verdict for row in found.rows)}
        for verdict in (Verdict.LOSS, Verdict.ENDLESS)
    )
    parts = []
    if losing:
        parts.append(f"{len(losing)} of {total} report success for files that the server does not have")
    if endless:
        parts.append(f"{len(endless)} of {total} never end in some case")
    if parts:
        return "; ".join(parts)
    tried = [found for found in findings if found.verdict is not Verdict.UNAVAILABLE]
    return "No client reports success without all bytes" if tried else "No client could be tried"


def client_statements(run: Run, checks: Sequence[Check]) -> list[Statement]:
    """Return which clients lose bytes, which do not end, which lose the reason, and which do all right."""
    findings = client_findings(run, checks)
    statements = [
        *_of_verdict("Lost", "report success without all bytes", findings, Verdict.LOSS, "bad"),
        *_of_verdict("Endless", "never end", findings, Verdict.ENDLESS, "bad"),
    ]
    for code, words in FAULTS.items():
        places = [
            (found.client, found.case)
            for found in findings
            for row in found.rows
            if row.verdict is Verdict.FAIL and row.code == code
        ]
        statements += _sentences("Reason" if code == REASON else "Failed", words, places, "warn")
    statements += _of_verdict("Allowed", "report success without the bytes, as RFC 9110 allows", findings,
                              Verdict.DOCUMENTED, "")  # fmt: skip
    gone = grouped(
        (row.text, found.client) for found in findings for row in found.rows
        if row.verdict is Verdict.UNAVAILABLE
    )  # fmt: skip
    statements += [Statement("Not tried", f"{few(names, 5)}: {why}", "bad") for why, names in gone.items()]
    verdicts = grouped((found.client, found.verdict) for found in findings)
    if clean := [name for name, found in verdicts.items() if set(found) <= set(GOOD)]:
        statements.append(Statement("Passed", f"every case: {few(clean, 6)}", "good"))
    return statements


def _of_verdict(
    head: str, words: str, findings: Iterable[ClientFinding], verdict: Verdict, tone: str
) -> list[Statement]:
    places = [
        (found.client, found.case) for found in findings for row in found.rows if row.verdict is verdict
    ]
    return _sentences(head, words, places, tone)


def _sentences(head: str, words: str, places: Iterable[tuple[str, str]], tone: str) -> list[Statement]:
    """Return a sentence for each set of cases, with the clients of just these; the largest set first."""
    cases = grouped(dict.fromkeys(places))
    clients = grouped((tuple(mine), name) for name, mine in cases.items())
    most_first = sorted(clients.items(), key=lambda item: -len(item[0]))
    return [
        Statement("" if number else head, f"{'' if number else words + ': '}{few(names, MOST_CLIENTS)} "
                  f"({few(mine, MOST_CASES)})", tone)
        for number, (mine, names) in enumerate(most_first)
    ]  # fmt: skip
