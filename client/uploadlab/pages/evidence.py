"""Parts that show what a finding rests on: some cells of a committed run, some cases, some settings."""

from collections.abc import Sequence

import msgspec

from uploadlab import table
from uploadlab.check.grid import latest
from uploadlab.deployments import config_texts, load_deployments
from uploadlab.effects import BREAK, HEADER, setting_row
from uploadlab.knobs import load_knobs
from uploadlab.model import Status
from uploadlab.pages.declared import turned
from uploadlab.pages.part import folder, part, plain, run, summaries
from uploadlab.paths import COMPOSE, KNOBS, ORIGINAL_TABLE, ROOT
from uploadlab.profile import read_calls
from uploadlab.stats import Summary
from uploadlab.units import format_size, parse_size
from uploadlab.verdicts import Check, Verdict

LINES, BLOCKS, FORM = "request.stream-lines", "request.stream", "request.files"


@part
def rates(name: str, methods: str, deployments: str) -> str:
    """MB/s of these methods at these deployments, each at the largest size that it was measured with."""
    found = _largest(name)
    names, columns = deployments.split(","), methods.split(",")
    sizes = {
        method: next(one.size_bytes for one in found.values() if one.method == method) for method in columns
    }
    same = len(set(sizes.values())) == 1
    header = [f"MB/s{f', {format_size(sizes[columns[0]])}' if same else ''}"]
    header += [method if same else f"{method}, {format_size(sizes[method])}" for method in columns]
    rows = [[one, *(_rate(found.get((one, method))) for method in columns)] for one in names]
    return plain(header, rows)


@part
def costs_of(name: str, methods: str, deployments: str) -> str:
    """What these took at the largest size: CPU, memory, disk."""
    whole = table.costs(run(name), summaries(name))
    rows, above = [], ""
    for row in whole.rows:
        above = above if row[0].startswith(" ") else row[0]
        if above in deployments.split(",") and row[0].strip() in methods.split(","):
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
    texts = list(config_texts(ROOT, [one]).values())
    known = load_knobs(KNOBS, list(declared))
    rows = [setting_row(one, texts, known, option, turned()) for option in options]
    return plain([deployment, *HEADER[1:]], rows)


@part
def calls(name: str, deployment: str, method: str, *functions: str) -> str:
    """How often these functions were called in an upload under cProfile, and their share of the time."""
    counted = read_calls(folder(name))[deployment, method]
    rows = []
    for place in functions:
        file, function = place.split(":")
        number, _ = counted.functions[file, function]
        share = counted.share(file, function)
        rows.append(
            [f"`{function}` of {file}", f"{number:,}", f"{number / counted.size_bytes:.2g}", f"{share:.0%}"]
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
    stream: float | str = "-"
    files: float | str = "-"


class Publication(msgspec.Struct, forbid_unknown_fields=True):
    """The file's content."""

    rows: list[Published]


@part
def original() -> str:
    """The original's table beside the same uploads of today, with and without profiler, in seconds."""
    rows = msgspec.toml.decode(ORIGINAL_TABLE.read_bytes(), type=Publication).rows
    header = [
        "",
        "then: request.stream",
        "by lines",
        "by lines, profiled",
        "by blocks",
        "by blocks, profiled",
    ]
    header += ["then: request.files", "request.files", "request.files, profiled"]
    return plain(header, [_anew(row) for row in rows])


def _anew(row: Published) -> list[str]:
    shown = [f"{row.size}, {row.server}", str(row.stream)]
    for method in (LINES, BLOCKS, FORM):
        if method == FORM:
            shown.append(str(row.files))
        shown += _times(row, method)
    return shown


def _times(row: Published, method: str) -> list[str]:
    """Seconds of an upload, and of one under cProfile and tracemalloc."""
    of = (row.deployment, method, parse_size(row.size))
    cell = next(one for one in summaries(row.run) if (one.deployment, one.method, one.size_bytes) == of)
    profiled = [
        _profiled(one.seconds, one.note)
        for one in folder(row.run).read_profiled()
        if (one.cell_id, one.kind) == (f"{of[0]}/{of[1]}/{of[2]}", "calls")
    ]
    return [_seconds(cell), *(profiled or ["-"])]


def _seconds(cell: Summary) -> str:
    if cell.mb_per_second is None:
        return str(cell.error or cell.status)
    return f"{cell.size_bytes / cell.mb_per_second / 1e6:.3f}"


def _profiled(seconds: float | None, note: str) -> str:
    return f"{seconds:.3f}" if seconds else f"timeout: {note}"


def _largest(name: str) -> dict[tuple[str, str], Summary]:
    """The cells of each pair at their largest size."""
    return {
        (one.deployment, one.method): one
        for one in sorted(summaries(name), key=lambda one: one.size_bytes)
        if one.status is not Status.UNAVAILABLE
    }


def _rate(one: Summary | None) -> str:
    """Without its share of the ceiling."""
    return table.cell_text(one and msgspec.structs.replace(one, share=None))


def _came(rows: Sequence[Check]) -> str:
    """The worst of it, each text once; or a pass, with the statuses of its refusals."""
    if not rows:
        raise ValueError("no such case was tried there")
    bad = dict.fromkeys(f"{row.verdict}: {row.text}" for row in rows if row.verdict is not Verdict.PASS)
    good = dict.fromkeys(row.text for row in rows if row.verdict is Verdict.PASS and row.text)
    return BREAK.join(bad) or " ".join(["pass", *good])
