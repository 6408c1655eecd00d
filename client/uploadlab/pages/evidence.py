"""Parts that show the evidence for a finding: some cells of a kept run, some cases, some settings."""

import msgspec

from uploadlab.analysis.cells import MB, Summary
from uploadlab.analysis.grid import latest
from uploadlab.catalogue.clients import ALL_METHODS
from uploadlab.declared.compose import config_texts, load_deployments
from uploadlab.declared.knobs import load_knobs
from uploadlab.model.cells import Cell
from uploadlab.model.measurements import Status
from uploadlab.pages.declared import turned
from uploadlab.pages.part import (
    deployments_of,
    kept,
    kept_cells,
    page_part,
    split_names,
    untitled,
)
from uploadlab.pages.settings_tables import BREAK, HEADER, check_results, option_row
from uploadlab.paths import COMPOSE, KNOBS, ORIGINAL_TABLE, ROOT
from uploadlab.presenting.figures import NO_FIGURE
from uploadlab.presenting.tables import cell_text, cost_table
from uploadlab.selection import check
from uploadlab.units import format_size, parse_size

RARE = 0.001
"""Calls for each byte: fewer are calls for blocks."""


@page_part
def rates(name: str, methods: str, deployments: str) -> str:
    """Return MB/s of these methods at these deployments, each at its largest measured size."""
    names, columns = deployments_of(name, deployments), split_names("method", methods, ALL_METHODS)
    cells: dict[tuple[str, str], Summary] = {}
    for summary in sorted(kept_cells(name), key=lambda summary: summary.size_bytes):
        if summary.status is not Status.UNAVAILABLE and summary.deployment in names:
            without_share = msgspec.structs.replace(summary, share=None)
            cells[summary.deployment, summary.method] = without_share
    sizes = {
        method: {summary.size_bytes for summary in cells.values() if summary.method == method}
        for method in columns
    }
    if any(len(of_method) != 1 for of_method in sizes.values()):
        raise ValueError(f"{methods} of {name}: none measured there, or at sizes that differ")
    texts = {method: format_size(*of_method) for method, of_method in sizes.items()}
    if len(set(texts.values())) == 1:
        header = [f"MB/s, {texts[columns[0]]}", *columns]
    else:
        header = ["MB/s", *(f"{method}, {texts[method]}" for method in columns)]
    rows = [[target, *(cell_text(cells.get((target, method))) for method in columns)] for target in names]
    return untitled(header, rows)


@page_part
def costs_of(name: str, methods: str, deployments: str) -> str:
    """Return what these uploads took at the largest size: CPU, memory, disk."""
    names, wanted = deployments_of(name, deployments), split_names("method", methods, ALL_METHODS)
    table = cost_table(kept(name).run, kept_cells(name))
    rows = [
        [row.key.deployment, *row.cells]
        for row in table.rows
        if row.key.deployment in names and row.key.method in wanted
    ]
    return untitled(["deployment", "method", *table.header[1:]], rows)


@page_part
def checks(name: str, cases: str, deployments: str) -> str:
    """Return what happened to these cases there."""
    results = latest(kept(name).checks)
    rows = []
    for case in cases.split(","):
        for deployment in deployments.split(","):
            found = [row for row in results if (row.deployment, row.case) == (deployment, case)]
            if not found:
                raise ValueError(f"case {case} was not tried at {deployment}")
            rows.append([deployment, case, BREAK.join(check_results(found))])
    return untitled(["deployment", "case", "what happened"], rows)


@page_part
def knobs(deployment: str, *options: str) -> str:
    """Return what happened when these settings, and nothing else, were changed."""
    declared = load_deployments(COMPOSE)
    texts = config_texts(ROOT, [declared[deployment]])
    known = load_knobs(KNOBS, list(declared))
    for option in options:
        check("knob", option, [knob.option for knob in known if knob.deployment == deployment])
    rows = [option_row(declared[deployment], texts, known, option, turned()) for option in options]
    return untitled([deployment, *HEADER[1:]], rows)


@page_part
def calls(name: str, deployment: str, method: str, *functions: str) -> str:
    """Return how often these functions were called under cProfile, and their share of the time."""
    counted = kept(name).calls[deployment, method]
    rows = []
    for place in functions:
        file, function = place.split(":")
        number, _ = counted.functions[file, function]
        share, each = counted.share(file, function), counted.per_byte(file, function)
        for_byte = f"{each:.2g}" if each >= RARE else NO_FIGURE
        rows.append([f"`{function}` of {file}", f"{number:,}", for_byte, f"{share:.0%}"])
    size = format_size(counted.size_bytes)
    header = [f"{method} on {deployment}, {size}", "calls", "calls per byte", "share of the time"]
    return untitled(header, rows)


class Published(msgspec.Struct, forbid_unknown_fields=True):
    """A row of the original write-up's table: seconds, under its profiler; or a word."""

    size: str
    server: str
    run: str
    """The kept run that has it measured again."""
    deployment: str
    then: dict[str, float | str]
    """By method."""


@page_part
def original() -> str:
    """Return the original's table beside the same uploads of today, with and without a profiler."""
    published = msgspec.toml.decode(ORIGINAL_TABLE.read_bytes(), type=dict[str, list[Published]])
    rows = []
    for row in published["rows"]:
        size_bytes = parse_size(row.size)
        for method, then in row.then.items():
            cell = Cell(row.deployment, method, size_bytes)
            upload = f"{format_size(size_bytes)}, {row.server}: {method}"
            rows.append([upload, str(then), _profiled_seconds(row.run, cell), _seconds(row.run, cell)])
    return untitled(["seconds", "then, profiled", "today, profiled", "today"], rows)


def _profiled_seconds(name: str, cell: Cell) -> str:
    """Return the seconds of an upload under cProfile and tracemalloc, or why there is no profile."""
    uploads = {(upload.cell_id, upload.kind): upload for upload in kept(name).profiled}
    if not (upload := uploads.get((cell.id, "calls"))):
        return NO_FIGURE
    if upload.seconds and upload.files:
        return f"{upload.seconds:.3f}"
    # The time was over by the client's clock or by the server's.
    budget_seconds = kept(name).run.budget_seconds
    return str(Status.TIMEOUT) if (upload.seconds or budget_seconds) >= budget_seconds else upload.note


def _seconds(name: str, cell: Cell) -> str:
    """Return the seconds of an upload without a profiler, or what happened instead."""
    for summary in kept_cells(name):
        if Cell(summary.deployment, summary.method, summary.size_bytes) == cell:
            rate = summary.mb_per_second
            return f"{cell.size_bytes / MB / rate:.3f}" if rate else str(summary.status)
    return NO_FIGURE
