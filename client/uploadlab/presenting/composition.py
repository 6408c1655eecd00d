"""From what a run's folder holds to its report. Pure: nothing is read or written here."""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary, summarize
from uploadlab.analysis.comparison import Found, found
from uploadlab.analysis.diagnosis import diagnose
from uploadlab.analysis.load import summarize_load
from uploadlab.declared.goals import Goals
from uploadlab.model.cells import Cell
from uploadlab.model.runs import Run
from uploadlab.presenting import sections
from uploadlab.presenting.charts import memory_charts, time_charts
from uploadlab.presenting.comparison import verdict_lines
from uploadlab.presenting.document import Report
from uploadlab.presenting.grid import counts, warnings
from uploadlab.presenting.repeat import commands
from uploadlab.presenting.tables import failure_notes, limit_notes
from uploadlab.storage.reader import UNKNOWN, StoredRun
from uploadlab.units import format_size

NOTHING = "Nothing was measured yet."


def compose_report(stored: StoredRun, goals: Goals) -> Report:
    """Return all sections that the run has something for."""
    run = stored.run
    counted = [row for row in stored.rows if not row.warmup]
    summaries = summarize(run, stored.rows)
    loads = summarize_load(run, stored.steps, stored.uploads)
    compared = found(run, stored.rows)
    charts = [*time_charts(counted), *memory_charts(summaries)]
    cells = [Cell(summary.deployment, summary.method, summary.size_bytes) for summary in summaries]
    cells += [summary.step.cell for summary in loads]
    measured = {*(cell.deployment for cell in cells), *(row.deployment for row in stored.checks)}
    composed = [
        sections.comparison_section(run, compared),
        sections.rate_section(run, summaries),
        sections.chart_section(stored.rows, summaries, charts),
        sections.cost_section(run, summaries),
        sections.ratio_section(stored, goals),
        sections.check_section(run, stored.checks),
        sections.load_section(loads),
        sections.profile_section(stored),
        sections.deployment_section(run),
        sections.config_section(run),
        commands(stored),
    ]
    is_empty = not (counted or stored.steps or stored.checks)
    return Report(
        title=f"{_subject(run)}, runtime {run.runtime}",
        facts=_facts(run),
        notices=[*stored.notices, *([NOTHING] if is_empty else [])],
        findings=_findings(stored, summaries, compared),
        sections=[section for section in composed if section and not section.is_empty],
        deployments={target.name: target.tier for target in run.targets if target.name in measured},
        methods=list(dict.fromkeys(cell.method for cell in cells)),
        sizes=sorted({cell.size_bytes for cell in cells}),
    )


def _subject(run: Run) -> str:
    if not (comparison := run.comparison):
        return f"Plan {run.plan}"
    others = ", ".join(comparison.others)
    return f"Settings of {comparison.base}" if comparison.ablation else f"{others} against {comparison.base}"


def _facts(run: Run) -> list[str]:
    """Return when and where it was measured, as far as that is known."""
    host = run.host
    if not run.started_at and host.cpu == UNKNOWN:
        return [f"run {run.id}"]
    return [
        f"{run.started_at[:10]} {run.started_at[11:16]} UTC",
        f"{host.cores} cores of {host.cpu}, {format_size(host.memory_bytes)}",
        host.kernel,
        f"uploads on {host.data_filesystem}",
        f"run {run.id}",
    ]


def _findings(
    stored: StoredRun, summaries: Sequence[Summary], compared: Found | None
) -> dict[str, list[str]]:
    """Return what the run shows in words, by headings."""
    run, checks = stored.run, stored.checks
    findings = {
        "Verdicts": verdict_lines(compared, run.comparison) if compared and run.comparison else [],
        "What arrived": [*counts(run, checks), *warnings(run, checks)] if checks else [],
        "Causes": diagnose(run, stored.rows, stored.calls),
        "Failed uploads": failure_notes(summaries),
        "Limited by client or ceiling": limit_notes(summaries),
    }
    return {heading: lines for heading, lines in findings.items() if lines}
