"""The sections of a document. Where the run has nothing for one, it is empty."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import PurePosixPath
from urllib.parse import quote

from uploadlab.analysis.cells import Summary, ceiling_name
from uploadlab.analysis.comparison import Found
from uploadlab.analysis.diagnosis import Cause
from uploadlab.analysis.link_facts import LinkFacts
from uploadlab.analysis.load import LoadSummary
from uploadlab.analysis.ratios import growth_rows, ratio_rows
from uploadlab.declared.goals import Goals
from uploadlab.model.checks import Check
from uploadlab.model.comparison import Comparison
from uploadlab.model.measurements import Measurement
from uploadlab.model.order import Kind
from uploadlab.model.runs import Run
from uploadlab.presenting.charts import load_charts, memory_charts, time_charts
from uploadlab.presenting.client_grid import client_counts, client_grid
from uploadlab.presenting.client_tables import CLIENT_LEGEND, client_tables
from uploadlab.presenting.comparison import (
    LEGEND,
    comparison_bars,
    comparison_notes,
    comparison_tables,
)
from uploadlab.presenting.document import Bad, Key, Linked, Section, Table, TableRow
from uploadlab.presenting.figures import NO_FIGURE, grouped, times_text
from uploadlab.presenting.grid import about_case, counts, grids, limit_table
from uploadlab.presenting.links import LINK_LEGEND, link_table, outcome_tables
from uploadlab.presenting.load import LOAD_LEGEND, load_notes, load_tables
from uploadlab.presenting.rates import ROUGH_LEGEND
from uploadlab.presenting.repeat import repeating_commands
from uploadlab.presenting.sent_twice import twice_tables
from uploadlab.presenting.tables import (
    AGAIN_LEGEND,
    CELL_LEGEND,
    COST_LEGEND,
    LIMITED,
    MARK,
    RATIO_LEGEND,
    cell_table,
    failure_notes,
    fallback_notes,
    profile_notes,
    ratio_table,
)
from uploadlab.storage.files import PROFILES
from uploadlab.storage.reader import StoredRun
from uploadlab.units import format_size

LIMITED_NOTE = f"{MARK}: the client or the ceiling was the limit ({LIMITED}), so compare these by CPU s/GB."
MaybeSection = Section | None


def comparison_section(
    groups: Sequence[Found], comparison: Comparison | None, differs: Mapping[str, Sequence[str]]
) -> MaybeSection:
    """Return the verdicts as bars and tables; ``differs`` has what differs from the base, by title."""
    shown = [found for found in groups if found.noise or found.lines]
    if not shown:
        return None
    first, several = shown[0], len(shown) > 1
    base = f"{first.label(first.base)} on the same deployment" if several else first.label(first.base)
    within = comparison.within if comparison else None
    notes = [note for found in shown for note in comparison_notes(found, within)]
    return Section(
        "comparison", "Verdicts", [LEGEND.format(base=base)],
        tables=[table for found in shown for table in comparison_tables(found, comparison)],
        bars=[bars for found in shown for bars in (comparison_bars(found, comparison) if comparison else [])],
        notes=list(dict.fromkeys(notes)),
        texts={title: "\n".join(lines) for title, lines in differs.items()},
        is_open=True,
    )  # fmt: skip


def cell_section(run: Run, summaries: Sequence[Summary]) -> Section:
    """Return every figure of every cell in one table."""
    ceiling = (ceiling_name(run) or "none in this run") + " over the same link" * bool(run.links)
    tables = [cell_table(summaries)] if summaries else []
    legend = [CELL_LEGEND.format(ceiling=ceiling), COST_LEGEND, ROUGH_LEGEND]
    if any(summary.client_limited for summary in summaries):
        legend.append(LIMITED_NOTE)
    if any(summary.breaks is not None for summary in summaries):
        legend.append(AGAIN_LEGEND)
    notes = fallback_notes(summaries)
    return Section("cells", "Every figure", [" ".join(legend)], tables=tables, notes=notes)


def client_section(run: Run, summaries: Sequence[Summary]) -> Section:
    """Return the ways of each client with servers across, where most methods are those of other clients."""
    legend = CLIENT_LEGEND.format(ceiling=ceiling_name(run) or "none in this run")
    return Section(
        "clients", "Client by client", [legend], tables=client_tables(run, summaries), is_open=True
    )


def cause_section(causes: Sequence[Cause]) -> Section:
    """Return each cause with its cost, its fix and where it shows, the most expensive first."""
    header = ["cause", "cost", "why", "fix", "where"]
    rows = [
        TableRow(
            [
                cause.rule.name,
                f"{times_text(cause.times)} slower" if isfinite(cause.times) else Bad("the file"),
                cause.sentence,
                f"{cause.rule.fix} (docs/findings.md#{cause.rule.finding})",
                cause.where,
            ]
        )
        for cause in causes
    ]
    intro = "Cost: how many times slower than the fastest way the worst of these cells is."
    return Section("causes", "Why is it slow?", [intro], tables=[Table("", header, rows, wordy=True)])


def failure_section(summaries: Sequence[Summary]) -> Section:
    """Return why cells have no figure."""
    return Section("failures", "Failed uploads", notes=failure_notes(summaries))


def chart_section(rows: Sequence[Measurement], summaries: Sequence[Summary]) -> MaybeSection:
    """Return the charts against size; None where each way has one size, which makes no line."""
    if len({summary.cell for summary in summaries}) == len({(of.deployment, of.method) for of in summaries}):
        return None
    counted = [row for row in rows if not row.warmup]
    charts = [*time_charts(counted), *memory_charts(summaries)]
    return Section("charts", "Against size", charts=charts)


def ratio_section(stored: StoredRun, summaries: Sequence[Summary], goals: Goals) -> Section:
    """Return the declared ratios that the run has, with their goals."""
    ratios = ratio_rows(stored.run, stored.rows, summaries, goals)
    table = ratio_table(ratios, growth_rows(summaries, goals.growth))
    return Section("ratios", "Goals", [RATIO_LEGEND], tables=[table])


def check_section(run: Run, checks: Sequence[Check]) -> Section:
    """Return the grid of what arrives, a table for each tier."""
    title = "Does every byte arrive?"
    if run.of_clients and checks:
        title = "What do clients believe?"
        (tables, footnotes), notes = client_grid(run, checks), client_counts(run, checks)
    else:
        tables, noted = grids(run, checks) if checks else ([], [])
        footnotes = list(map(str, noted))
        notes = counts(run, checks) if checks else []
    return Section("check", title, tables=tables, notes=notes, footnotes=footnotes, is_open=True)


def limit_section(run: Run, checks: Sequence[Check]) -> Section:
    """Return the limits that the run's plan measures, one line for each deployment."""
    about = [f"{case}: {about_case(case)}" for case in dict.fromkeys(row.case for row in checks)]
    tables = [limit_table(run, checks)] if checks else []
    return Section("limits", "Limits of the servers", about, tables=tables, is_open=True)


def link_section(run: Run, found: Sequence[LinkFacts]) -> MaybeSection:
    """Return the links of a run, and what happened over each."""
    if not found:
        return None
    tables = [link_table(run.links), *twice_tables(found), *outcome_tables(found)]
    return Section("links", "What each link did", [LINK_LEGEND], tables=tables, is_open=True)


def load_section(summaries: Sequence[LoadSummary]) -> Section:
    """Return concurrent uploads: the tables of each method and size, then the charts."""
    return Section(
        "load", "Many at once", [LOAD_LEGEND],
        tables=load_tables(summaries), charts=load_charts(summaries), notes=load_notes(summaries),
        is_open=True,
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
    links = grouped((target.behind, target.link) for target in run.targets if target.link)
    header += ["measured over"] if links else []
    for target in {target.behind: target for target in run.targets}.values():
        name = target.behind
        versions = run.versions.get(name, {}).items()
        tier = f"{target.tier}; unavailable: {target.unavailable}" if target.unavailable else target.tier
        names = (
            [f"{name} {version}" for name, version in versions if version],
            run.config_names.get(name, []),
            target.next,
            *([links.get(name, [])] if links else []),
        )
        cells = [name, tier, *(", ".join(words) or NO_FIGURE for words in names)]
        rows.append(TableRow(cells, Key(target.name) if name == target.name else Key()))
    intro = (
        "stock: default settings, defects included; tuned: stores every byte or refuses clearly; "
        "reference: no Flask, marks a ceiling; target: your own server."
    )
    return Section(
        "deployments", "Deployments", [intro], tables=[Table("", header, rows, wordy=True)], is_long=True
    )


def config_section(run: Run) -> Section:
    """Return the text of every config file."""
    intro = "Each as it was when the run was measured."
    return Section("configs", "Configs", [intro], texts=run.configs, is_long=True)


def repeat_section(stored: StoredRun) -> MaybeSection:
    """Return the commands that repeat the run; None if run.json is lost."""
    if not (texts := repeating_commands(stored)):
        return None
    intro = "From the root of the checkout."
    run = stored.run
    if private := dict.fromkeys(target.behind for target in run.targets if target.private):
        intro += f" Add the login or query of {', '.join(private)} to the URL: it is not stored."
    if run.order and run.order.spec and run.order.spec.secret_names:
        intro += " Put the values in place of `...`: they are not stored."
    if run.order and run.order.kind is Kind.RUN:
        intro += " The seed gives the same order; figures are compared within one run only."
    return Section("repeat", "To repeat it", [intro], texts=texts)
