"""The grid of a check as tables: cases down, deployments across, and the notes that its cells refer to."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from uploadlab.analysis.grid import HELD, known_exception, latest, lost_bytes
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.registry import CaseKind
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import DERIVED, EXTERNAL
from uploadlab.model.runs import Run
from uploadlab.planning.check_cells import applies
from uploadlab.presenting.document import Bad, Key, Table, TableRow, Verdicted

NOT_TRIED = "-"
EXCEPTION = "known"
SEVERITY = [
    Verdict.PASS,
    Verdict.CANNOT,
    Verdict.DOCUMENTED,
    "known",
    Verdict.UNAVAILABLE,
    Verdict.UNKNOWN,
    Verdict.FAIL,
    Verdict.ENDLESS,
    Verdict.LOSS,
]
TONES = {
    Verdict.CANNOT: "unknown",
    Verdict.DOCUMENTED: "known",
    Verdict.ENDLESS: "lost",
    EXCEPTION: "known",
    Verdict.UNAVAILABLE: "unknown",
    Verdict.UNKNOWN: "unknown",
    Verdict.FAIL: "bad",
    Verdict.LOSS: "lost",
}
TITLES = {
    "tuned": "tuned: every byte, or a clear refusal",
    "stock": "stock: default settings, defects included",
    DERIVED: "your configs: every byte, or a clear refusal",
    EXTERNAL: "your targets: every byte, or a clear refusal",
}


Notes = dict[str, tuple[int, dict[str, dict[str, None]]]]
"""The texts of notes, each with its number and the deployments that it is about by case."""


class Footnote(NamedTuple):
    """A note that numbers in the cells of a grid refer to."""

    number: int
    text: str
    places: Mapping[str, Sequence[str]]
    """The deployments that it is about, by case."""

    @property
    def where(self) -> str:
        """Return the cases with their deployments: ``chunked: flask, gunicorn; stall: flask``."""
        return "; ".join(f"{case}: {', '.join(names)}" for case, names in self.places.items())

    def __str__(self) -> str:
        """Return the note as a line."""
        return f"[{self.number}] {self.text}. {self.where}"


def grids(run: Run, rows: Sequence[Check]) -> tuple[list[Table], list[Footnote]]:
    """Return one table a tier, failures first, and the notes that the numbers in their cells refer to."""
    notes: Notes = {}
    cells: dict[tuple[str, str], list[Check]] = {}
    for row in latest(rows):
        cells.setdefault((row.deployment, row.case), []).append(row)
    tiers = dict.fromkeys(target.tier for target in run.targets)
    # A case that none of these targets can be tried with, such as one for TLS alone, is no row.
    cases = [
        name
        for name in run.checks
        if name not in CASES or any(applies(target, name) for target in run.targets)
    ]
    tables = []
    for tier in sorted(tiers, key=lambda name: name not in HELD):
        names = [target.name for target in run.targets if target.tier == tier]
        found = {case: [cells.get((name, case), []) for name in names] for case in cases}
        grid = [
            TableRow([case, *(_cell(tried, run, notes) for tried in found[case])], about=about_case(case))
            for case in sorted(found, key=lambda case: -_worst(found[case], run))
        ]
        columns = [Key(name) for name in names]
        tables.append(Table(TITLES.get(tier, tier), ["", *names], grid, Key(tier=tier), columns, wordy=True))
    footnotes = [
        Footnote(number, text, {case: list(names) for case, names in places.items()})
        for text, (number, places) in notes.items()
    ]
    return tables, footnotes


def about_case(case: str) -> str:
    """Return what a case sends; empty for a case that this lab no longer has."""
    return CASES[case].description if case in CASES else ""


def _worst(cells: Iterable[Sequence[Check]], run: Run) -> int:
    """Return how bad the worst of these attempts is: a known failure is better than an unknown verdict."""
    attempts = [row for tried in cells for row in tried]
    ranks = [1 if known_exception(row, run.exceptions) else SEVERITY.index(row.verdict) for row in attempts]
    return max(ranks, default=0)


def limit_table(run: Run, rows: Sequence[Check]) -> Table:
    """Return the limits that a plan measures beside uploads: deployments down, cases across."""
    texts = {(row.deployment, row.case): _limit(row) for row in latest(rows)}
    cases = list(dict.fromkeys(row.case for row in rows))
    return Table(
        "",
        ["", *cases],
        [
            TableRow([name, *(texts.get((name, case), NOT_TRIED) for case in cases)], Key(name))
            for name in (target.name for target in run.targets)
            if any((name, case) in texts for case in cases)
        ],
        wordy=True,
    )


def _limit(row: Check) -> str:
    """Return what was measured; what went wrong stands out."""
    if row.verdict is Verdict.PASS:
        return row.text
    return Bad(row.text if row.verdict is Verdict.FAIL else f"{row.verdict}: {row.text}")


def counts(run: Run, rows: Sequence[Check]) -> list[str]:
    """Return in lines how much was tried, and how it ended."""
    rows = [row for row in latest(rows) if row.verdict is not Verdict.UNAVAILABLE]
    tried = Counter(CASES[row.case].kind for row in rows if row.case in CASES)
    held = {target.name for target in run.targets if target.tier in HELD}
    kinds = [kind for kind in CaseKind if tried[kind] or kind is not CaseKind.LIMIT]
    lines = [f"Tried: {', '.join(f'{tried[kind]} {kind}' for kind in kinds)}."]
    for title, mine in (
        ("Tuned deployments and your own", [row for row in rows if row.deployment in held]),
        ("All others", [row for row in rows if row.deployment not in held]),
    ):
        if mine:
            lines.append(f"{title}: {_summed(mine, run)}.")
    return lines


def _summed(rows: Sequence[Check], run: Run) -> str:
    verdicts: Counter[str] = Counter()
    lost: Counter[bool] = Counter()
    for row in rows:
        known = known_exception(row, run.exceptions) is not None
        verdicts[EXCEPTION if known else row.verdict] += 1
        lost[known] += lost_bytes(row)
    numbers = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
    more = f", and {lost[True]} by known failures" if lost[True] else ""
    return f"{numbers}; {lost[False]} bytes silently lost or added{more}"


def _cell(rows: Sequence[Check], run: Run, notes: Notes) -> str:
    """Return ``pass`` with the statuses of refusals, or the worst verdict with the numbers of its notes."""
    bad = [row for row in rows if row.verdict is not Verdict.PASS]
    if not rows:
        return NOT_TRIED
    if not bad:
        cell = Verdicted(" ".join([Verdict.PASS, *sorted({row.text for row in rows if row.text})]))
        cell.tone = "good"
        return cell
    exceptions = [known_exception(row, run.exceptions) for row in bad]
    word = EXCEPTION if all(exceptions) else max((row.verdict for row in bad), key=list(Verdict).index)
    numbers: dict[int, str] = {}
    for row, known in zip(bad, exceptions, strict=True):
        text = f"{known.name}: {known.reason}. Fix: {known.fix}" if known else row.text
        number, places = notes.setdefault(text, (len(notes) + 1, {}))
        places.setdefault(row.case, {})[row.deployment] = None
        numbers[number] = text
    cell = Verdicted(" ".join([word, *(f"[{number}]" for number in numbers)]))
    cell.tone, cell.notes = TONES[word], list(numbers.values())
    return cell
