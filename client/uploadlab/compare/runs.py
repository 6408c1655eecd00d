"""Whether two stored runs can be compared, and what they were measured with. Pure."""

import difflib

from uploadlab.model import Run


def unlike_runs(before: Run, after: Run) -> str:
    """Why their figures are of different worlds; empty if they are not."""
    if before.runtime != after.runtime:
        return f"{before.id} is of runtime {before.runtime}, {after.id} of {after.runtime}"
    names = before.host.__struct_fields__
    differs = [name for name in names if getattr(before.host, name) != getattr(after.host, name)]
    return f"{before.id} and {after.id} are of different hosts ({', '.join(differs)})" if differs else ""


def changed_configs(before: Run, after: Run) -> dict[str, list[str]]:
    """By each config that changed between them, the lines of a diff."""
    return {
        name: changed
        for name, text in after.configs.items()
        if (changed := _diff(before.configs.get(name, ""), text))
    }


def _diff(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line.startswith(("+", "-"))]
