"""A comparison as tables, sentences and bars."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log2

from uploadlab.analysis.comparison import CPU, FIELDS, MEMORY, SECONDS, ComparedCell, Found
from uploadlab.analysis.significance import Interval, Word
from uploadlab.model.comparison import Comparison
from uploadlab.presenting.document import Bad, Bar, Bars, Key, Table, TableRow
from uploadlab.presenting.figures import NO_FIGURE, between, grouped, times
from uploadlab.units import format_size

FASTER = {Word.MORE: "faster", Word.LESS: "slower", Word.SAME: "no difference"}
TICKS = 7
"""The most that the axis of a picture has."""
FIELD_NAMES = {SECONDS: "speed", CPU: "CPU seconds"}
HEADER = ["", "speed", "CPU seconds", "peak memory", "noise", "rounds"]
LEGEND = (
    "Ratios to {base}, with their 95% interval. Noise: how much two copies of a server differed, at least "
    "the accuracy of --within. Smaller differences are ignored. docs/method.md has the rules."
)


def comparison_tables(found: Found, comparison: Comparison | None = None) -> list[Table]:
    """Return the tables of each size, the smallest first: of deployments, or of an ablation's settings."""
    tables = []
    for size_bytes in found.sizes:
        here = found.of_size(size_bytes)
        if comparison and comparison.ablation:
            tables += [_ablation_table(here, comparison, field) for field in FIELD_NAMES]
        else:
            tables.append(_verdict_table(here))
    return tables


def _verdict_table(found: Found) -> Table:
    """Return a group for each deployment, the methods below it."""
    size_bytes = found.sizes[0]
    rows: list[TableRow] = []
    for name, lines in grouped((line.name, line) for line in [*found.noise, *found.lines]).items():
        rows.append(TableRow([found.label(name)], Key(name)))
        rows += [TableRow(_verdict_cells(line), Key(name, line.method), is_below=True) for line in lines]
    title = f"{format_size(size_bytes)}: compared with {found.label_in_full(found.base)}"
    return Table(title, HEADER, rows, Key(size_bytes=size_bytes), wordy=True, narrow=HEADER[1:])


def _verdict_cells(line: ComparedCell) -> list[str]:
    if instead := _instead(line):
        return [line.method, instead, *[NO_FIGURE] * (len(HEADER) - 2)]
    judged = line.verdicts.get(SECONDS)
    noise = f"±{judged.floor - 1:.1%}" if judged else NO_FIGURE
    return [line.method, *(verdict_text(line, field) for field in FIELDS), noise, str(line.rounds)]


def _ablation_table(found: Found, comparison: Comparison, field: str) -> Table:
    """Return settings down, those that matter most first; methods across."""
    size_bytes = found.sizes[0]
    methods = list(dict.fromkeys(line.method for line in [*found.noise, *found.lines]))
    lines = {(line.name, line.method): line for line in found.lines}
    rows = []
    for name in by_effect(found, comparison):
        mine = [lines.get((name, method)) for method in methods]
        cells = [_instead(line) or verdict_text(line, field) if line else NO_FIGURE for line in mine]
        rows.append(TableRow([setting_name(comparison.others[name]), *cells], Key(name)))
    noise = {line.method: judged for line in found.noise if (judged := line.verdicts.get(field))}
    floors = [max(1 + comparison.within, noise[name].ratio.reach) if name in noise else 0 for name in methods]
    rows.append(TableRow(["(noise)", *(f"±{floor - 1:.1%}" if floor else NO_FIGURE for floor in floors)]))
    title = f"{format_size(size_bytes)}: {FIELD_NAMES[field]} of {found.base}, one setting reset"
    columns = [Key(method=method) for method in methods]
    return Table(title, ["", *methods], rows, Key(size_bytes=size_bytes), columns, wordy=True)


def comparison_notes(found: Found, within: float | None) -> list[str]:
    """Return what a reader must know of the tables' intervals."""
    notes = list(found.reasons)
    widths = [
        (judged.ratio.half_width, f"{found.label_in_full(line.name)} {line.method}")
        for line in found.lines
        if (judged := line.verdicts.get(SECONDS))
    ]
    if wide := [pair for pair in widths if within is not None and pair[0] > within]:
        width, cell = max(wide)
        notes.append(
            f"{len(wide)} of {len(widths)} intervals of speed are wider than ±{within:.0%}, up to "
            f"±{width:.1%} ({cell}): more --minutes or --rounds help."
        )
    noise = [(line, judged) for line in found.noise if (judged := line.verdicts.get(SECONDS))]
    for line, judged in noise:
        if judged.word is not Word.SAME:
            ratio = ratio_text(judged.ratio)
            notes.append(
                f"{found.label_in_full(line.name)} differs from itself: {line.method} {ratio}; "
                "smaller effects cannot be seen."
            )
    if widths and not noise:
        notes.append("The noise is not known, so a verdict says only that these rounds differ.")
    if any(judged is None for line in found.lines for judged in line.verdicts.values()):
        notes.append("A verdict needs 6 rounds, or 4 in each of two runs: more --rounds or --minutes.")
    return notes


def setting_differences(differs: Mapping[str, Sequence[str]], base: str) -> dict[str, list[str]]:
    """Return the settings in which each differs from the base, below a title that says so."""
    return {f"{name}, differences from {base}": list(lines) or ["none"] for name, lines in differs.items()}


def by_effect(found: Found, comparison: Comparison) -> list[str]:
    """Return the names of those compared with the base, those that make the most difference first."""
    weights = dict.fromkeys(comparison.others, 0.0)
    for line in found.lines:
        weights[line.name] = max(weights[line.name], _weight(line))
    return sorted(weights, key=lambda name: -weights[name])


def _weight(line: ComparedCell) -> float:
    """Return how much a line matters: most if uploads are lost, nothing if there is no difference."""
    if line.instead and not line.base_instead:
        return float("inf")
    judged = line.verdicts.get(SECONDS)
    return max(judged.ratio.value, 1 / judged.ratio.value) if judged and judged.word is not Word.SAME else 0.0


def setting_name(changed: Sequence[str]) -> str:
    """Return ``without listen = 1024``; ``with ...`` for a setting that only the plain config has."""
    lost = next((line[2:] for line in changed if line.startswith("-")), "")
    return f"without {lost}" if lost else f"with {changed[0][2:]}"


def _instead(line: ComparedCell) -> str:
    """Return what stands in place of verdicts where an upload failed, else nothing."""
    base = f"the base: {line.base_instead}" if line.base_instead else ""
    if line.instead:
        return Bad(f"{line.instead}, {base}" if base else line.instead)
    return base and f"ok, {base}"


def verdict_text(line: ComparedCell, field: str) -> str:
    """Return ``faster 1.42x [1.36, 1.49]``; of memory ``more 1.42x``, so that a row fits into 80 columns."""
    if field not in line.verdicts:
        return NO_FIGURE
    judged = line.verdicts[field]
    if judged is None:
        return "too few rounds"
    if field == MEMORY:
        word = "" if judged.word is Word.SAME else f"{judged.word} "
        return word + _factor(judged.ratio.value)
    word = FASTER[judged.word] if field == SECONDS else judged.word
    return f"{word} {ratio_text(judged.ratio)}"


def ratio_text(ratio: Interval) -> str:
    """Return ``1.42x [1.36, 1.49]``."""
    return f"{_factor(ratio.value)} {between(ratio.low, ratio.high)}"


def _factor(value: float) -> str:
    return f"{times(value)}x"


def comparison_bars(found: Found, comparison: Comparison) -> list[Bars]:
    """Return a picture for each size, of speed and of CPU seconds, as far as they were measured."""
    pictures = [
        _picture(found.of_size(size_bytes), size_bytes, comparison, field)
        for size_bytes in found.sizes
        for field in FIELD_NAMES
    ]
    return [bars for bars in pictures if bars.rows]


def _picture(found: Found, size_bytes: int, comparison: Comparison, field: str) -> Bars:
    """Return the ratios of all lines on one logarithmic axis that is as wide on both sides of 1."""
    lines = list(found.lines)
    if comparison.ablation:
        order = by_effect(found, comparison)
        lines.sort(key=lambda line: order.index(line.name))
    known = [judged for line in lines if (judged := line.verdicts.get(field))]
    widest = max([1.05, *(max(judged.ratio.reach, judged.floor) for judged in known)])
    more, less = ("faster", "slower") if field == SECONDS else ("more", "less")
    bars = [_bar(found, line, field, comparison, widest) for line in lines]
    base = found.label(found.base)
    return Bars(
        f"{format_size(size_bytes)}: {FIELD_NAMES[field]}, against {found.label_in_full(found.base)}",
        f"{less} than {base}",
        f"{more} than {base}",
        [(f"{tick:g}x", _place(tick, widest)) for tick in _ticks(widest)],
        sorted(filter(None, bars), key=lambda bar: bar.tone != "lost"),
    )


def _bar(found: Found, line: ComparedCell, field: str, comparison: Comparison, widest: float) -> Bar | None:
    """Return the bar of a verdict; what stands in its place where uploads failed, once, at the speed."""
    key = Key(line.name, line.method, line.size_bytes)
    label = found.label(line.name)
    name = setting_name(comparison.others[line.name]) if comparison.ablation else label
    if instead := field == SECONDS and _instead(line):
        return Bar(key, name, line.method, instead, "lost" if line.instead else "saved")
    if not (judged := line.verdicts.get(field)):
        return None
    better = Word.MORE if field == SECONDS else Word.LESS
    tone = "same" if judged.word is Word.SAME else "better" if judged.word is better else "worse"
    ends = judged.ratio.low, judged.ratio.value, judged.ratio.high
    low, value, high = (_place(ratio, widest) for ratio in ends)
    noise = _place(1 / judged.floor, widest), _place(judged.floor, widest)
    return Bar(key, name, line.method, verdict_text(line, field), tone, low, value, high, noise)


def _place(ratio: float, widest: float) -> float:
    """Return percent of the axis, which goes from 1/widest to widest."""
    return round(50 * (1 + log2(ratio) / log2(widest)), 2)


def _ticks(widest: float) -> list[float]:
    """Return powers of two, or round steps where these are too coarse; 1 is always a tick."""
    powers = floor(log2(widest))
    if powers >= 1:
        every = ceil(2 * powers / (TICKS - 1))
        return [2.0**power for power in range(-powers, powers + 1) if power % every == 0]
    step = next(step for step in (0.02, 0.05, 0.1, 0.25) if (widest - 1 / widest) / step < TICKS)
    count = floor((widest - 1) / step)
    ticks = [round(1 + step * number, 2) for number in range(-count, count + 1)]
    return [tick for tick in ticks if tick >= 1 / widest]
