"""The grid of a check as tables: cases down, deployments across, and the notes that its cells refer to."""

from collections import Counter
from collections.abc import Sequence

from uploadlab.analysis.grid import HELD, falls_short, idle_exceptions, known_exception, latest, lost_bytes
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.registry import CaseKind
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import DERIVED, EXTERNAL
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Bad, Key, Table, TableRow

NOT_TRIED = "-"
EXCEPTION = "exception"
TITLES = {
    "tuned": "tuned: every byte, or a clear refusal",
    "stock": "stock: default settings, defects included",
    DERIVED: "your configs: every byte, or a clear refusal",
    EXTERNAL: "your targets: every byte, or a clear refusal",
}


Notes = dict[str, tuple[int, dict[str, dict[str, None]]]]
"""The texts of notes, each with its number and the deployments that it is about by case."""


def grids(run: Run, rows: Sequence[Check]) -> tuple[list[Table], list[str]]:
    """Return one table a tier, and the notes that their cells refer to."""
    notes: Notes = {}
    cells: dict[tuple[str, str], list[Check]] = {}
    for row in latest(rows):
        cells.setdefault((row.deployment, row.case), []).append(row)
    tiers = dict.fromkeys(target.tier for target in run.targets)
    tables = []
    for tier in sorted(tiers, key=lambda name: name not in HELD):
        names = [target.name for target in run.targets if target.tier == tier]
        grid = [
            TableRow([case, *(_cell(cells.get((name, case), []), run, notes) for name in names)])
            for case in run.checks
        ]
        columns = [Key(name) for name in names]
        tables.append(Table(TITLES.get(tier, tier), ["", *names], grid, Key(tier=tier), columns, wordy=True))
    lines = []
    for text, (number, places) in notes.items():
        about = "; ".join(f"{case}: {', '.join(deployments)}" for case, deployments in places.items())
        lines.append(f"[{number}] {text}. {about}")
    return tables, lines


def counts(run: Run, rows: Sequence[Check]) -> list[str]:
    """Return in lines how much was tried, and how it ended."""
    rows = [row for row in latest(rows) if row.verdict is not Verdict.UNAVAILABLE]
    tried = Counter(CASES[row.case].kind for row in rows if row.case in CASES)
    held = {target.name for target in run.targets if target.tier in HELD}
    lines = [f"Tried: {', '.join(f'{tried[kind]} {kind}' for kind in CaseKind)}."]
    for title, mine in (
        ("Tuned and yours", [row for row in rows if row.deployment in held]),
        ("Others", [row for row in rows if row.deployment not in held]),
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
    more = f", and {lost[True]} by exceptions" if lost[True] else ""
    return f"{numbers}; {lost[False]} bytes silently lost or added{more}"


def warnings(run: Run, rows: Sequence[Check]) -> list[str]:
    """Return what a reader must not miss."""
    lines = []
    if cells := dict.fromkeys(f"{row.deployment} {row.case}" for row in falls_short(run, rows)):
        lines.append(f"Failed: {', '.join(cells)}.")
    if silent := dict.fromkeys(row.deployment for row in rows if row.verdict is Verdict.UNKNOWN):
        names = ", ".join(silent)
        foreign = any(target.foreign for target in run.targets if target.name in silent)
        how = "add --stored-url to have it read back" if foreign else "no answer at /usage (set USAGE=1)"
        lines.append(f"What {names} stored is not known in all cases: {how}.")
    if idle := ", ".join(known.name for known in idle_exceptions(run, rows)):
        lines.append(f"Exceptions that no longer show, and may be outdated: {idle}.")
    return lines


def _cell(rows: Sequence[Check], run: Run, notes: Notes) -> str:
    """Return ``pass`` with the statuses of refusals, or the worst verdict with the numbers of its notes."""
    bad = [row for row in rows if row.verdict is not Verdict.PASS]
    if not rows:
        return NOT_TRIED
    if not bad:
        return " ".join([Verdict.PASS, *sorted({row.text for row in rows if row.text})])
    exceptions = [known_exception(row, run.exceptions) for row in bad]
    word = EXCEPTION if all(exceptions) else max((row.verdict for row in bad), key=list(Verdict).index)
    numbers: dict[int, None] = {}
    for row, known in zip(bad, exceptions, strict=True):
        text = f"{known.name}: {known.reason}. Fix: {known.fix}" if known else row.text
        number, places = notes.setdefault(text, (len(notes) + 1, {}))
        places.setdefault(row.case, {})[row.deployment] = None
        numbers[number] = None
    cell = " ".join([word, *(f"[{number}]" for number in numbers)])
    return cell if word in (EXCEPTION, Verdict.UNKNOWN) else Bad(cell)
