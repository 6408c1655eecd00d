"""The grid of a check of clients: cases down, clients across, and the notes that its cells refer to."""

from collections import Counter
from collections.abc import Iterable, Sequence

from uploadlab.analysis.client_findings import GOOD, RANKS, ClientFinding, by_ways, client_findings
from uploadlab.catalogue.client_cases import CLIENT_CASES
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import CLIENT
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Key, Table, TableRow, Verdicted
from uploadlab.presenting.figures import grouped
from uploadlab.presenting.grid import NOT_TRIED, TONES

TITLE = "clients at a server that misbehaves: success only with every byte"


def client_grid(run: Run, rows: Sequence[Check]) -> tuple[list[Table], list[str]]:
    """Return the table, the worst cases first, and the notes that the numbers in its cells refer to."""
    findings = {(found.case, found.client): found for found in client_findings(run, rows)}
    clients = [target.name for target in run.targets]
    notes = _Notes()
    lines = []
    for case in sorted(run.checks, key=lambda case: -_worst(findings.values(), case)):
        cells = [_cell(findings.get((case, client)), notes) for client in clients]
        about = CLIENT_CASES[case].description if case in CLIENT_CASES else ""
        lines.append(TableRow([case, *cells], about=about))
    columns = [Key(name) for name in clients]
    table = Table(TITLE, ["", *clients], lines, Key(tier=CLIENT), columns, wordy=True)
    return [table], notes.lines()


def client_counts(run: Run, rows: Sequence[Check]) -> list[str]:
    """Return in a line how much was tried, and how it ended."""
    verdicts = Counter(found.verdict for found in client_findings(run, rows))
    numbers = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in reversed(RANKS) if verdicts[verdict])
    return [f"Cases of clients: {numbers}. Attempts: {len(rows)}."]


class _Notes:
    """Numbered notes: a kind of failure in a case, with the clients that have it."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, str, list[str]]] = {}

    def number(self, client: str, rows: Sequence[Check]) -> int:
        """Return the number of the note on these rows, which are of a kind."""
        first = rows[0]
        known = self._found.setdefault(
            (first.case, f"{first.verdict} {first.code}"), (len(self._found) + 1, first.text, [])
        )
        known[2].append(f"{client} {by_ways(rows)}".strip())
        return known[0]

    def lines(self) -> list[str]:
        """Return a line for each note."""
        return [
            f"[{number}] {case}: {text}. At {'; '.join(places)}"
            for (case, _), (number, text, places) in self._found.items()
        ]


def _worst(findings: Iterable[ClientFinding], case: str) -> int:
    return max((RANKS.index(found.verdict) for found in findings if found.case == case), default=0)


def _cell(found: ClientFinding | None, notes: _Notes) -> str:
    """Return the worst verdict with the numbers of its notes, or ``pass`` with how uploads ended."""
    if found is None:
        return NOT_TRIED
    kinds = grouped((f"{row.verdict} {row.code}", row) for row in found.worst)
    if found.verdict in GOOD:
        words = [found.verdict, *(found.ends if found.verdict is Verdict.PASS else [])]
    else:
        words = [found.verdict, *(f"[{notes.number(found.client, rows)}]" for rows in kinds.values())]
    cell = Verdicted(" ".join(words))
    cell.tone = "good" if found.verdict is Verdict.PASS else TONES[found.verdict]
    texts = grouped((row.text, row) for row in found.worst if row.text)
    cell.notes = [f"{by_ways(rows)}: {text}".removeprefix(": ") for text, rows in texts.items()]
    return cell
