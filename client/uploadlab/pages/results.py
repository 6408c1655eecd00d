"""Parts that show a kept run, or a check, as a whole."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from uploadlab.analysis.grid import known_exception, latest
from uploadlab.analysis.ratios import ratio_rows
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.catalogue.registry import CaseKind
from uploadlab.declared.check_exceptions import load_exceptions
from uploadlab.declared.compose import load_deployments
from uploadlab.declared.goals import load_goals
from uploadlab.model.checks import Check, Verdict
from uploadlab.model.deployments import REFERENCE
from uploadlab.model.runs import Run
from uploadlab.pages.part import (
    kept,
    kept_cells,
    kept_steps,
    page_part,
    split_names,
    titled,
    untitled,
    where_measured,
)
from uploadlab.paths import COMPOSE, EXCEPTIONS, RATIOS
from uploadlab.paths import REFERENCE as KEPT
from uploadlab.presenting.check_answer import check_title
from uploadlab.presenting.figures import counted
from uploadlab.presenting.grid import counts, grids
from uploadlab.presenting.load import load_notes, load_tables, slow_tables
from uploadlab.presenting.tables import cost_table, rate_tables, ratio_table
from uploadlab.storage.files import RUN_FILE, packed
from uploadlab.units import parse_size


@page_part
def tables(name: str, *sizes: str) -> str:
    """Return the run's tables of rates, of these sizes or all, the largest first."""
    wanted = [parse_size(size) for size in sizes]
    found = [
        titled(table)
        for table in reversed(rate_tables(kept(name).run, kept_cells(name)))
        if not wanted or table.key.size_bytes in wanted
    ]
    if not found:
        raise ValueError(f"{name} has none of {', '.join(sizes)}")
    return "\n".join([*found, host(name)])


@page_part
def host(name: str) -> str:
    """Return the run's plan, and where it was measured."""
    return f"Plan `{kept(name).run.plan}`, {where_measured(name)}.\n"


@page_part
def kept_hosts() -> str:
    """Return the hosts on which the kept runs were measured, with how many there were measured."""
    found = {path.parent.name for name in (RUN_FILE, packed(RUN_FILE)) for path in KEPT.glob(f"*/{name}")}
    names = sorted(found)
    hosts = Counter(where_measured(name).rpartition(", ")[0] for name in names)
    return "".join(f"- {counted(number, 'run')}, {host}\n" for host, number in hosts.most_common())


@page_part
def costs(name: str) -> str:
    """Return what each way to upload took, at its largest size."""
    return titled(cost_table(kept(name).run, kept_cells(name)))


@page_part
def goals_met(name: str, methods: str = "") -> str:
    """Return the goals that the run has the cells of, with its ratios, and where it was measured.

    ``methods``: of these alone.
    """
    stored = kept(name)
    chosen = split_names("method", methods, ALL_METHODS) if methods else ALL_METHODS
    rows = ratio_rows(stored.run, stored.rows, kept_cells(name), load_goals(RATIOS))
    table = ratio_table([row for row in rows if row.cell.method in chosen], [])
    return "\n".join([untitled(table.header, [row.cells for row in table.rows]), host(name)])


@page_part
def slow(name: str) -> str:
    """Return how long an upload takes beside slow uploads."""
    return "\n".join(
        untitled([table.title, *table.header[1:]], [row.cells for row in table.rows])
        for table in slow_tables(kept_steps(name))
    )


@page_part
def load(name: str) -> str:
    """Return the run's tables of concurrent uploads, with their notes."""
    notes = [f"- {line}\n" for line in load_notes(kept_steps(name))]
    return "\n".join([*map(titled, load_tables(kept_steps(name))), "".join(notes), host(name)])


@page_part
def grid(name: str) -> str:
    """Return a check's grid, with its notes as a table."""
    run, rows = _with_reasons_of_today(kept(name).run), kept(name).checks
    found, notes = grids(run, rows)
    cells = [[f"[{note.number}]", note.text, note.where] for note in notes]
    parts = [
        *map(titled, found),
        f"### Notes\n\n{untitled(['', 'what happened', 'cases and deployments'], cells)}",
        "".join(f"- {line}\n" for line in counts(run, rows)),
        f"From a check, {where_measured(name)}.\n",
    ]
    return "\n".join(parts)


@page_part
def kept_or_lost(name: str) -> str:
    """Return a check's main result, then a line for each deployment that runs an app."""
    run, rows = _with_reasons_of_today(kept(name).run), latest(kept(name).checks)
    lines = [
        [target.name, str(target.tier), *_kept_or_lost(run, rows, target.name)]
        for target in run.targets
        if target.tier != REFERENCE
    ]
    table = untitled(
        ["deployment", "settings", "good uploads lost", "other losses", "failed", "known failures"], lines
    )
    return f"**{check_title(run, rows)}.**\n\n{table}"


def _kept_or_lost(run: Run, rows: Sequence[Check], deployment: str) -> list[str]:
    """Return the good uploads that a deployment lost, and in how many cases it lost others or failed."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.deployment == deployment:
            known = known_exception(row, run.exceptions)
            found.setdefault("known" if known else row.verdict, {})[row.case] = None
    lost = found.get(Verdict.LOSS, {})
    good = [case for case in lost if case in CASES and CASES[case].kind == CaseKind.GOOD]
    failed = [case for case in found.get(Verdict.FAIL, {}) if case not in lost]
    numbers = [len(lost) - len(good), len(failed), len(found.get("known", {}))]
    return [", ".join(f"`{case}`" for case in good) or "none", *(str(number or "none") for number in numbers)]


def _with_reasons_of_today(run: Run) -> Run:
    """Return the run with the reasons of its exceptions as they are declared now."""
    declared = {known.name: known for known in load_exceptions(EXCEPTIONS, load_deployments(COMPOSE))}
    exceptions = [
        msgspec.structs.replace(known, reason=now.reason, fix=now.fix)
        if (now := declared.get(known.name))
        else known
        for known in run.exceptions
    ]
    return msgspec.structs.replace(run, exceptions=exceptions)
