"""What a check of clients showed: what each client believes of an upload in each case. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from uploadlab.analysis.grid import latest
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.runs import Run

RANKS = (
    Verdict.CANNOT,
    Verdict.PASS,
    Verdict.DOCUMENTED,
    Verdict.UNAVAILABLE,
    Verdict.UNKNOWN,
    Verdict.FAIL,
    Verdict.ENDLESS,
    Verdict.LOSS,
)
"""From the least to the worst; a way that cannot says nothing of those that can."""
GOOD = (Verdict.CANNOT, Verdict.PASS, Verdict.DOCUMENTED)


class ClientFinding(NamedTuple):
    """A case of a client: the rows of all its ways, the worst first."""

    client: str
    case: str
    rows: Sequence[Check]

    @property
    def verdict(self) -> Verdict:
        """The worst."""
        return self.rows[0].verdict

    @property
    def worst(self) -> list[Check]:
        """The rows with the worst verdict."""
        return [row for row in self.rows if row.verdict is self.verdict]

    @property
    def ends(self) -> list[str]:
        """How uploads without success ended, in a word each: ``413``, ``error``."""
        statuses = (row.http_status for row in self.rows if row.verdict is Verdict.PASS and row.text)
        return sorted({"error" if status is None else str(status) for status in statuses})


def client_findings(run: Run, rows: Sequence[Check]) -> list[ClientFinding]:
    """Return what is known of each case and client, in the order of the run."""
    found: dict[tuple[str, str], list[Check]] = {}
    for row in latest(rows):
        found.setdefault((row.deployment, row.case), []).append(row)
    findings = []
    for client in (target.name for target in run.targets):
        for case in run.checks:
            if tried := found.get((client, case)):
                tried.sort(key=lambda row: -RANKS.index(row.verdict))
                findings.append(ClientFinding(client, case, tried))
    return findings


def by_ways(rows: Sequence[Check]) -> str:
    """Return which ways these rows are of, with the attempts that they differ in."""
    labels: dict[str, dict[str, None]] = {}
    for row in rows:
        labels.setdefault(row.label, {})[row.route] = None
    parts = [
        ", ".join(filter(None, ways)) + (f" ({label})" if label else "") for label, ways in labels.items()
    ]
    return "; ".join(filter(None, parts))
