"""A comparison as text: for the terminal, the report, and documents."""

from collections.abc import Mapping, Sequence

from uploadlab.analysis.comparison import CPU, FIELDS, MEMORY, SECONDS, Found, Line
from uploadlab.analysis.significance import Interval, Word
from uploadlab.model.comparison import Comparison
from uploadlab.presenting.document import Table
from uploadlab.units import format_size

FASTER = {Word.MORE: "faster", Word.LESS: "slower", Word.SAME: "no difference"}


MORE = {word: str(word) for word in Word}


FIELD_NAMES = {SECONDS: "speed", CPU: "CPU seconds"}


WORDS = {SECONDS: FASTER, CPU: MORE, MEMORY: MORE}


HEADER = ["", "speed", "CPU seconds", "peak memory", "noise", "rounds"]


LEGEND = (
    "Ratios to {base}, with their 95% interval. Noise: as far as {base} differs from itself, and at least "
    "what intervals aim at; up to there a difference is none. docs/method.md has the rules."
)


def comparison_tables(found: Found, comparison: Comparison | None = None) -> list[Table]:
    """Of each size, the smallest first: methods below what is compared; of an ablation, settings."""
    tables = []
    for size_bytes in found.sizes:
        mine = found.of_size(size_bytes)
        if comparison and comparison.ablation:
            tables += [_ablated(mine, comparison, field) for field in (SECONDS, CPU)]
        else:
            tables.append(_table(mine))
    return tables


def comparison_notes(found: Found, within: float | None) -> list[str]:
    """What to know of the tables' intervals."""
    notes = list(found.reasons)
    judged_lines = [one for one in found.lines if one.verdicts.get(SECONDS)]
    wide = [one for one in judged_lines if within is not None and _half_width(one) > within]
    if wide:
        widest = max(wide, key=_half_width)
        notes.append(
            f"{len(wide)} of {len(judged_lines)} intervals of speed are wider than ±{within:.0%}, up to "
            f"±{_half_width(widest):.1%} ({widest.name} {widest.method}): more --minutes or --rounds help."
        )
    for one in found.noise:
        if (judged := one.verdicts.get(SECONDS)) and judged.word is not Word.SAME:
            ratio = _ratio(judged.ratio)
            notes.append(
                f"{one.name} differs from itself: {one.method} {ratio}; smaller effects cannot be told."
            )
    if judged_lines and not any(one.verdicts.get(SECONDS) for one in found.noise):
        notes.append("Nothing shows the noise, so a verdict says only that these rounds differ.")
    if any(judged is None for one in found.lines for judged in one.verdicts.values()):
        notes.append("A verdict needs 6 rounds, or 4 in each of two runs: more --rounds or --minutes.")
    return notes


def difference_lines(differs: Mapping[str, Sequence[str]], base: str) -> list[str]:
    """The settings of each that differ from the base's."""
    lines = []
    for name, changed in differs.items():
        lines += [f"{name}, what differs from {base}:", *(f"  {line}" for line in changed or ["nothing"])]
    return lines


def verdict_lines(found: Found, comparison: Comparison) -> list[str]:
    """A sentence for each of the others: its speed by each method. Settings that change nothing share one."""
    order = [name for name in by_effect(found, comparison) if _of(found.lines, name)]
    idle = [name for name in order if comparison.ablation and not any(map(_weight, _of(found.lines, name)))]
    lines = [_sentence(name, found, comparison) for name in order if name not in idle]
    if idle:
        lines.append(f"no difference: {', '.join(taken_back(comparison.others[name]) for name in idle)}")
    return lines


def _sentence(name: str, found: Found, comparison: Comparison) -> str:
    told: dict[str, list[str]] = {}
    for one in _of(found.lines, name):
        told.setdefault(_instead(one) or verdict(one, SECONDS), []).append(one.method)
    what = taken_back(comparison.others[name]) if comparison.ablation else name
    return f"{what}: {'; '.join(f'{text} by {_joined(by)}' for text, by in told.items())}"


def _joined(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _ablated(found: Found, comparison: Comparison, field: str) -> Table:
    """Settings down, those that matter most first; methods across."""
    methods = list(dict.fromkeys(one.method for one in [*found.noise, *found.lines]))
    names = by_effect(found, comparison)
    least = 1 + comparison.within
    noise = ["(noise)", *(_noise(found.noise, method, field, least) for method in methods)]
    rows = [
        [
            taken_back(comparison.others[name]),
            *(_effect(found.lines, name, method, field) for method in methods),
        ]
        for name in names
    ]
    size = format_size(found.sizes[0])
    title = f"{size}: {FIELD_NAMES[field]} of {found.base}, one setting taken back"
    return Table(title, ["", *methods], [*rows, noise])


def by_effect(found: Found, comparison: Comparison) -> list[str]:
    """The others, those that make the most difference first."""
    weight = {name: max(map(_weight, _of(found.lines, name)), default=0.0) for name in comparison.others}
    return sorted(comparison.others, key=lambda name: -weight[name])


def taken_back(changed: Sequence[str]) -> str:
    """``without listen = 1024``; of what only the plain config has, ``with ...``."""
    lost = next((line[2:] for line in changed if line.startswith("-")), "")
    return f"without {lost}" if lost else f"with {changed[0][2:]}"


def _effect(lines: Sequence[Line], name: str, method: str, field: str) -> str:
    one = next((one for one in _of(lines, name) if one.method == method), None)
    if one is None:
        return "-"
    return _instead(one) or verdict(one, field)


def _noise(noise: Sequence[Line], method: str, field: str, least: float) -> str:
    judged = next((one.verdicts.get(field) for one in noise if one.method == method), None)
    return f"±{max(least, judged.ratio.reach) - 1:.1%}" if judged else "-"


def _of(lines: Sequence[Line], name: str) -> list[Line]:
    return [one for one in lines if one.name == name]


def _weight(line: Line) -> float:
    """How much it matters: nothing if it makes no difference, most if uploads are lost."""
    if line.instead and not line.base_instead:
        return float("inf")
    judged = line.verdicts.get(SECONDS)
    return max(judged.ratio.value, 1 / judged.ratio.value) if judged and judged.word is not Word.SAME else 0.0


def _table(found: Found) -> Table:
    lines = [*found.noise, *found.lines]
    rows: list[list[str]] = []
    for name in dict.fromkeys(one.name for one in lines):
        rows += [[name] + [""] * (len(HEADER) - 1), *map(_row, _of(lines, name))]
    return Table(f"{format_size(lines[0].size_bytes)}: compared with {found.base}", HEADER, rows)


def _row(one: Line) -> list[str]:
    name = f"  {one.method}"
    if told := _instead(one):
        return [name, told, *["-"] * (len(HEADER) - 2)]
    speed, cpu, memory = (verdict(one, field) for field in FIELDS)
    memory = memory.partition(" [")[0].removeprefix(f"{Word.SAME} ")  # six columns are to fit into 80
    judged = one.verdicts.get(SECONDS)
    noise = f"±{judged.floor - 1:.1%}" if judged else "-"
    return [name, speed, cpu, memory, noise, str(one.rounds)]


def _instead(one: Line) -> str:
    """What stands in place of verdicts where an upload was not ok."""
    if one.instead and one.base_instead:
        return f"{one.instead}, the base: {one.base_instead}"
    return one.instead or (f"ok, the base: {one.base_instead}" if one.base_instead else "")


def verdict(one: Line, field: str) -> str:
    """``faster 1.42x [1.36, 1.49]``."""
    if field not in one.verdicts:
        return "-"
    judged = one.verdicts[field]
    return f"{WORDS[field][judged.word]} {_ratio(judged.ratio)}" if judged else "too few rounds"


def _ratio(ratio: Interval) -> str:
    """``1.42x [1.36, 1.49]``."""
    value, low, high = (f"{one:.2f}" if one >= 0.1 else f"{one:.2g}" for one in ratio)
    return f"{value}x [{low}, {high}]"


def _half_width(line: Line) -> float:
    judged = line.verdicts.get(SECONDS)
    return judged.ratio.half_width if judged else 0.0
