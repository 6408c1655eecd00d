"""What a comparison shows, in a title and a sentence for each outcome."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from uploadlab.analysis.comparison import CPU, SECONDS, ComparedCell, Found
from uploadlab.analysis.significance import Word
from uploadlab.model.comparison import Comparison
from uploadlab.presenting.comparison import ratio_text, setting_name
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import counted, few, grouped

MOST_LINES = 3
"""Of a diff, beside the sentence; more are in the table of settings."""


class Outcome(StrEnum):
    """What became of an upload with another config, the worst first."""

    BREAKS = "Breaks"
    FIXES = "Fixes"
    SLOWER = "Slower"
    FASTER = "Faster"
    MORE_CPU = "More CPU"
    LESS_CPU = "Less CPU"
    UNKNOWN = "Not judged"
    SAME = "No difference"


TONES = {Outcome.BREAKS: "bad", Outcome.FIXES: "good", Outcome.SLOWER: "warn", Outcome.FASTER: "good"}
WORDS = {
    Outcome.BREAKS: "breaks",
    Outcome.FIXES: "fixes",
    Outcome.SLOWER: "is slower with",
    Outcome.FASTER: "is faster with",
    Outcome.MORE_CPU: "uses more CPU with",
    Outcome.LESS_CPU: "uses less CPU with",
}


def comparison_title(found: Found, comparison: Comparison | None) -> str:
    """Return the main result: what each of the others does to the base's uploads, the worst first."""
    names = list(dict.fromkeys(line.name for line in found.lines))
    outcomes = {name: [_outcome(line) for line in found.lines if line.name == name] for name in names}
    if comparison and comparison.ablation:
        mattering = [name for name in names if any(outcome in WORDS for outcome in outcomes[name])]
        return f"{len(mattering)} of {counted(len(names), 'setting')} of {found.base} make a difference"
    if len(names) == 1:
        return f"{names[0]} {_in_short(found.lines)} against {found.base}"
    better = [name for name in names if Outcome.FASTER in outcomes[name]]
    broken = [name for name in names if Outcome.BREAKS in outcomes[name]]
    parts = [f"{few(broken)} break uploads"] if broken else []
    parts.append(f"{len(better)} of {len(names)} are faster than {found.base}")
    return "; ".join(parts)


def _in_short(lines: Sequence[ComparedCell]) -> str:
    groups = grouped((_outcome(line), line.method) for line in lines)
    texts = [f"{WORDS[outcome]} {few(groups[outcome], 2)}" for outcome in WORDS if outcome in groups]
    return " and ".join(texts[:2]) or "shows no clear difference"


def comparison_statements(
    found: Found, comparison: Comparison | None, differs: Mapping[str, Sequence[str]]
) -> list[Statement]:
    """Return a sentence for each outcome and deployment, with the lines of the diff beside it.

    ``differs`` has the settings that differ from the base's, by deployment.
    """
    ablation = comparison.others if comparison and comparison.ablation else {}
    groups = grouped(((_outcome(line), line.name), line) for line in found.lines)
    statements = []
    for outcome in Outcome:
        names = [name for what, name in groups if what is outcome]
        if outcome is Outcome.SAME and names:
            text = few((_named(name, ablation) for name in names), 6)
            if not ablation:
                text = "; ".join(
                    f"{name}: {few(line.method for line in groups[outcome, name])}" for name in names
                )
            statements.append(Statement("No difference", text))
            continue
        for name in names:
            lines = groups[outcome, name]
            text = f"{_named(name, ablation)}: {few((_effect(line, outcome) for line in lines), 4)}"
            more = "" if ablation else _because(differs.get(name, []))
            statements.append(Statement(str(outcome), text, TONES.get(outcome, ""), more))
    return statements


def _named(name: str, ablation: Mapping[str, Sequence[str]]) -> str:
    return setting_name(ablation[name]) if name in ablation else name


def _because(lines: Sequence[str]) -> str:
    changed = [line for line in lines if line[1:].strip()]
    if not changed:
        return ""
    if len(changed) <= MOST_LINES:
        return f"The configs differ in: {'; '.join(changed)}."
    return f"The configs differ in {len(changed)} lines, below; lab ablate shows which of them does it."


def _outcome(line: ComparedCell) -> Outcome:
    """Return what a reader must know first of a cell."""
    if line.instead and not line.base_instead:
        return Outcome.BREAKS
    if line.base_instead and not line.instead:
        return Outcome.FIXES
    speed, cpu = (line.verdicts.get(field) for field in (SECONDS, CPU))
    if speed and speed.word is not Word.SAME:
        return Outcome.FASTER if speed.word is Word.MORE else Outcome.SLOWER
    if cpu and cpu.word is not Word.SAME:
        return Outcome.MORE_CPU if cpu.word is Word.MORE else Outcome.LESS_CPU
    return Outcome.SAME if speed else Outcome.UNKNOWN


def _effect(line: ComparedCell, outcome: Outcome) -> str:
    """Return the method with what happened: ``request.stream 1.42x [1.36, 1.49]``."""
    if outcome is Outcome.BREAKS:
        return f"{line.method} ({line.instead})"
    if outcome is Outcome.FIXES:
        return f"{line.method} (base: {line.base_instead})"
    if outcome is Outcome.UNKNOWN:
        return f"{line.method} ({line.instead or 'too few rounds'})"
    judged = line.verdicts.get(SECONDS if outcome in (Outcome.SLOWER, Outcome.FASTER) else CPU)
    return f"{line.method} {ratio_text(judged.ratio)}" if judged else line.method
