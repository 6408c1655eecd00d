"""What a comparison of versions shows: a title, and a sentence for each side on each deployment."""

from collections.abc import Iterable, Sequence

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
CLEAR = 0.1
"""Where a smaller difference than this could not be seen, the title does not say that there is none."""
MOST_METHODS = 4
VERBS = {SECONDS: "takes", CPU: "uses"}
DOES = {
    Effect.BREAKS: "breaks uploads",
    Effect.FIXES: "takes uploads that fail with {base}",
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
                short_base = _short_base(base, label)
                does = DOES[effect].format(base=short_base)
                blurred = max(_blurred(found, label) for found in groups)
                if effect is Effect.SAME and blurred > CLEAR:
                    does = f"shows no difference over {blurred:.0%} from {short_base}"
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
                told = _told(effect, those)
                text = f"{label} {told}" if told.startswith(tuple(VERBS.values())) else f"{label}: {told}"
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
    parts: list[str] = []
    for field, verb in VERBS.items():
        judged = line.verdicts.get(field)
        if judged and judged.word is not Word.SAME:
            cost = _cost(judged, field)
            verb = "" if parts else f"{verb} "
            parts.append(f"{verb}{_amount(cost)} {_direction(cost, field)} {_accuracy(judged)}")
    return " and ".join(parts)


def _cost(judged: Judged, field: str) -> float:
    """Return the ratio of what it takes: above 1 is worse."""
    return 1 / judged.ratio.value if field == SECONDS else judged.ratio.value


def _amount(cost: float) -> str:
    """Return how far a cost is from the base's: ``12%``, or ``3 times`` as much."""
    return times_text(cost) if cost >= LARGE else f"{abs(cost - 1):.0%}"


def _direction(cost: float, field: str) -> str:
    """Return what stands behind the amount."""
    if cost >= LARGE:
        return "as long" if field == SECONDS else "the CPU"
    more, less = ("longer", "less time") if field == SECONDS else ("more CPU", "less CPU")
    return more if cost > 1 else less


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
    elif len(lines) == 1:
        return f"{lines[0].method} {change_text(lines[0])}"
    else:
        return _told_together(lines, SECONDS if effect in (Effect.SLOWER, Effect.FASTER) else CPU)
    alike = grouped(zip(texts, methods, strict=True))
    return "; ".join(f"{few(those, MOST_METHODS)} ({text})" for text, those in alike.items())


def _told_together(lines: Sequence[ComparedCell], field: str) -> str:
    """Return several methods that changed alike: ``takes longer: A 12% (±3%), B 3 times (±2%); CPU ...``."""
    judged = {line.method: found for line in lines if (found := line.verdicts.get(field))}
    worse = any(_cost(found, field) > 1 for found in judged.values())
    head = ("takes longer" if worse else "takes less time") if field == SECONDS else ""
    head = head or f"uses {'more' if worse else 'less'} CPU"
    amounts = (f"{name} {_amount(_cost(found, field))} {_accuracy(found)}" for name, found in judged.items())
    text = f"{head}: {few(amounts, MOST_METHODS)}"
    costs = [
        found.ratio.value
        for line in lines
        if (found := line.verdicts.get(CPU)) and found.word is not Word.SAME
    ]
    if field == CPU or not costs or min(costs) < 1 < max(costs):
        return text
    ends = dict.fromkeys(_amount(cost) for cost in sorted(costs, key=lambda cost: abs(cost - 1)))
    return f"{text}; {' to '.join([*ends][:1] + [*ends][1:][-1:])} {_direction(min(costs), CPU)}"


def _explained(line: ComparedCell, why: str) -> ComparedCell:
    """Return a line with the reason why its deployment does not run, if that is so."""
    return (
        line._replace(instead=f"does not run: {why}") if line.instead == Status.UNAVAILABLE and why else line
    )


def _within(lines: Iterable[ComparedCell]) -> str:
    """Return how large a difference could have been overlooked, by speed and by CPU seconds."""
    shares = {"speed": _resolution(lines, SECONDS), "CPU": _resolution(lines, CPU)}
    return ", ".join(f"{word} within ±{share:.0%}" for word, share in shares.items() if share is not None)


def _resolution(lines: Iterable[ComparedCell], field: str) -> float | None:
    """Return the share that a difference must exceed to be seen in each of these lines, where it is known."""
    known = [judged.resolution for line in lines if (judged := line.verdicts.get(field))]
    return max(known, default=None)


def _blurred(found: Found, label: str) -> float:
    """Return the least difference that a side's lines show for sure, by speed or by CPU seconds."""
    lines = [line for line in found.lines if found.label(line.name) == label]
    shares = [_resolution(lines, SECONDS), _resolution(lines, CPU)]
    return min((share for share in shares if share is not None), default=0.0)


def _worst(found: Found, name: str) -> Effect:
    outcomes = [outcome_of(line) for line in found.lines if line.name == name]
    return min(outcomes, key=list(Effect).index)


def _short_base(base: str, label: str) -> str:
    """Return the base's label without the package's name where both have the same: ``3.0.1``."""
    (package, _, version), others = base.partition(" "), label.partition(" ")
    return version if version and package == others[0] and "," not in base + label else base
