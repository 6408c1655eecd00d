"""The sections of a report, each from what the run has; None where it has nothing for one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from statistics import median
from urllib.parse import quote

from uploadlab.analysis.cells import Summary, by_cell, ceiling_name
from uploadlab.analysis.load import LoadSummary
from uploadlab.analysis.ratios import growth_rows, ratio_rows
from uploadlab.declared.goals import Goals
from uploadlab.model.checks import Check
from uploadlab.model.measurements import Measurement, Profiled
from uploadlab.model.runs import Run
from uploadlab.presenting.document import Chart, Key, Part, Section, Table
from uploadlab.presenting.grid import grids
from uploadlab.presenting.heat import heats
from uploadlab.presenting.load import LOAD_LEGEND, load_notes, load_tables
from uploadlab.presenting.profiles import profile_notes
from uploadlab.presenting.tables import (
    COST_LEGEND,
    LIMITED,
    MARK,
    RATIO_LEGEND,
    cell_text,
    costs,
    mib,
    rate_legend,
    ratio_table,
    short,
    tables,
)
from uploadlab.storage.layout import PROFILES
from uploadlab.storage.reader import StoredRun
from uploadlab.units import format_size

NONE = "-"


LIMITED_NOTE = f"{MARK} {LIMITED}: client or ceiling were the limit, so compare these by CPU s/GB."


def rates(run: Run, summaries: Sequence[Summary]) -> Section | None:
    """Deployments x methods, a table for each size, the largest first."""
    if not summaries:
        return None
    sizes = sorted({one.size_bytes for one in summaries})
    parts = [
        _rate_part(run, table, size, summaries)
        for table, size in zip(tables(run, summaries), sizes, strict=True)
    ]
    return Section(
        "rates", "Deployments and methods", [rate_legend(ceiling_name(run))],
        heats=heats(run, summaries), parts=parts[::-1],
        notes=[LIMITED_NOTE] if any(one.client_limited for one in summaries) else [],
    )  # fmt: skip


def _rate_part(run: Run, table: Table, size_bytes: int, summaries: Sequence[Summary]) -> Part:
    here = [one for one in summaries if one.size_bytes == size_bytes]
    names = {one.deployment for one in here}
    rows = [Key(target.name) for target in run.targets if target.name in names]
    return Part(table, Key(size_bytes=size_bytes), rows, [Key(method=name) for name in table.header[1:]])


def drawn(
    rows: Sequence[Measurement], summaries: Sequence[Summary], charts: Sequence[Chart]
) -> Section | None:
    """Charts against size, with every cell's figures as their text."""
    if not charts:
        return None
    intro = "The table below the charts has the figures of every cell."
    return Section("charts", "Against size", [intro], charts=charts, parts=[_every_cell(rows, summaries)])


def _every_cell(rows: Sequence[Measurement], summaries: Sequence[Summary]) -> Part:
    header = [
        "", "method", "size", "MB/s", "share", "seconds, median", "least", "most", "rounds", "CPU s/GB",
        "peak RSS", "spooled", "client RSS",
    ]  # fmt: skip
    seconds = {
        cell_id: [row.seconds for row in measured if row.seconds is not None]
        for cell_id, measured in by_cell(rows).items()
    }
    lines = [_cell_line(one, seconds[f"{one.deployment}/{one.method}/{one.size_bytes}"]) for one in summaries]
    keys = [Key(one.deployment, one.method, one.size_bytes) for one in summaries]
    return Part(Table("Every cell in figures", header, lines), rows=keys, folded=True)


def _cell_line(one: Summary, seconds: Sequence[float]) -> list[str]:
    arrived = one.mb_per_second is not None
    times = [median(seconds), min(seconds), max(seconds)] if seconds and arrived else []
    bytes_ = (one.server_peak_rss_bytes, one.spooled_bytes, one.client_peak_rss_bytes)
    return [
        one.deployment,
        one.method,
        format_size(one.size_bytes),
        short(one.mb_per_second) if one.mb_per_second is not None else cell_text(one),
        NONE if one.share is None else f"{short(100 * one.share)}%",
        *([f"{value:.4g}" for value in times] or [NONE] * 3),
        str(one.rounds),
        NONE if one.cpu_seconds_per_gb is None else f"{one.cpu_seconds_per_gb:.2f}",
        *(NONE if value is None else mib(value) for value in bytes_),
    ]


def cost(run: Run, summaries: Sequence[Summary]) -> Section | None:
    """What each way took, at the largest size."""
    if not summaries:
        return None
    largest = max(one.size_bytes for one in summaries)
    keys: list[Key] = []
    for target in run.targets:
        cells = [one for one in summaries if (one.deployment, one.size_bytes) == (target.name, largest)]
        if cells:
            keys += [Key(target.name), *(Key(target.name, one.method) for one in cells)]
    part = Part(costs(run, summaries), Key(size_bytes=largest), keys)
    return Section("costs", "What it took", [COST_LEGEND], parts=[part])


def ratios(stored: StoredRun, goals: Goals) -> Section | None:
    """The declared ratios that the run has, with their goals."""
    found = ratio_rows(stored.run, stored.rows, goals)
    growths = growth_rows(stored.run, stored.rows, goals.growth)
    cells = [row.cell for row in found] + [row.cell for row in growths]
    if not cells:
        return None
    keys = [Key(cell.deployment, cell.method, cell.size_bytes) for cell in cells]
    part = Part(ratio_table(found, growths)._replace(title=""), rows=keys)
    return Section("ratios", "Ratios", [RATIO_LEGEND], parts=[part])


def checked(run: Run, checks: Sequence[Check]) -> Section | None:
    """The grid of what arrives, a table for each tier."""
    if not checks:
        return None
    found, notes = grids(run, checks)
    tiers = {target.name: target.tier for target in run.targets}
    parts = [
        Part(
            table,
            Key(tier=tiers[table.header[1]]),
            columns=[Key(name) for name in table.header[1:]],
            wordy=True,
        )
        for table in found
    ]
    return Section("check", "Does every byte arrive?", parts=parts, notes=notes)


def load(summaries: Sequence[LoadSummary], charts: Sequence[Chart]) -> Section | None:
    """Concurrent uploads: the tables of each method and size, then the charts."""
    if not summaries:
        return None
    groups: dict[tuple[str, int], list[LoadSummary]] = {}
    for one in summaries:
        groups.setdefault((one.step.cell.method, one.step.cell.size_bytes), []).append(one)
    parts = [
        Part(table, Key(method=method, size_bytes=size), _names_of(table))
        for (method, size), group in groups.items()
        for table in load_tables(group)
    ]
    notes = load_notes(summaries)
    return Section("load", "Many at once", [LOAD_LEGEND], parts=parts, charts=charts, notes=notes)


def _names_of(table: Table) -> list[Key]:
    """The deployment of each row: a name stands in its first one only."""
    keys: list[Key] = []
    for name, *_ in table.rows:
        keys.append(Key(name) if name else keys[-1])
    return keys


def profiles(stored: StoredRun) -> Section | None:
    """The profiles as links, and how much slower uploads were under them."""
    if not stored.profiled:
        return None
    header = ["", "method", "size", "profiler", "took", "files"]
    lines = [_profile_line(one) for one in stored.profiled]
    keys = [_key_of(one.cell_id) for one in stored.profiled]
    links = {line[-1]: _links(one.files) for line, one in zip(lines, stored.profiled, strict=True)}
    intro = "Uploads of their own, never counted as timing. Flame views open in a browser."
    part = Part(Table("", header, lines), rows=keys, wordy=True, links=links)
    return Section(
        "profiles", "Profiles", [intro], parts=[part], notes=profile_notes(stored.rows, stored.profiled)
    )


def _profile_line(one: Profiled) -> list[str]:
    deployment, method, size_bytes, _ = _key_of(one.cell_id)
    took = NONE if one.seconds is None else f"{one.seconds:.4g} s"
    return [
        deployment,
        method,
        format_size(size_bytes),
        one.kind,
        took,
        ", ".join(one.files) or one.note or NONE,
    ]


def _key_of(cell_id: str) -> Key:
    deployment, method, size = cell_id.rsplit("/", 2)
    return Key(deployment, method, int(size))


def _links(names: Iterable[str]) -> list[tuple[str, str]]:
    """Name and address of those files that are where the lab puts profiles: a file may name any place."""
    paths = [PurePosixPath(name) for name in names]
    return [
        ("flame view" if path.suffix == ".html" else path.name, quote(str(path)))
        for path in paths
        if path.parts[:1] == (PROFILES,) and ".." not in path.parts
    ]


def deployed(run: Run) -> Section | None:
    """What was measured: tiers, versions, configs."""
    if not run.targets:
        return None
    header = ["", "tier", "versions", "configs", "passes on to"]
    lines = [
        [
            target.name,
            f"{target.tier}; unavailable: {target.unavailable}" if target.unavailable else target.tier,
            _versions(run.versions.get(target.name, {})),
            ", ".join(run.config_names.get(target.name, [])) or NONE,
            ", ".join(target.next) or NONE,
        ]
        for target in run.targets
    ]
    intro = (
        "stock: as a newcomer has them, defects and all; tuned: stores every byte or refuses clearly; "
        "reference: no Flask, marks a ceiling; target: a server of the user's."
    )
    keys = [Key(target.name) for target in run.targets]
    return Section(
        "deployments", "Deployments", [intro], parts=[Part(Table("", header, lines), rows=keys, wordy=True)]
    )


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version) or NONE


def configured(run: Run) -> Section | None:
    """The text of every config file."""
    if not run.configs:
        return None
    intro = "Each as it was when the run was measured."
    return Section("configs", "Configs", [intro], texts=run.configs, folded=True)
