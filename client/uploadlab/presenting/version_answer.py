"""What a comparison of versions shows: a title, and a sentence for each side on each deployment."""

from collections.abc import Iterable, Mapping, Sequence

from uploadlab.analysis.comparison import CPU, SECONDS, ComparedCell, Found
from uploadlab.analysis.significance import Judged, Word
from uploadlab.analysis.version_changes import not_loaded, shared_versions, version_changes
from uploadlab.model.measurements import Status
from uploadlab.model.runs import Run
from uploadlab.presenting.comparison_answer import TONES, Effect, outcome_of
from uploadlab.presenting.document import Statement
from uploadlab.presenting.figures import few, grouped, times_text

LARGE = 2.0
"""From this factor on, ``3 times`` says more than ``200%``."""
MOST_METHODS = 4
DOES = {
    Effect.BREAKS: "breaks uploads",
    Effect.FIXES: "fixes uploads that {base} loses",
    Effect.SLOWER: "is slower than {base}",
    Effect.FASTER: "is faster than {base}",
    Effect.MORE_CPU: "uses more CPU than {base}",
    Effect.LESS_CPU: "uses less CPU than {base}",
    Effect.UNKNOWN: "cannot be judged against {base}",
    Effect.SAME: "is no different from {base}",
}
"""What a side does, in the title; the worst of its methods decides."""


def version_title(groups: Sequence[Found]) -> str:
    """Return what each side does, and on which deployments: ``werkzeug 3.1.9 is no different ...``."""
    outcomes = grouped(
        ((found.label(found.base), found.label(name), _worst(found, name)), found.place)
        for found in groups
        for name in dict.fromkeys(line.name for line in found.lines)
    )
    unavailable = {
        found.label(line.name)
        for found in groups
        for line in found.lines
        if line.instead == Status.UNAVAILABLE
    }
    parts, last = [], ""
    for effect in Effect:
        for (base, label, outcome), places in outcomes.items():
            if outcome is effect:
                does = DOES[effect].format(base=_short_base(base, label))
                does = "does not run" if effect is Effect.BREAKS and label in unavailable else does
                parts.append(f"{'it' if label == last else label} {does} on {few(places, 2)}")
                last = label
    return "; ".join(parts) or "Nothing was compared"


def version_statements(run: Run, groups: Sequence[Found]) -> list[Statement]:
    """Return a sentence for each side on each deployment, then what else differs between the sides."""
    why = {target.name: target.unavailable for target in run.targets}
    lines = grouped(
        ((outcome_of(line), found.label_in_full(line.name)), _explained(line, why.get(line.name, "")))
        for found in groups
        for line in found.lines
    )
    statements = []
    for effect in Effect:
        for (outcome, label), those in lines.items():
            if outcome is effect:
                text = f"{label}: {_told(effect, those)}"
                statements.append(Statement(str(effect), text, TONES.get(effect, "")))
    return [*statements, *caution_statements(run, groups)]


def caution_statements(run: Run, groups: Sequence[Found]) -> list[Statement]:
    """Return what makes a result another one than it seems: packages that came along, or did not change."""
    changes = [
        (change, found) for found in groups for change in version_changes(run, found) if change.came_along
    ]
    shared = shared_versions(change for change, _ in changes)
    along = grouped(
        (
            f"{change.package} {change.before} -> {change.after} came along with {of.label(change.name)}",
            of.place,
        )
        for change, of in changes
    )
    add = ",".join(f"{name}=={version}" for name, version in shared.items())
    advice = f"to change one package alone, add ,{add} to each side"
    statements = [
        Statement("Caution", f"{text} on {few(places, 2)}: {advice}", "warn")
        for text, places in along.items()
    ]
    missing = grouped((package, found.place) for found in groups for package in not_loaded(run, found))
    statements += [
        Statement("Caution", f"{few(places)} did not load {package}: the sides are the same there", "warn")
        for package, places in missing.items()
    ]
    return statements


def version_differences(run: Run, groups: Sequence[Found]) -> dict[str, list[str]]:
    """Return what differs from the base for each side, below a title: requirements, and what was loaded."""
    differs = {}
    for found in groups:
        base = found.sides[found.base]
        for name in dict.fromkeys(line.name for line in found.lines):
            side = found.sides[name]
            lines = [f"- {word}" for word in base.words if word not in side.words]
            lines += [f"+ {word}" for word in side.words if word not in base.words]
            lines += [
                f"  {change.package} {change.before} -> {change.after}" + " (came along)" * change.came_along
                for change in version_changes(run, found)
                if change.name == name
            ]
            differs[f"{found.label_in_full(name)}, differences from {base.label}"] = lines or ["none"]
    return differs


def change_text(line: ComparedCell) -> str:
    """Return what a line shows: ``takes 12% longer (±3%) and 20% more CPU (±1%)``; empty: no difference."""
    speed, cpu = line.verdicts.get(SECONDS), line.verdicts.get(CPU)
    parts = []
    if speed and speed.word is not Word.SAME:
        parts.append(f"takes {_time(1 / speed.ratio.value)} {_accuracy(speed)}")
    if cpu and cpu.word is not Word.SAME:
        parts.append(f"{'' if parts else 'uses '}{_cpu(cpu.ratio.value)} {_accuracy(cpu)}")
    return " and ".join(parts)


def _time(ratio: float) -> str:
    """Return what a ratio of times is: ``12% longer``."""
    if ratio >= LARGE:
        return f"{times_text(ratio)} as long"
    return f"{ratio - 1:.0%} longer" if ratio > 1 else f"{1 - ratio:.0%} less time"


def _cpu(ratio: float) -> str:
    if ratio >= LARGE:
        return f"{times_text(ratio)} the CPU"
    return f"{ratio - 1:.0%} more CPU" if ratio > 1 else f"{1 - ratio:.0%} less CPU"


def _accuracy(judged: Judged) -> str:
    return f"(±{max(judged.ratio.half_width, 0.01):.0%})"


def _told(effect: Effect, lines: Sequence[ComparedCell]) -> str:
    """Return the methods of a side that had this outcome, with what happened to each."""
    methods = [line.method for line in lines]
    if effect is Effect.SAME:
        return f"{few(methods, MOST_METHODS)}, {_within(lines)}"
    if effect is Effect.BREAKS:
        texts = [line.instead for line in lines]
    elif effect is Effect.FIXES:
        texts = [f"ok, before: {line.base_instead}" for line in lines]
    elif effect is Effect.UNKNOWN:
        texts = [line.instead or "too few rounds" for line in lines]
    else:
        return few((f"{line.method} {change_text(line)}" for line in lines), MOST_METHODS)
    alike = grouped(zip(texts, methods, strict=True))
    return "; ".join(f"{few(those, MOST_METHODS)} ({text})" for text, those in alike.items())


def _explained(line: ComparedCell, why: str) -> ComparedCell:
    """Return a line with the reason why its deployment does not run, if that is so."""
    return (
        line._replace(instead=f"does not run: {why}") if line.instead == Status.UNAVAILABLE and why else line
    )


def _within(lines: Iterable[ComparedCell]) -> str:
    """Return how large a difference could have been overlooked, by speed and by CPU seconds."""
    seen: Mapping[str, list[float]] = {
        word: [judged.resolution for line in lines if (judged := line.verdicts.get(field))]
        for field, word in ((SECONDS, "speed"), (CPU, "CPU"))
    }
    return ", ".join(f"{word} within ±{max(shares):.0%}" for word, shares in seen.items() if shares)


def _worst(found: Found, name: str) -> Effect:
    outcomes = [outcome_of(line) for line in found.lines if line.name == name]
    return min(outcomes, key=list(Effect).index)


def _short_base(base: str, label: str) -> str:
    """Return the base's label without the package's name where both have the same: ``3.0.1``."""
    (package, _, version), others = base.partition(" "), label.partition(" ")
    return version if version and package == others[0] and "," not in base + label else base
