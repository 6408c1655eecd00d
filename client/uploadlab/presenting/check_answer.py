"""What a check of the compatibility grid shows, in a title and a few sentences, the worst first."""

from collections.abc import Iterable, Mapping, Sequence

from uploadlab.analysis.grid import HELD, falls_short, idle_exceptions, known_exception, latest, lost_bytes
from uploadlab.model.checks import UNREAD, Check, Verdict
from uploadlab.model.deployments import REFERENCE
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import counted, few, grouped
from uploadlab.units import format_size

MOST_FAILURES = 3
MOST_LOSERS, MOST_KINDS = 4, 6
"""With more losers, the answer says for each kind of upload who loses it; the kinds that lose the most."""


def check_title(run: Run, checks: Sequence[Check]) -> str:
    """Return the main result: what a server that must pass failed, then who loses bytes."""
    failed = grouped((row.deployment, row.case) for row in falls_short(run, checks))
    losers = _losers(run, checks)
    parts = []
    if len(failed) == 1:
        ((name, cases),) = failed.items()
        parts.append(f"{name} failed {len(set(cases))} of {counted(len(run.checks), 'case')}")
    elif failed:
        parts.append(f"{len(failed)} servers failed cases that they must pass")
    elif unread := {row.deployment for row in latest(checks) if row.code == UNREAD}:
        parts.append(f"{few(unread)} failed no case, but its stored files are not known")
    elif held := _held(run, checks):
        parts.append(f"{_subject(held)} stored every byte or refused clearly{_but_known(run, checks)}")
    if stock := [name for name in losers if name not in _held(run, checks)]:
        parts.append(f"{counted(len(stock), 'server')} with default settings lost bytes silently")
    return "; ".join(parts) or ("No case failed" if checks else "Nothing was tried")


def _subject(held: Sequence[str]) -> str:
    return held[0] if len(held) == 1 else f"{len(held)} servers"


def _but_known(run: Run, checks: Sequence[Check]) -> str:
    known = {(row.deployment, row.case) for row in checks if known_exception(row, run.exceptions)}
    mine = [cell for cell in known if cell[0] in _held(run, checks)]
    return f", but for {counted(len(mine), 'known failure')}" if mine else ""


def check_statements(run: Run, checks: Sequence[Check]) -> list[Statement]:
    """Return what was lost, what failed, what is known, and who passes everything."""
    rows = latest(checks)
    statements = [*_lost(run, rows), *_failed(run, rows)]
    if known := {(row.deployment, row.case) for row in rows if known_exception(row, run.exceptions)}:
        text = (
            f"{counted(len(known), 'cell')} marked known: a fault of the server that its settings cannot "
            "prevent; the report has the reasons and the fixes"
        )
        statements.append(Statement("Known", text))
    if silent := {row.deployment for row in rows if row.verdict is Verdict.UNKNOWN}:
        foreign = any(target.foreign for target in run.targets if target.name in silent)
        text = f"{few(silent)} may have stored refused uploads: /usage gives no answer (set USAGE=1)"
        if foreign:
            text = f"whether {few(silent)} stored the accepted uploads: --stored-url reads them back"
        statements.append(Statement("Unknown", text, "warn"))
    if gone := {row.deployment: row.text for row in rows if row.verdict is Verdict.UNAVAILABLE}:
        reasons = grouped((text, name) for name, text in gone.items())
        text = "; ".join(f"{few(names)}: {reason}" for reason, names in reasons.items())
        statements.append(Statement("Not tried", text, "bad"))
    if idle := [known.name for known in idle_exceptions(run, rows)]:
        statements.append(
            Statement("Outdated", f"exceptions that no longer occur, remove them: {few(idle)}", "warn")
        )
    verdicts = grouped((row.deployment, row.verdict) for row in rows)
    if clean := [name for name, found in verdicts.items() if set(found) == {Verdict.PASS}]:
        statements.append(Statement("Passed", f"every case: {few(clean, 6)}", "good"))
    return statements


def _lost(run: Run, rows: Sequence[Check]) -> list[Statement]:
    """Return who lost bytes, those that must not first; of many, what they lost first."""
    losers = _losers(run, rows)
    if len(losers) > MOST_LOSERS:
        return _lost_by_many(losers)
    texts = [
        f"{name} answered with success and lost bytes{_size(lost)}: {few((row.case for row in lost), 4)}"
        for name, lost in losers.items()
    ]
    return [Statement("Lost", text, "bad") for text in texts]


def _lost_by_many(losers: Mapping[str, list[Check]]) -> list[Statement]:
    """Return which kinds of uploads are lost, and where: those that lose the most first."""
    by_case = grouped((row.case, row) for lost in losers.values() for row in lost)
    # In one order, so that cases that are lost at the same servers are one kind.
    kinds = grouped(
        (tuple(grouped((row.deployment, row) for row in rows)), rows) for rows in by_case.values()
    )
    most_first = sorted(
        ((names, [row for rows in found for row in rows]) for names, found in kinds.items()),
        key=lambda kind: -sum(map(lost_bytes, kind[1])),
    )
    statements = [
        Statement("Lost", f"{few(row.case for row in rows)} at {few(names, 4)}{_size(rows)}", "bad")
        for names, rows in most_first[:MOST_KINDS]
    ]
    if others := [row.case for _, rows in most_first[MOST_KINDS:] for row in rows]:
        statements.append(Statement("Lost", f"{few(others, 4)}: the grid shows where", "bad"))
    return statements


def _size(lost: Iterable[Check]) -> str:
    total = sum(map(lost_bytes, lost))
    return f" ({format_size(total)})" if total else ""


def _losers(run: Run, rows: Sequence[Check]) -> Mapping[str, list[Check]]:
    """Return the losses that no exception covers, by server: those that must pass first."""
    apps = _apps(run)
    lost = [
        row
        for row in latest(rows)
        if row.verdict is Verdict.LOSS and row.deployment in apps and not known_exception(row, run.exceptions)
    ]
    held = _held(run, rows)
    lost.sort(key=lambda row: row.deployment not in held)
    return grouped((row.deployment, row) for row in lost)


def _failed(run: Run, rows: Sequence[Check]) -> list[Statement]:
    """Return what each server that must pass failed, then the others in one sentence."""
    short = [row for row in falls_short(run, rows) if row.verdict is Verdict.FAIL]
    texts = grouped((row.text, f"{row.deployment} {row.case}") for row in short)
    statements = [
        Statement("Failed", f"{few(cells)}: {text}", "bad")
        for text, cells in list(texts.items())[:MOST_FAILURES]
    ]
    if len(texts) > MOST_FAILURES:
        statements.append(Statement("", f"and {counted(len(texts) - MOST_FAILURES, 'other failure')}", "bad"))
    held = _held(run, rows)
    others = grouped(
        (row.deployment, row.case)
        for row in rows
        if row.verdict is Verdict.FAIL
        and row.deployment in _apps(run)
        and row.deployment not in held
        and not known_exception(row, run.exceptions)
    )
    if others:
        text = few((f"{name} {counted(len(set(cases)), 'case')}" for name, cases in others.items()), 5)
        statements.append(Statement("Failed", f"with default settings: {text}", "warn"))
    return statements


def _apps(run: Run) -> list[str]:
    """Return the servers that run an app: what a reference does with a body is no server's fault."""
    return [target.name for target in run.targets if target.tier != REFERENCE]


def _held(run: Run, rows: Iterable[Check]) -> list[str]:
    """Return the servers that must pass, and were tried."""
    tried = {row.deployment for row in rows if row.verdict is not Verdict.UNAVAILABLE}
    return [target.name for target in run.targets if target.tier in HELD and target.name in tried]
