"""Parts of docs/resumable.md: what goes on after a cut, what each server keeps, and what resuming costs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from uploadlab.analysis.cells import Summary
from uploadlab.analysis.link_facts import LinkFacts, OverLink, link_facts
from uploadlab.model.deployments import GROUPS
from uploadlab.pages.part import kept, kept_cells, page_part, untitled, where_measured
from uploadlab.pages.resumed import KeptPrefix, ResumedRun, read_kept_prefixes, read_resumed_runs
from uploadlab.paths import REFERENCE
from uploadlab.presenting.figures import NO_FIGURE, counted, few, grouped, hundredths, tenths_of_mib
from uploadlab.presenting.links import over_link_text
from uploadlab.presenting.rates import rate_text
from uploadlab.units import MIB, format_size

CUTS, WITHOUT_CUTS = "cuts", "resumable"
"""The kept runs, of the plans of these names."""
FAR = "far"
BASE = "request.stream"
LEAST_LOST = MIB
"""What a server may lose of what it had got: up to this, it has kept the body."""
NOT_YET = "Not measured yet.\n"
WORDS = {
    "fin": "connection ended",
    "rst": "connection reset",
    "silence": "line silent",
    "worker": "worker killed",
    "deployment": "all killed, started again",
    "full disk": "disk full",
}
"""What each kind of fault is called in a table."""


@page_part
def kept_prefix_groups() -> str:
    """Return which servers and fronts have kept what arrived, and which have kept nothing."""
    rows = read_kept_prefixes()
    if not rows:
        return NOT_YET
    groups = grouped((_verdict(cuts), name) for name, cuts in _by_deployment(rows).items())
    order = sorted(groups.items(), key=lambda group: list(VERDICTS).index(group[0]))
    return untitled(
        ["of a request that was cut, the server", "deployments"],
        [[VERDICTS[verdict], ", ".join(f"`{name}`" for name in names)] for verdict, names in order],
    )


@page_part
def kept_prefixes() -> str:
    """Return what each deployment had of a body whose connection was cut."""
    found = _by_deployment(read_kept_prefixes())
    if not found:
        return NOT_YET
    sent = format_size(next(iter(found.values()))[0].sent_bytes)
    names = sorted(found, key=lambda name: (GROUPS.index(found[name][0].group), -_least(found[name])))
    kinds = list(dict.fromkeys(row.cut for rows in found.values() for row in rows))
    table = []
    for name in names:
        by_cut = {row.cut: row for row in found[name]}
        cells = [_kept_text(by_cut.get(kind)) for kind in kinds]
        table.append([f"`{name}`", found[name][0].group, *cells, _noticed(found[name])])
    header = [f"kept of {sent}", "group", *(WORDS[kind] for kind in kinds), "seconds until it said so"]
    return untitled(header, table)


VERDICTS = {
    "kept": "keeps what arrived",
    "some": "keeps a part of it",
    "none": "**keeps nothing**",
    "refused": "takes no resumable uploads",
}
"""What a deployment does with a body that is cut, for resuming."""


def _verdict(rows: Sequence[KeptPrefix]) -> str:
    if any(row.kept_bytes is None for row in rows):
        return "refused"
    if all((row.kept_bytes or 0) >= row.sent_bytes - LEAST_LOST for row in rows):
        return "kept"
    return "some" if any(row.kept_bytes for row in rows) else "none"


def _by_deployment(rows: Iterable[KeptPrefix]) -> dict[str, list[KeptPrefix]]:
    return grouped((row.deployment, row) for row in rows)


def _least(rows: Iterable[KeptPrefix]) -> int:
    return min(-1 if row.kept_bytes is None else row.kept_bytes for row in rows)


def _kept_text(row: KeptPrefix | None) -> str:
    if row is None:
        return NO_FIGURE
    if row.kept_bytes is None:
        return row.problem or NO_FIGURE
    texts = {0: "nothing", row.sent_bytes: "all"}
    return texts.get(row.kept_bytes) or tenths_of_mib(row.kept_bytes)


def _noticed(rows: Iterable[KeptPrefix]) -> str:
    seconds = [row.seconds for row in rows if row.seconds is not None]
    return f"{max(seconds):.1f}" if seconds else NO_FIGURE


@page_part
def resumed_sentence() -> str:
    """Return the runs through faults in a few sentences."""
    runs = read_resumed_runs()
    if not runs:
        return NOT_YET
    wrong = [run for run in runs if run.wrong]
    faults = Counter(fault.kind for run in runs for fault in run.faults)
    kinds = ", ".join(f"{WORDS[kind]} {count}" for kind, count in faults.most_common())
    sizes = few([format_size(size) for size in dict.fromkeys(run.size_bytes for run in runs)])
    looks = sum(run.looks for run in runs)
    day = max(run.day for run in runs)
    came = f"Faults: {faults.total()} ({kinds}). Measured {day}.\n"
    if wrong:
        reasons = "".join(f"- seed {run.seed}, `{run.deployment}`: {'; '.join(run.wrong)}\n" for run in wrong)
        return f"{len(runs) - len(wrong)} of {len(runs)} runs of {sizes} are right. {came}\n{reasons}"
    return (
        f"All {len(runs)} runs of {sizes} are right: the server stored the bytes that were sent. "
        f"None of {looks:,} looks at the data folder saw a partial file under a final name. "
        f"Nothing was left there after expiry. {came}"
    )


@page_part
def resumed_runs() -> str:
    """Return the runs through faults, summed up for each deployment and method."""
    runs = read_resumed_runs()
    if not runs:
        return NOT_YET
    rows = [
        [f"`{name}`", method, str(len(those)), str(sum(not run.wrong for run in those)), *_figures(those)]
        for (name, method), those in _by_way(runs).items()
    ]
    header = ["deployment", "method", "runs", "right", "faults", "restarts", "sent twice", "seconds"]
    return untitled(header, rows)


def _by_way(runs: Iterable[ResumedRun]) -> dict[tuple[str, str], list[ResumedRun]]:
    ordered = sorted(runs, key=lambda run: (run.deployment, run.method))
    return grouped(((run.deployment, run.method), run) for run in ordered)


def _figures(runs: Sequence[ResumedRun]) -> list[str]:
    twice = median(run.sent_bytes - run.size_bytes for run in runs)
    seconds = median(run.seconds for run in runs)
    faults = sum(len(run.faults) for run in runs)
    return [str(faults), str(sum(run.restarts for run in runs)), tenths_of_mib(twice), f"{seconds:.0f}"]


@page_part
def cuts_by_method() -> str:
    """Return how long each method took over lines of more and more cuts, and what it sent twice."""
    if not _is_kept(CUTS):
        return NOT_YET
    facts = [found for found in _facts(CUTS) if found.link.name != FAR]
    methods = Counter(cell.summary.method for found in facts for cell in found.cells)
    names = Counter(cell.name for found in facts for cell in found.cells)
    # The deployment that all methods were measured at; others are in the table by server.
    name = max(names, key=lambda each: len({way for found in facts for way in _ways(found, each)}))
    rows = []
    for method in methods:
        cells = [_cell(found, name, method) for found in facts]
        rows.append([method, *map(over_link_text, cells)])
    return untitled([f"`{name}`", *(_cuts_text(found) for found in facts)], rows)


@page_part
def cuts_by_deployment() -> str:
    """Return what one and the same method did at each deployment over a line that was cut."""
    if not _is_kept(CUTS):
        return NOT_YET
    facts = max(_facts(CUTS), key=lambda found: len({cell.name for cell in found.cells}))
    method = Counter(cell.summary.method for cell in facts.servers).most_common(1)[0][0]
    cells = [cell for cell in facts.servers if cell.summary.method == method]
    cells.sort(key=lambda cell: (cell.seconds is None, cell.seconds))
    return untitled(
        [f"{method}, {_cuts_text(facts)}", "time, share of the line, sent twice"],
        [[f"`{cell.name}`", over_link_text(cell)] for cell in cells],
    )


@page_part
def parts_over_far() -> str:
    """Return several connections beside one, over a distance."""
    if not _is_kept(CUTS) or FAR not in (names := {found.link.name: found for found in _facts(CUTS)}):
        return NOT_YET
    cells = names[FAR].servers
    return untitled(
        ["deployment", "method", f"over `{FAR}`"],
        [[f"`{cell.name}`", f"{cell.summary.method}, {_size(cell)}", over_link_text(cell)] for cell in cells],
    )


@page_part
def without_cuts() -> str:
    """Return MB/s of each method where nothing is cut, and its share of one plain request's."""
    if not _is_kept(WITHOUT_CUTS):
        return NOT_YET
    targets = {target.name: target for target in kept(WITHOUT_CUTS).run.targets}
    cells = [cell for cell in kept_cells(WITHOUT_CUTS) if targets[cell.deployment].tier != "reference"]
    rates = {(cell.deployment, cell.method, cell.size_bytes): cell.mb_per_second for cell in cells}
    rows = []
    for cell in cells:
        base = rates.get((cell.deployment, BASE, cell.size_bytes))
        share = hundredths(cell.mb_per_second / base) if base and cell.mb_per_second else NO_FIGURE
        over = targets[cell.deployment].link or "loopback"
        name = f"`{targets[cell.deployment].behind}`"
        rows.append([name, over, cell.method, format_size(cell.size_bytes), _rate(cell), share])
    return untitled(["deployment", "over", "method", "sent", "MB/s", f"of {BASE}"], rows)


@page_part
def resumable_measured() -> str:
    """Return where the kept runs were measured."""
    names = [name for name in (CUTS, WITHOUT_CUTS) if _is_kept(name)]
    return "".join(f"- plan `{kept(name).run.plan}`: {where_measured(name)}\n" for name in names) or NOT_YET


def _is_kept(name: str) -> bool:
    return (REFERENCE / name).exists()


def _rate(cell: Summary) -> str:
    return rate_text(cell) if cell.mb_per_second is not None else str(cell.status)


def _facts(name: str) -> list[LinkFacts]:
    return link_facts(kept(name).run, kept(name).rows, kept_cells(name))


def _ways(facts: LinkFacts, name: str) -> set[str]:
    return {cell.summary.method for cell in facts.cells if cell.name == name}


def _cell(facts: LinkFacts, name: str, method: str) -> OverLink | None:
    return next((c for c in facts.cells if c.name == name and c.summary.method == method), None)


def _cuts_text(facts: LinkFacts) -> str:
    sizes = few(dict.fromkeys(map(_size, facts.cells)))
    return f"{counted(len(facts.link.cuts), 'cut')}, {sizes}"


def _size(cell: OverLink) -> str:
    return format_size(cell.summary.size_bytes)
