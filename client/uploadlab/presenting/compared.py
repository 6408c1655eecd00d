"""The section of a comparison: its verdicts as tables, and each ratio as a bar beside the noise."""

from collections.abc import Sequence
from math import ceil, floor, log2

from uploadlab.analysis.comparison import SECONDS, Found, Line, found
from uploadlab.analysis.significance import Judged
from uploadlab.model.comparison import Comparison
from uploadlab.presenting.comparison import (
    FIELD_NAMES,
    LEGEND,
    by_effect,
    comparison_notes,
    comparison_tables,
    difference_lines,
    taken_back,
    verdict,
    verdict_lines,
)
from uploadlab.presenting.document import Bar, Bars, Key, Part, Section, Table
from uploadlab.storage.reader import StoredRun
from uploadlab.units import format_size

TICKS = 7
"""At most, on the axis of a picture."""


def compared(stored: StoredRun) -> Section | None:
    """What the run compares, if it does."""
    comparison, result = stored.run.comparison, found(stored.run, stored.rows)
    if not (comparison and result) or not (result.noise or result.lines):
        return None
    texts = {} if comparison.ablation else _differences(comparison)
    return Section(
        "comparison", "Verdicts", [LEGEND.format(base=comparison.base)],
        parts=[part for size in result.sizes for part in _parts(result.of_size(size), comparison)],
        bars=_pictures(result, comparison),
        notes=comparison_notes(result, comparison.within),
        texts=texts,
    )  # fmt: skip


def verdicts(stored: StoredRun) -> list[str]:
    """The same in a sentence for each deployment or setting."""
    comparison, result = stored.run.comparison, found(stored.run, stored.rows)
    return verdict_lines(result, comparison) if comparison and result else []


def _differences(comparison: Comparison) -> dict[str, str]:
    texts = {}
    for name, changed in comparison.others.items():
        title, *lines = difference_lines({name: changed}, comparison.base)
        texts[title.removesuffix(":")] = "\n".join(line.strip() for line in lines)
    return texts


def _parts(result: Found, comparison: Comparison) -> list[Part]:
    return [_part(table, result, comparison) for table in comparison_tables(result, comparison)]


def _part(table: Table, result: Found, comparison: Comparison) -> Part:
    """With what the filters know its rows by; in an ablation's, also the columns."""
    if comparison.ablation:
        keys = [*map(Key, by_effect(result, comparison)), Key()]
        return Part(table, rows=keys, columns=[Key(method=name) for name in table.header[1:]], wordy=True)
    rows: list[Key] = []
    name = ""
    for first, *_ in table.rows:
        name = name if first.startswith("  ") else first
        rows.append(Key(name, first.strip() if first.startswith("  ") else ""))
    return Part(table, rows=rows, wordy=True)


def _pictures(result: Found, comparison: Comparison) -> list[Bars]:
    here = [one for size in result.sizes if (one := result.of_size(size)).lines]
    pictures = (_picture(one, comparison, field) for one in here for field in FIELD_NAMES)
    return [one for one in pictures if one.rows]


def _picture(result: Found, comparison: Comparison, field: str) -> Bars:
    """Ratios of all lines on one logarithmic axis that is as wide on both sides of 1."""
    known = [(one, judged) for one in _ordered(result, comparison) if (judged := one.verdicts.get(field))]
    widest = max([1.05, *(one.ratio.reach for _, one in known), *(one.floor for _, one in known)])
    size = format_size(result.lines[0].size_bytes)
    more, less = ("faster", "slower") if field == SECONDS else ("more", "less")
    return Bars(
        f"{size}: {FIELD_NAMES[field]}, against {result.base}",
        f"{less} than {result.base}",
        f"{more} than {result.base}",
        [(f"{tick:g}x", _place(tick, widest)) for tick in _ticks(widest)],
        [_bar(one, judged, field, comparison, widest) for one, judged in known],
    )


def _ordered(result: Found, comparison: Comparison) -> Sequence[Line]:
    if not comparison.ablation:
        return result.lines
    order = by_effect(result, comparison)
    return sorted(result.lines, key=lambda one: order.index(one.name))


def _bar(one: Line, judged: Judged, field: str, comparison: Comparison, widest: float) -> Bar:
    name = taken_back(comparison.others[one.name]) if comparison.ablation else one.name
    noise = judged.floor
    places = (judged.ratio.low, judged.ratio.value, judged.ratio.high, 1 / noise, noise)
    low, value, high, *band = (_place(place, widest) for place in places)
    better = judged.word == ("more" if field == SECONDS else "less")
    tone = "same" if judged.word == "no difference" else "better" if better else "worse"
    return Bar(
        Key(one.name, one.method, one.size_bytes), name, one.method, verdict(one, field), tone,
        low, value, high, (band[0], band[1]),
    )  # fmt: skip


def _place(ratio: float, widest: float) -> float:
    """Percent of the axis, which goes from 1/widest to widest."""
    return round(50 * (1 + log2(ratio) / log2(widest)), 2)


def _ticks(widest: float) -> list[float]:
    """Powers of two, or round steps where that is too coarse; 1 is always one."""
    powers = floor(log2(widest))
    if powers >= 1:
        every = ceil(2 * powers / (TICKS - 1))
        return [2.0**power for power in range(-powers, powers + 1) if power % every == 0]
    step = next(step for step in (0.02, 0.05, 0.1, 0.25) if (widest - 1 / widest) / step < TICKS)
    count = floor((widest - 1) / step)
    ticks = [round(1 + step * number, 2) for number in range(-count, count + 1)]
    return [tick for tick in ticks if tick >= 1 / widest]
