"""Parts of docs/links.md and of findings: what each server and front does over each link."""

from collections.abc import Iterable, Sequence

from uploadlab.analysis.cells import MB
from uploadlab.analysis.grid import latest
from uploadlab.analysis.link_facts import LinkFacts, OverLink, cpu_shares, link_facts
from uploadlab.catalogue.cases_limits import SLOW_CLIENTS
from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.declared.links import load_links
from uploadlab.pages.part import (
    kept,
    kept_cells,
    kept_steps,
    page_part,
    split_names,
    untitled,
    where_measured,
)
from uploadlab.presenting.figures import NO_FIGURE, counted, grouped, percent, short
from uploadlab.presenting.links import link_statements, link_table, outcome_tables, over_link_text
from uploadlab.presenting.markdown import markdown
from uploadlab.selection import check
from uploadlab.units import format_size

RUN = "links"
"""The kept run, of plan ``links``."""
WHOLE_BLOCKS, SMALL_BLOCKS = "request.stream", "request.stream-16k"
BY_HTTP1, BY_HTTP2 = "request.stream-curl", "curl.stream-h2"
"""One and the same client."""
BUSY = 0.9
"""From this share on, the CPU may have been the limit."""
NOT_IN_RUN = "The kept run has no such rows.\n"


@page_part
def links() -> str:
    """Return the declared links."""
    return markdown(link_table(load_links().values())) + "\n"


@page_part
def links_measured() -> str:
    """Return where the kept run was measured."""
    return f"Plan `{kept(RUN).run.plan}`, {where_measured(RUN)}.\n"


@page_part
def link_sentences() -> str:
    """Return what the tables say together: an item for each link, then on HTTP/2, blocks, connections."""
    lines = [f"`{of.head}`: {of.text}." for of in link_statements(_facts())]
    lines += [line for line in (_http2_sentence(), _blocks_sentence(), _connections_sentence()) if line]
    return "".join(f"- {line}\n" for line in lines)


@page_part
def over_links() -> str:
    """Return a line for each deployment, a column for each link."""
    return markdown(outcome_tables(_facts())[0]) + "\n"


@page_part
def cut_uploads(*names: str) -> str:
    """Return who ended uploads over links that cut nothing, and how; only over links of these names."""
    for name in names:
        check("link", name, [facts.link.name for facts in _facts()])
    ended = [
        [f"`{cell.name}`", facts.link.name, f"{cell.summary.method} {size(cell)}", over_link_text(cell)]
        for facts in _facts()
        if not facts.link.cuts and facts.link.name in (names or [facts.link.name])
        for cell in facts.servers
        if cell.was_ended
    ]
    return untitled(["deployment", "link", "sent", "what happened"], ended) if ended else NOT_IN_RUN


def size(cell: OverLink) -> str:
    """Return the size of a cell's files."""
    return format_size(cell.summary.size_bytes)


@page_part
def stopped_by_slow_clients() -> str:
    """Return which deployments how many slow clients stop, those first that the fewest stop."""
    rows = [row for row in latest(kept(RUN).checks) if row.case == SLOW_CLIENTS]
    order = sorted(rows, key=lambda row: (row.stopped_by is None, row.stopped_by or 0))
    groups = grouped((row.text, f"`{row.deployment}`") for row in order)
    table = [[text, ", ".join(names)] for text, names in groups.items()]
    return untitled(["slow clients", "deployments"], table) if table else NOT_IN_RUN


@page_part
def http2_over_distance() -> str:
    """Return each deployment's HTTP/2 beside its HTTP/1.1, over each link."""
    pairs = list(_http2_pairs())
    names = dict.fromkeys(name for _, name, _, _ in pairs)
    rows = [
        [f"`{name}`", facts.link.name, size(h2), *map(over_link_text, (h1, h2)), _own_settings(name, names)]
        for facts, name, h1, h2 in pairs
    ]
    header = ["deployment", "link", "sent", "HTTP/1.1", "HTTP/2", "settings that its siblings lack"]
    return untitled(header, rows) if rows else NOT_IN_RUN


def _http2_pairs() -> Iterable[tuple[LinkFacts, str, OverLink | None, OverLink]]:
    for facts in _facts():
        cells = {(cell.name, cell.way): cell for cell in facts.cells}
        for cell in facts.cells:
            if _is_http2(cell.summary.method):
                yield facts, cell.name, cells.get((cell.name, (BY_HTTP1, cell.summary.size_bytes))), cell


def _is_http2(method: str) -> bool:
    return method in ALL_METHODS and ALL_METHODS[method].http2


def _own_settings(name: str, others: Iterable[str]) -> str:
    """Return the settings of a config that those of the others lack whose names begin with its front's."""
    family = name.partition("-")[0]
    siblings = [other for other in others if other != name and other.startswith(family)]
    theirs = {line for other in siblings for line in _settings(other)}
    alone = [line for line in _settings(name) if line not in theirs] if theirs else []
    return ", ".join(f"`{line}`" for line in alone) or NO_FIGURE


def _settings(name: str) -> list[str]:
    run = kept(RUN).run
    text = "\n".join(run.configs.get(path, "") for path in run.config_names.get(name, []))
    lines = [line.partition("#")[0].strip().rstrip(";{") for line in text.splitlines()]
    return [" ".join(line.split()) for line in lines if line]


@page_part
def blocks_over_distance() -> str:
    """Return small blocks of a client beside large ones, over each link that has both."""
    rows = [
        [f"`{small.name}`", facts.link.name, size(small), *map(over_link_text, (small, large))]
        for facts, small, large in _block_pairs()
    ]
    return (
        untitled(["deployment", "link", "sent", "blocks of 16 KiB", "of 1 MiB"], rows) if rows else NOT_IN_RUN
    )


def _block_pairs() -> list[tuple[LinkFacts, OverLink, OverLink]]:
    found = []
    for facts in _facts():
        large = {
            (cell.name, cell.summary.size_bytes): cell for cell in facts.cells if cell.way[0] == WHOLE_BLOCKS
        }
        found += [
            (facts, cell, large[cell.name, cell.summary.size_bytes])
            for cell in facts.cells
            if cell.way[0] == SMALL_BLOCKS and (cell.name, cell.summary.size_bytes) in large
        ]
    return found


@page_part
def connections_over_links() -> str:
    """Return the rate of one connection beside several at once, over one line."""
    steps = [step for step in kept_steps(RUN) if step.link and step.mb_per_second]
    if not steps:
        return NOT_IN_RUN
    users = sorted({step.step.users for step in steps})
    rows = []
    for (name, method), mine in grouped(
        ((s.step.cell.deployment, s.step.cell.method), s) for s in steps
    ).items():
        rates = {step.step.users: step.mb_per_second for step in mine}
        texts = [_rate_of_line(rates.get(count), mine[0].link) for count in users]
        rows.append([f"`{name}`", method, format_size(mine[0].step.cell.size_bytes), *texts])
    return untitled(
        ["deployment", "method", "sent", *(counted(count, "connection") for count in users)], rows
    )


def _rate_of_line(rate: float | None, link: str) -> str:
    up = next(known.up for known in kept(RUN).run.links if known.name == link)
    if rate is None:
        return NO_FIGURE
    return f"{short(rate)} MB/s" + (f", {percent(rate * MB / up)}" if up else "")


@page_part
def links_left_cpu() -> str:
    """Return how busy the host was while uploads ran side by side: whether the line was the limit."""
    run, rows = kept(RUN).run, kept(RUN).rows
    if not (shares := cpu_shares(run, rows)):
        return NOT_IN_RUN
    middle, most = sorted(shares)[len(shares) // 2], max(shares)
    busy = sum(share > BUSY for share in shares)
    verdict = f"In {counted(busy, 'upload')} the CPU may have been the limit" if busy else "Yes"
    return (
        f"{verdict}. {counted(len(shares), 'upload')} ran beside others. All programs together kept "
        f"{run.host.cores} cores {percent(middle)} busy in the median upload, "
        f"{percent(most)} in the busiest.\n"
    )


@page_part
def rates_over(link: str, methods: str, deployments: str) -> str:
    """Return what these methods did at these deployments over a link, at each size."""
    (facts,) = [facts for facts in _facts() if facts.link.name == link]
    names = split_names("deployment", deployments, dict.fromkeys(cell.name for cell in facts.cells))
    wanted = split_names("method", methods, ALL_METHODS)
    ways = [way for way in facts.ways if way[0] in wanted]
    cells = {(cell.name, cell.way): cell for cell in facts.cells}
    rows = [[name, *(over_link_text(cells.get((name, way))) for way in ways)] for name in names]
    header = [f"{method}, {format_size(size_bytes)}" for method, size_bytes in ways]
    return untitled([f"over {link}", *header], rows)


def _facts() -> Sequence[LinkFacts]:
    return link_facts(kept(RUN).run, kept(RUN).rows, kept_cells(RUN))


def _http2_sentence() -> str:
    """Return how long HTTP/2 takes at the fastest and at the slowest, and HTTP/1.1 beside it."""
    lines = []
    groups = grouped(((facts.link.name, size(h2)), (h1, h2)) for facts, _, h1, h2 in _http2_pairs())
    for (link, sent), pairs in groups.items():
        times = sorted((h2.seconds, h2.name) for _, h2 in pairs if h2.arrived and h2.seconds)
        others = sorted(h1.seconds for h1, _ in pairs if h1 and h1.arrived and h1.seconds)
        if times:
            (least, first), (most, last) = times[0], times[-1]
            spread = f"{short(least)} s (`{first}`) to {short(most)} s (`{last}`)"
            beside = f" HTTP/1.1 takes {short(others[0])} to {short(others[-1])} s." if others else ""
            lines.append(f"**HTTP/2**: {sent} over `{link}` take {spread}.{beside}")
    return " ".join(lines)


def _blocks_sentence() -> str:
    times = [
        small.seconds / large.seconds
        for _, small, large in _block_pairs()
        if small.arrived and large.arrived and small.seconds and large.seconds
    ]
    if not times:
        return ""
    span = f"{min(times):.2f} to {max(times):.2f} times"
    return f"**Small blocks**: 16 KiB take {span} as long as 1 MiB."


def _connections_sentence() -> str:
    by_cell = grouped((step.step.cell, step) for step in kept_steps(RUN) if step.link and step.mb_per_second)
    gains = []
    for mine in by_cell.values():
        few_users = min(mine, key=lambda step: step.step.users)
        many = max(mine, key=lambda step: step.step.users)
        if few_users is not many:
            gains.append((many.mb_per_second or 0.0) / (few_users.mb_per_second or 1.0))
    if not gains:
        return ""
    span = f"{min(gains):.2f} to {max(gains):.2f} times"
    return f"**Several connections** together get {span} the rate of one."
