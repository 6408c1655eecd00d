"""What lab ci says of a change: a title, a sentence for each outcome, two tables."""

from collections.abc import Mapping, Sequence

from uploadlab.analysis.case_results import CaseOutcome
from uploadlab.analysis.change import ChangeResult, ChangeVerdict
from uploadlab.analysis.comparison import CPU, SECONDS
from uploadlab.analysis.slowdowns import NOT_ALLOWED, JudgedPace, Pace
from uploadlab.model.checks import Verdict
from uploadlab.presenting.comparison import verdict_text
from uploadlab.presenting.document import Bad, Document, Section, Statement, Table, TableRow
from uploadlab.presenting.figures import counted, few, grouped
from uploadlab.presenting.markdown import as_markdown
from uploadlab.units import format_size

MOST_SUMMARY_BYTES = 1_000_000
"""GitHub drops the summary of a step above 1 MiB."""
HEADS = {
    Pace.BROKEN: "Broken", Pace.SLOWER: "Slower", Pace.NOT_JUDGED: "Not judged",
    Pace.BASE_FAILS: "Base fails", Pace.FINE: "As fast",
}  # fmt: skip
MOST_CELLS = 100
"""Failed cells in the table of the summary; the report has all."""
TITLES = {
    ChangeVerdict.PASS: "Pass",
    ChangeVerdict.FAIL: "Fail",
    ChangeVerdict.ERROR: "Error",
}


def change_document(result: ChangeResult, facts: Sequence[str], commands: Mapping[str, str]) -> Document:
    """Return the answer with its tables; ``commands`` is what to type next, by what it does."""
    return Document(
        title=f"{TITLES[result.verdict]}: {_in_short(result)}",
        facts=[f"base {result.base}", f"head {result.head}", *facts], notices=[],
        answer=_statements(result), commands=commands, pictures=[],
        sections=[section for section in (_check_section(result), _pace_section(result)) if section.has_text],
        deployments={}, methods=[], sizes=[], figures=[],
    )  # fmt: skip


def job_summary(document: Document, details: Mapping[str, Document]) -> str:
    """Return Markdown for a job's page: the answer, then as many details as fit, folded.

    ``details`` are the runs by what they are.
    """
    text = as_markdown(document).rstrip("\n") + "\n"
    for title, run in details.items():
        more = f"\n<details><summary>{title}</summary>\n\n{as_markdown(run).rstrip()}\n\n</details>\n"
        if len((text + more).encode()) > MOST_SUMMARY_BYTES:
            text += f"\n{title}: too long for this page, see report.html of the run.\n"
        else:
            text += more
    return text


def _in_short(result: ChangeResult) -> str:
    if result.problem:
        return result.problem
    parts = []
    if bad := result.bad_cases:
        names = few((cell.deployment for cell in bad), 2)
        parts.append(f"{names} failed {counted(len(bad), 'cell')} of the check")
    if result.nothing_arrived:
        parts.append(f"nothing arrived at {few(result.nothing_arrived, 2)}")
    verbs = {
        Pace.BROKEN: "broken",
        Pace.SLOWER: f"over {result.share:.0%} slower",
        Pace.NOT_JUDGED: "not judged",
    }
    for pace, words in verbs.items():
        if paces := result.paces_of(pace):
            parts.append(f"{len(paces)} of {counted(len(result.paces), 'compared way')} {words}")
    if result.nothing_compared:
        parts.append("nothing could be compared, since the base fails")
    arrived = "every upload arrived or was refused clearly"
    if any(cell.rows for cell in result.cases):
        arrived = "every case of the check that must pass does"
    if result.has_unknown:
        arrived = "no cell of the check failed (what was stored is not known)"
    return "; ".join(parts) or f"{arrived}; nothing is over {result.share:.0%} slower"


def _statements(result: ChangeResult) -> list[Statement]:
    statements = [Statement("Stopped", result.problem, "bad")] if result.problem else []
    heads = {CaseOutcome.FAILED: ("Failed", "bad"), CaseOutcome.ERROR: ("Not tried", "bad")}
    for outcome, (head, tone) in heads.items():
        texts = grouped((cell.why, f"{cell.deployment}/{cell.case}") for cell in result.cases_of(outcome))
        statements += [Statement(head, f"{few(cells)}: {why}", tone) for why, cells in texts.items()]
    statements += [
        Statement("No upload", f"nothing arrived at {name}: {why}", "bad")
        for name, why in result.nothing_arrived.items()
    ]
    tones = {
        Pace.BROKEN: "bad", Pace.SLOWER: "bad", Pace.NOT_JUDGED: "warn", Pace.BASE_FAILS: "warn",
        Pace.FINE: "good",
    }  # fmt: skip
    for pace, tone in tones.items():
        texts = grouped((judged.why, _way(judged)) for judged in result.paces_of(pace))
        head = HEADS[pace]
        statements += [Statement(head, f"{few(ways)}: {why}", tone) for why, ways in texts.items()]
    if result.has_unknown:
        cells = [
            f"{cell.deployment}/{cell.case}"
            for cell in result.cases
            if any(row.verdict is Verdict.UNKNOWN for row in cell.rows)
        ]
        text = f"what was stored in {few(cells)}: --stored-dir, --stored-url or --stored-json prove it"
        statements.append(Statement("Unknown", text, "warn"))
    if passed := result.cases_of(CaseOutcome.PASSED):
        left_out = len(result.cases_of(CaseOutcome.SKIPPED))
        text = f"{counted(len(passed), 'cell')} of the check; {left_out} left out (not applicable, or known)"
        statements.append(Statement("Passed", text, "good"))
    return statements


def _check_section(result: ChangeResult) -> Section:
    outcomes = list(CaseOutcome)
    counts = [
        TableRow([name, *(str(sum(cell.outcome is outcome for cell in cells)) for outcome in outcomes)])
        for name, cells in grouped((cell.deployment, cell) for cell in result.cases).items()
    ]
    bad = result.bad_cases
    rows = [TableRow([f"{cell.deployment}/{cell.case}", Bad(cell.why)]) for cell in bad[:MOST_CELLS]]
    tables = [Table("", ["deployment", *map(str, outcomes)], counts)] if counts else []
    tables += [Table("What failed", ["cell", "what happened"], rows, wordy=True)] if rows else []
    notes = [f"{len(bad) - MOST_CELLS} more cells failed: the report has all."] if bad[MOST_CELLS:] else []
    return Section("check", "Does every byte arrive?", tables=tables, notes=notes)


def _pace_section(result: ChangeResult) -> Section:
    rows = []
    for judged in result.paces:
        line = judged.line
        verdict = Bad(judged.pace) if judged.pace in NOT_ALLOWED else str(judged.pace)
        figures = [verdict_text(line, field) for field in (SECONDS, CPU)]
        rows.append(TableRow([_way(judged), format_size(line.size_bytes), verdict, judged.why, *figures]))
    header = ["way", "size", "verdict", "why", "speed", "CPU seconds"]
    intro = [
        f"Head against base. Over {result.share:.0%} slower fails, and what cannot be judged fails, too. "
        "Where the noise hides that much in the speed, CPU seconds decide. Ratios have their 95% interval."
    ]
    tables = [Table("", header, rows, wordy=True)] if rows else []
    return Section("comparison", "Is it as fast?", intro if rows else [], tables=tables)


def _way(judged: JudgedPace) -> str:
    return f"{judged.label} {judged.line.method}"
