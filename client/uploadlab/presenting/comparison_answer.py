"""What a comparison shows, in a title and a sentence for each outcome."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from uploadlab.analysis.comparison import CPU, SECONDS, ComparedCell, Found
from uploadlab.analysis.significance import Word
from uploadlab.model.comparison import Comparison
from uploadlab.presenting.comparison import ratio_text, setting_name
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import counted, few, grouped

MOST_LINES = 4
"""Of a diff; all are listed in the report."""
COMMENTS = ("#", ";")


class Effect(StrEnum):
    """What happens to an upload with another config, the worst first."""

    BREAKS = "Breaks"
    FIXES = "Fixes"
    SLOWER = "Slower"
    FASTER = "Faster"
    MORE_CPU = "More CPU"
    LESS_CPU = "Less CPU"
    UNKNOWN = "Not judged"
    SAME = "No difference"


TONES = {Effect.BREAKS: "bad", Effect.FIXES: "good", Effect.SLOWER: "warn", Effect.FASTER: "good"}
WORDS = {
    Effect.BREAKS: "breaks",
    Effect.FIXES: "fixes",
    Effect.SLOWER: "is slower with",
    Effect.FASTER: "is faster with",
    Effect.MORE_CPU: "uses more CPU with",
    Effect.LESS_CPU: "uses less CPU with",
}


ENDS = {
    Effect.BREAKS: ("breaks uploads", "break uploads"),
    Effect.FIXES: ("fixes uploads", "fix uploads"),
    Effect.SLOWER: ("is slower than {base}", "are slower than {base}"),
    Effect.FASTER: ("is faster than {base}", "are faster than {base}"),
}
"""What one deployment does, and what several do."""


def comparison_title(found: Found, comparison: Comparison | None) -> str:
    """Return the main result: what each of the others does to the base's uploads, the worst first."""
    names = list(dict.fromkeys(line.name for line in found.lines))
    outcomes = {name: [outcome_of(line) for line in found.lines if line.name == name] for name in names}
    if comparison and comparison.ablation:
        mattering = [name for name in names if any(outcome in WORDS for outcome in outcomes[name])]
        return f"{len(mattering)} of {counted(len(names), 'setting')} of {found.base} make a difference"
    if len(names) == 1:
        return f"{names[0]} {_in_short(found.lines)} against {found.base}"
    parts = []
    for outcome, (does, do) in ENDS.items():
        if those := [name for name in names if outcome in outcomes[name]]:
            verb = (does if len(those) == 1 else do).format(base=found.base)
            parts.append(f"{few(those, 2)} {verb}")
    if outcomes and all(set(those) == {Effect.UNKNOWN} for those in outcomes.values()):
        return f"Nothing can be judged against {found.base}"
    return "; ".join(parts) or f"No clear difference between {found.base} and {len(names)} others"


def _in_short(lines: Sequence[ComparedCell]) -> str:
    groups = grouped((outcome_of(line), line.method) for line in lines)
    texts = [f"{WORDS[outcome]} {few(groups[outcome], 2)}" for outcome in WORDS if outcome in groups]
    return " and ".join(texts[:2]) or "shows no clear difference"


def comparison_statements(
    found: Found, comparison: Comparison | None, differs: Mapping[str, Sequence[str]]
) -> list[Statement]:
    """Return a sentence for each outcome and deployment, with the lines of the diff beside it.

    ``differs`` has the settings that differ from the base's, by deployment.
    """
    ablation = comparison.others if comparison and comparison.ablation else {}
    groups = grouped(((outcome_of(line), line.name), line) for line in found.lines)
    statements = []
    for outcome in Effect:
        names = [name for what, name in groups if what is outcome]
        if outcome is Effect.UNKNOWN and ablation and names:
            text = few((_named(name, ablation) for name in names), 3)
            statements.append(
                Statement(str(outcome), f"{text}: the base or the copy fails, or too few rounds")
            )
            continue
        if outcome is Effect.SAME and names:
            text = few((_named(name, ablation) for name in names), 6)
            if not ablation:
                text = "; ".join(
                    f"{name}: {few(line.method for line in groups[outcome, name])}" for name in names
                )
            statements.append(Statement("No difference", text))
            continue
        alike = grouped(
            (few((_effect(line, outcome) for line in groups[outcome, name]), 4), _named(name, ablation))
            for name in names
        )
        for effect, those in alike.items():
            statements.append(Statement(str(outcome), f"{few(those)}: {effect}", TONES.get(outcome, "")))
    if not ablation:
        compared = {line.name for line in found.lines}
        texts = {name: _because(lines) for name, lines in differs.items() if name in compared}
        statements += [Statement("Settings", f"{name}: {text}") for name, text in texts.items() if text]
    return statements


def _named(name: str, ablation: Mapping[str, Sequence[str]]) -> str:
    return setting_name(ablation[name]) if name in ablation else name


def _because(lines: Sequence[str]) -> str:
    """Return the first lines of a diff that are settings: one of them is the cause."""
    return few((line for line in lines if line[1:].strip() and line[2:3] not in COMMENTS), MOST_LINES)


def outcome_of(line: ComparedCell) -> Effect:
    """Return what a reader must know first of a cell."""
    if line.instead and not line.base_instead:
        return Effect.BREAKS
    if line.base_instead and not line.instead:
        return Effect.FIXES
    speed, cpu = (line.verdicts.get(field) for field in (SECONDS, CPU))
    if speed and speed.word is not Word.SAME:
        return Effect.FASTER if speed.word is Word.MORE else Effect.SLOWER
    if cpu and cpu.word is not Word.SAME:
        return Effect.MORE_CPU if cpu.word is Word.MORE else Effect.LESS_CPU
    return Effect.SAME if speed else Effect.UNKNOWN


def _effect(line: ComparedCell, outcome: Effect) -> str:
    """Return the method with what happened: ``request.stream 1.42x [1.36, 1.49]``."""
    if outcome is Effect.BREAKS:
        return f"{line.method} ({line.instead})"
    if outcome is Effect.FIXES:
        return f"{line.method} (base: {line.base_instead})"
    if outcome is Effect.UNKNOWN:
        return f"{line.method} ({line.instead or 'too few rounds'})"
    judged = line.verdicts.get(SECONDS if outcome in (Effect.SLOWER, Effect.FASTER) else CPU)
    return f"{line.method} {ratio_text(judged.ratio)}" if judged else line.method


def difference_statements(differs: Mapping[str, Sequence[str]]) -> list[Statement]:
    """Return what changed between two runs: the lines of each config and version that differs."""
    if not differs:
        return [Statement("Settings", "the same in both runs")]
    return [
        Statement("Changed", f"{name}: {few((line for line in lines if line), MOST_LINES)}")
        for name, lines in differs.items()
    ]
