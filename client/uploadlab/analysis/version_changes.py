"""What the sides of a comparison of versions loaded, as the running servers and the client said. Pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from uploadlab.analysis.comparison import Found
from uploadlab.model.runs import Run

ANSWERED_AS = "answered as"
"""What is no version in ``run.versions``: the header Server."""


class VersionChange(NamedTuple):
    """A package that two sides loaded in different versions."""

    base: str
    """The deployments."""
    name: str
    package: str
    before: str
    after: str
    came_along: bool
    """Whether neither side names it: then its change is one more beside the one that was asked for."""


def version_changes(run: Run, found: Found) -> list[VersionChange]:
    """Return each package that a side of this group loaded in another version than the base."""
    changes = []
    before = run.versions.get(found.base, {})
    for name in dict.fromkeys(line.name for line in found.lines):
        if name not in found.sides:
            continue
        asked = {*found.sides[name].packages, *found.sides[found.base].packages}
        after = run.versions.get(name, {})
        changes += [
            VersionChange(
                found.base, name, package, before[package], version, _canonical(package) not in asked
            )
            for package, version in after.items()
            if package != ANSWERED_AS and before.get(package, version) != version
        ]
    return changes


def not_loaded(run: Run, found: Found) -> list[str]:
    """Return the packages that the sides name and no server of this group said that it loaded."""
    loaded = {name: run.versions[name] for name in found.sides if run.versions.get(name)}
    seen = {_canonical(package) for versions in loaded.values() for package in versions}
    asked = dict.fromkeys(package for name in loaded for package in found.sides[name].packages)
    return [package for package in asked if package not in seen]


def shared_versions(changes: Iterable[VersionChange]) -> dict[str, str]:
    """Return a version of each package that came along which both sides are likely to take: the oldest.

    Packages forbid versions older than what they know of, and rarely the newer ones.
    """
    versions: dict[str, set[str]] = {}
    for change in changes:
        if change.came_along:
            versions.setdefault(_canonical(change.package), set()).update((change.before, change.after))
    return {package: min(those, key=_order) for package, those in versions.items()}


def _order(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", version)]


def _canonical(name: str) -> str:
    """Return the name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
