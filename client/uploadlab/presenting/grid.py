"""The grid of a check as tables: cases down, deployments across, and the notes that its cells refer to."""

from collections import Counter
from collections.abc import Sequence

from uploadlab.analysis.grid import HELD, falls_short, idle_exceptions, known_exception, latest, lost_bytes
from uploadlab.catalogue.cases import CASES, Kind
from uploadlab.model.checks import Check, Known, Verdict
from uploadlab.model.deployments import DERIVED, EXTERNAL
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Table

NOT_TRIED = "-"
EXCEPTION = "exception"
TITLES = {
    "tuned": "tuned: every byte, or a clear no",
    "stock": "stock: as a newcomer has them",
    DERIVED: "your configs: every byte, or a clear no",
    EXTERNAL: "yours: every byte, or a clear no",
}


class Notes:
    """Texts by number, each once, with where it holds."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, list[str]]] = {}

    def number(self, text: str, case: str, deployment: str) -> int:
        """The number of a text that holds there."""
        names = self._places.setdefault(text, {}).setdefault(case, [])
        if deployment not in names:
            names.append(deployment)
        return list(self._places).index(text) + 1

    def lines(self) -> list[str]:
        """All of them."""
        numbered = enumerate(self._places.items(), 1)
        return [f"[{number}] {text}. {_told(places)}" for number, (text, places) in numbered]


def _told(places: dict[str, list[str]]) -> str:
    """``chunked: uwsgi-default, nginx-uwsgi; stall: uwsgi-default``."""
    return "; ".join(f"{case}: {', '.join(names)}" for case, names in places.items())


def grids(run: Run, rows: Sequence[Check]) -> tuple[list[Table], list[str]]:
    """One table a tier, and the notes that their cells refer to."""
    notes = Notes()
    cells: dict[tuple[str, str], list[Check]] = {}
    for row in latest(rows):
        cells.setdefault((row.deployment, row.case), []).append(row)
    tiers = dict.fromkeys(target.tier for target in run.targets)
    tables = []
    for tier in sorted(tiers, key=lambda name: name not in HELD):
        names = [target.name for target in run.targets if target.tier == tier]
        lines = [
            [case, *(_cell(cells.get((name, case), []), run, notes) for name in names)] for case in run.checks
        ]
        tables.append(Table(TITLES.get(tier, tier), ["", *names], lines))
    return tables, notes.lines()


def counts(run: Run, rows: Sequence[Check]) -> list[str]:
    """How much was tried and what came of it, in lines."""
    rows = [row for row in latest(rows) if row.verdict is not Verdict.UNAVAILABLE]
    tried = Counter(CASES[row.case].kind for row in rows)
    held = {target.name for target in run.targets if target.tier in HELD}
    lines = [f"Tried: {', '.join(f'{tried[kind]} {kind}' for kind in Kind)}."]
    for title, mine in (
        ("Tuned and yours", [row for row in rows if row.deployment in held]),
        ("Others", [row for row in rows if row.deployment not in held]),
    ):
        if mine:
            lines.append(f"{title}: {_summed(mine, run.exceptions)}.")
    return lines


def _summed(rows: Sequence[Check], exceptions: Sequence[Known]) -> str:
    known = [row for row in rows if known_exception(row, exceptions)]
    found = Counter(EXCEPTION if row in known else str(row.verdict) for row in rows)
    lost, by_exceptions = (
        sum(map(lost_bytes, some)) for some in ([r for r in rows if r not in known], known)
    )
    parts = [f"{number} {name}" for name, number in found.items()]
    more = f", and {by_exceptions} by exceptions" if by_exceptions else ""
    return f"{', '.join(parts)}; {lost} bytes lost or added in silence{more}"


def warnings(run: Run, rows: Sequence[Check]) -> list[str]:
    """What a reader must not miss."""
    bad = falls_short(run, rows)
    cells = dict.fromkeys(f"{row.deployment} {row.case}" for row in bad)
    lines = [f"Short of the oracle, and no exception: {', '.join(cells)}."] if cells else []
    if mute := dict.fromkeys(row.deployment for row in rows if row.verdict is Verdict.UNKNOWN):
        names = ", ".join(mute)
        lines.append(f"What {names} stored of refused uploads is not known: it answers no /usage (USAGE=1).")
    idle = ", ".join(one.name for one in idle_exceptions(run, rows))
    return lines + ([f"Exceptions that did not show, and may be outdated: {idle}."] if idle else [])


def _cell(rows: Sequence[Check], run: Run, notes: Notes) -> str:
    """``pass``, with the statuses of refusals; or the worst that happened, with the numbers of its notes."""
    bad = [row for row in rows if row.verdict is not Verdict.PASS]
    if not rows:
        return NOT_TRIED
    if not bad:
        return " ".join([Verdict.PASS, *sorted({row.text for row in rows if row.text})])
    worst = max((row.verdict for row in bad), key=list(Verdict).index)
    word = EXCEPTION if all(known_exception(row, run.exceptions) for row in bad) else worst
    numbers = dict.fromkeys(_note(row, run, notes) for row in bad)
    return " ".join([word, *(f"[{number}]" for number in numbers)])


def _note(row: Check, run: Run, notes: Notes) -> int:
    known = known_exception(row, run.exceptions)
    text = f"{known.name}: {known.reason}. Mend: {known.mend}" if known else row.text
    return notes.number(text, row.case, row.deployment)
