"""Parts that show what a finding rests on: some cells of a committed run, some cases, some settings."""

from collections.abc import Sequence

import msgspec

from uploadlab.analysis.cells import MB, Summary
from uploadlab.analysis.grid import latest
from uploadlab.catalogue.methods import METHODS
from uploadlab.declared.compose import config_texts, load_deployments
from uploadlab.declared.knobs import load_knobs
from uploadlab.model.cells import Cell
from uploadlab.model.checks import Check
from uploadlab.model.measurements import Profiled, Status
from uploadlab.pages.declared import turned
from uploadlab.pages.part import choice, deployments_of, folder, part, plain, run, summaries
from uploadlab.pages.settings_tables import BREAK, HEADER, check_results, option_row
from uploadlab.paths import COMPOSE, KNOBS, ORIGINAL_TABLE, ROOT
from uploadlab.presenting import tables
from uploadlab.selection import check
from uploadlab.storage.profiles import read_calls
from uploadlab.units import format_size, parse_size

RARE = 0.001
"""Calls for each byte: below it, they are of blocks."""


@part
def rates(name: str, methods: str, deployments: str) -> str:
    """MB/s of these methods at these deployments, each at the largest size that it was measured with."""
    found, columns = _largest(name), choice("method", methods, METHODS)
    names = deployments_of(name, deployments)
    sizes = {
        method: {one.size_bytes for one in found.values() if one.method == method and one.deployment in names}
        for method in columns
    }
    if any(len(of) != 1 for of in sizes.values()):
        raise ValueError(f"{methods} of {name}: none measured there, or at sizes that differ")
    told = {method: format_size(*of) for method, of in sizes.items()}
    same = len(set(told.values())) == 1
    header = [f"MB/s, {told[columns[0]]}" if same else "MB/s"]
    header += [method if same else f"{method}, {told[method]}" for method in columns]
    return plain(header, [[one, *(_rate(found.get((one, method))) for method in columns)] for one in names])


@part
def costs_of(name: str, methods: str, deployments: str) -> str:
    """What these took at the largest size: CPU, memory, disk."""
    whole = tables.costs(run(name), summaries(name))
    names, wanted = deployments_of(name, deployments), choice("method", methods, METHODS)
    rows, above = [], ""
    for row in whole.rows:
        above = above if row[0].startswith(" ") else row[0]
        if above in names and row[0].strip() in wanted:
            rows.append([above, row[0].strip(), *row[1:]])
    return plain(["", *whole.header], rows)


@part
def checks(name: str, cases: str, deployments: str) -> str:
    """What came of these cases there."""
    rows = latest(folder(name).read_checks())
    return plain(
        ["", "sent", "what came of it"],
        [
            [one, case, _came([row for row in rows if (row.deployment, row.case) == (one, case)])]
            for case in cases.split(",")
            for one in deployments.split(",")
        ],
    )


@part
def knobs(deployment: str, *options: str) -> str:
    """What happened when these settings, and nothing else, were turned."""
    declared = load_deployments(COMPOSE)
    one = declared[deployment]
    texts = config_texts(ROOT, [one])
    known = load_knobs(KNOBS, list(declared))
    for option in options:
        check("knob", option, [knob.option for knob in known if knob.deployment == deployment])
    rows = [option_row(one, texts, known, option, turned()) for option in options]
    return plain([deployment, *HEADER[1:]], rows)


@part
def calls(name: str, deployment: str, method: str, *functions: str) -> str:
    """How often these functions were called in an upload under cProfile, and their share of the time."""
    counted = read_calls(folder(name))[deployment, method]
    rows = []
    for place in functions:
        file, function = place.split(":")
        number, _ = counted.functions[file, function]
        share, each = counted.share(file, function), counted.per_byte(file, function)
        rows.append(
            [f"`{function}` of {file}", f"{number:,}", f"{each:.2g}" if each >= RARE else "-", f"{share:.0%}"]
        )
    size = format_size(counted.size_bytes)
    return plain([f"{method} on {deployment}, {size}", "calls", "for each byte", "of the time"], rows)


class Published(msgspec.Struct, forbid_unknown_fields=True):
    """A row of the original write-up's table: seconds, under its profiler; or a word."""

    size: str
    server: str
    run: str
    """The committed run that has it anew."""
    deployment: str
    then: dict[str, float | str]
    """By method."""


class Publication(msgspec.Struct, forbid_unknown_fields=True):
    """The file's content."""

    rows: list[Published]


@part
def original() -> str:
    """The original's table beside the same uploads of today, with and without a profiler, in seconds."""
    rows = msgspec.toml.decode(ORIGINAL_TABLE.read_bytes(), type=Publication).rows
    return plain(
        ["seconds", "then, profiled", "today, profiled", "today"],
        [
            [f"{format_size(parse_size(row.size))}, {row.server}: {method}", str(then), *_anew(row, method)]
            for row in rows
            for method, then in row.then.items()
        ],
    )


def _anew(row: Published, method: str) -> list[str]:
    """Of an upload under cProfile and tracemalloc, and of one without."""
    cell = Cell(row.deployment, method, parse_size(row.size))
    profiled = [
        f"{one.seconds:.3f}" if one.seconds and one.files else _over(one, run(row.run).budget_seconds)
        for one in folder(row.run).read_profiled()
        if (one.cell_id, one.kind) == (cell.id, "calls")
    ]
    timed = [
        f"{cell.size_bytes / MB / one.mb_per_second:.3f}" if one.mb_per_second else str(one.status)
        for one in summaries(row.run)
        if Cell(one.deployment, one.method, one.size_bytes) == cell
    ]
    return [*(profiled or ["-"]), *(timed or ["-"])]


def _over(one: Profiled, budget_seconds: float) -> str:
    """Why there is no profile: the time was over, by the client's clock or the server's; or what else."""
    return str(Status.TIMEOUT) if (one.seconds or budget_seconds) >= budget_seconds else one.note


def _largest(name: str) -> dict[tuple[str, str], Summary]:
    """The cells of each pair at their largest size."""
    return {
        (one.deployment, one.method): one
        for one in sorted(summaries(name), key=lambda one: one.size_bytes)
        if one.status is not Status.UNAVAILABLE
    }


def _rate(one: Summary | None) -> str:
    """Without its share of the ceiling."""
    return tables.cell_text(one and msgspec.structs.replace(one, share=None))


def _came(rows: Sequence[Check]) -> str:
    """A line for each thing that did."""
    if not rows:
        raise ValueError("no such case was tried there")
    return BREAK.join(check_results(rows))
