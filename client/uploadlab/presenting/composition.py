"""From what a run's folder holds to its report. Pure: nothing is read or written here."""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary, summarize
from uploadlab.analysis.diagnosis import diagnose
from uploadlab.analysis.load import LoadSummary, summarize_load
from uploadlab.declared.goals import Goals
from uploadlab.model.cells import Cell
from uploadlab.model.runs import Run
from uploadlab.presenting.charts import Places, load_charts, memory_charts, time_charts
from uploadlab.presenting.compared import compared, verdicts
from uploadlab.presenting.document import Report
from uploadlab.presenting.grid import counts, warnings
from uploadlab.presenting.repeat import commands
from uploadlab.presenting.sections import (
    checked,
    configured,
    cost,
    deployed,
    drawn,
    load,
    profiles,
    rates,
    ratios,
)
from uploadlab.presenting.tables import limits, reasons
from uploadlab.storage.reader import UNKNOWN, StoredRun
from uploadlab.units import format_size

NOTHING = "Nothing was measured yet."


def report_of(stored: StoredRun, goals: Goals) -> Report:
    """All sections that the run has something for."""
    run = stored.run
    counted = [row for row in stored.rows if not row.warmup]
    summaries = summarize(run, stored.rows)
    loads = summarize_load(run, stored.steps, stored.uploads)
    places = _places(run, summaries, loads, stored)
    found = [
        compared(stored),
        rates(run, summaries),
        drawn(stored.rows, summaries, [*time_charts(counted, places), *memory_charts(summaries, places)]),
        cost(run, summaries),
        ratios(stored, goals),
        checked(run, stored.checks),
        load(loads, load_charts(loads, places)),
        profiles(stored),
        deployed(run),
        configured(run),
        commands(stored),
    ]
    nothing = not (counted or stored.steps or stored.checks)
    return Report(
        title=f"{_subject(run)}, runtime {run.runtime}",
        facts=_facts(run),
        notices=[*stored.notices, *([NOTHING] if nothing else [])],
        findings=_findings(stored, summaries),
        sections=[section for section in found if section],
        deployments={target.name: target.tier for target in run.targets if target.name in places.deployments},
        methods=list(places.methods),
        sizes=list(places.sizes),
    )


def _subject(run: Run) -> str:
    if not (one := run.comparison):
        return f"Plan {run.plan}"
    return f"Settings of {one.base}" if one.ablation else f"{', '.join(one.others)} against {one.base}"


def _places(
    run: Run, summaries: Sequence[Summary], loads: Sequence[LoadSummary], stored: StoredRun
) -> Places:
    """All that is measured, in the run's order: what the filters choose from, and colours go by."""
    cells = [Cell(one.deployment, one.method, one.size_bytes) for one in summaries]
    cells += [one.step.cell for one in loads]
    measured = {*(cell.deployment for cell in cells), *(row.deployment for row in stored.checks)}
    return Places.of(
        (target.name for target in run.targets if target.name in measured),
        dict.fromkeys(cell.method for cell in cells),
        sorted({cell.size_bytes for cell in cells}),
    )


def _findings(stored: StoredRun, summaries: Sequence[Summary]) -> dict[str, list[str]]:
    """What it shows in words: of the check, of what is slow, and of what is no figure."""
    run = stored.run
    found = {
        "Verdicts": verdicts(stored),
        "What arrived": [*counts(run, stored.checks), *warnings(run, stored.checks)] if stored.checks else [],
        "Causes": diagnose(run, stored.rows, stored.calls),
        "In place of a figure": reasons(summaries),
        "Limited by client or ceiling": limits(summaries),
    }
    return {heading: lines for heading, lines in found.items() if lines}


def _facts(run: Run) -> list[str]:
    """When and where, as far as that is known."""
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
