"""Whether two stored runs can be compared, and what they were measured with. Pure."""

import difflib
from itertools import islice

from uploadlab.model.runs import Run

MOST_LINES = 1000
"""Of two configs that are compared, ten times as many as two of the lab's have."""
MOST_TEXTS = 500
"""That are compared: a run has a config or two for each deployment."""


def unlike_runs(before: Run, after: Run) -> str:
    """Return why the figures of two runs are not comparable; empty if they are."""
    if before.runtime != after.runtime:
        return f"{before.id} is of runtime {before.runtime}, {after.id} of {after.runtime}"
    names = before.host.__struct_fields__
    differs = [name for name in names if getattr(before.host, name) != getattr(after.host, name)]
    return f"{before.id} and {after.id} are of different hosts ({', '.join(differs)})" if differs else ""


def changed_settings(before: Run, after: Run) -> dict[str, list[str]]:
    """Return the lines of a diff for each config and each deployment's versions that changed between runs."""
    old, new = ({**run.configs, **_versions(run)} for run in (before, after))
    differ = [name for name in {**old, **new} if old.get(name) != new.get(name)][:MOST_TEXTS]
    changed = {name: _diff(old.get(name, ""), new.get(name, "")) for name in differ}
    return {name: lines for name, lines in changed.items() if lines}


def _versions(run: Run) -> dict[str, str]:
    return {
        f"versions of {name}": "\n".join(f"{program} {version}" for program, version in versions.items())
        for name, versions in run.versions.items()
    }


def _diff(before: str, after: str) -> list[str]:
    if before == after:
        return []
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) > MOST_LINES:
        return [f"- {len(old)} lines", f"+ {len(new)} other lines, too many to compare"]
    # Not ndiff, which looks for similar lines: of a few hundred it would take minutes.
    lines = islice(difflib.unified_diff(old, new, n=0, lineterm=""), 2, None)
    return [f"{line[0]} {line[1:]}" for line in lines if line.startswith(("+", "-"))]
