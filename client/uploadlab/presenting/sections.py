"""The sections of a report. Where the run has nothing for one, it is empty."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

from uploadlab.analysis.cells import Summary, ceiling_name
from uploadlab.analysis.comparison import Found
from uploadlab.analysis.load import LoadSummary
from uploadlab.analysis.ratios import growth_rows, ratio_rows
from uploadlab.declared.goals import Goals
from uploadlab.model.checks import Check
from uploadlab.model.measurements import Measurement
from uploadlab.model.runs import Run
from uploadlab.presenting.charts import load_charts
from uploadlab.presenting.comparison import (
    LEGEND,
    comparison_bars,
    comparison_notes,
    comparison_tables,
    setting_differences,
)
from uploadlab.presenting.document import Chart, Key, Linked, Section, Table, TableRow
from uploadlab.presenting.figures import NO_FIGURE
from uploadlab.presenting.grid import grids
from uploadlab.presenting.heat import heat_map
from uploadlab.presenting.load import LOAD_LEGEND, load_notes, load_tables
from uploadlab.presenting.tables import (
    COST_LEGEND,
    LIMITED,
    MARK,
    RATIO_LEGEND,
    cell_table,
    cost_table,
    profile_notes,
    rate_legend,
    rate_tables,
    ratio_table,
)
from uploadlab.storage.files import PROFILES
from uploadlab.storage.reader import StoredRun
from uploadlab.units import format_size

LIMITED_NOTE = f"{MARK} {LIMITED}: client or ceiling were the limit, so compare these by CPU s/GB."


def comparison_section(run: Run, found: Found | None) -> Section | None:
    """Return the verdicts as tables and bars, with the settings that differ."""
    if not (comparison := run.comparison) or not found or not (found.noise or found.lines):
        return None
    differences = {} if comparison.ablation else setting_differences(comparison.others, comparison.base)
    return Section(
        "comparison", "Verdicts", [LEGEND.format(base=comparison.base)],
        tables=comparison_tables(found, comparison),
        bars=comparison_bars(found, comparison),
        notes=comparison_notes(found, comparison.within),
        texts={title: "\n".join(lines) for title, lines in differences.items()},
    )  # fmt: skip


def rate_section(run: Run, summaries: Sequence[Summary]) -> Section:
    """Return the rates of deployments and methods, a table for each size, the largest first."""
    tables = rate_tables(run, summaries)[::-1]
    return Section(
        "rates", "Deployments and methods", [rate_legend(ceiling_name(run))],
        heats=[heat_map(table, run, summaries) for table in tables], tables=tables,
        notes=[LIMITED_NOTE] if any(summary.client_limited for summary in summaries) else [],
    )  # fmt: skip


def chart_section(
    rows: Sequence[Measurement], summaries: Sequence[Summary], charts: Sequence[Chart]
) -> Section:
    """Return the charts against size, with every cell's figures as their text."""
    intro = "The table below the charts has the figures of every cell."
    return Section("charts", "Against size", [intro], charts=charts, details=[cell_table(rows, summaries)])


def cost_section(run: Run, summaries: Sequence[Summary]) -> Section:
    """Return what each way to upload took, at the largest size."""
    tables = [cost_table(run, summaries)] if summaries else []
    return Section("costs", "What it took", [COST_LEGEND], tables=tables)


def ratio_section(stored: StoredRun, goals: Goals) -> Section:
    """Return the declared ratios that the run has, with their goals."""
    run, rows = stored.run, stored.rows
    table = ratio_table(ratio_rows(run, rows, goals), growth_rows(run, rows, goals.growth))
    return Section("ratios", "Ratios", [RATIO_LEGEND], tables=[table._replace(title="")])


def check_section(run: Run, checks: Sequence[Check]) -> Section:
    """Return the grid of what arrives, a table for each tier."""
    tables, notes = grids(run, checks) if checks else ([], [])
    return Section("check", "Does every byte arrive?", tables=tables, notes=notes)


def load_section(summaries: Sequence[LoadSummary]) -> Section:
    """Return concurrent uploads: the tables of each method and size, then the charts."""
    return Section(
        "load", "Many at once", [LOAD_LEGEND],
        tables=load_tables(summaries), charts=load_charts(summaries), notes=load_notes(summaries),
    )  # fmt: skip


def profile_section(stored: StoredRun) -> Section:
    """Return the profiles as links, and how much slower uploads were under them."""
    header = ["", "method", "size", "profiler", "took", "files"]
    rows = []
    for profiled in stored.profiled:
        deployment, method, size = profiled.cell_id.rsplit("/", 2)
        files = Linked(", ".join(profiled.files))
        files.links = _links(profiled.files)
        took = NO_FIGURE if profiled.seconds is None else f"{profiled.seconds:.4g} s"
        cells = [profiled.kind, took, files or profiled.note or NO_FIGURE]
        key = Key(deployment, method, int(size))
        rows.append(TableRow([deployment, method, format_size(key.size_bytes), *cells], key))
    intro = "Uploads of their own, never counted as timing. Flame views open in a browser."
    return Section(
        "profiles", "Profiles", [intro],
        tables=[Table("", header, rows, wordy=True)], notes=profile_notes(stored.rows, stored.profiled),
    )  # fmt: skip


def _links(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return name and address of the files in the folder of profiles: a run may name files anywhere."""
    paths = [PurePosixPath(name) for name in names]
    return [
        ("flame view" if path.suffix == ".html" else path.name, quote(str(path)))
        for path in paths
        if path.parts[:1] == (PROFILES,) and ".." not in path.parts
    ]


def deployment_section(run: Run) -> Section:
    """Return what was measured: tiers, versions, configs."""
    header = ["", "tier", "versions", "configs", "passes on to"]
    rows = []
    for target in run.targets:
        versions = run.versions.get(target.name, {}).items()
        tier = f"{target.tier}; unavailable: {target.unavailable}" if target.unavailable else target.tier
        names = (
            [f"{name} {version}" for name, version in versions if version],
            run.config_names.get(target.name, []),
            target.next,
        )
        cells = [target.name, tier, *(", ".join(words) or NO_FIGURE for words in names)]
        rows.append(TableRow(cells, Key(target.name)))
    intro = (
        "stock: default settings, defects included; tuned: stores every byte or refuses clearly; "
        "reference: no Flask, marks a ceiling; target: your own server."
    )
    return Section("deployments", "Deployments", [intro], tables=[Table("", header, rows, wordy=True)])


def config_section(run: Run) -> Section:
    """Return the text of every config file."""
    intro = "Each as it was when the run was measured."
    return Section("configs", "Configs", [intro], texts=run.configs, folded=True)
