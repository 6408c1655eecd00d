"""What has to be installed for requirements, as near to the lock files as they allow.

Needs Python's own library and pip alone: see folders.py.
"""

import importlib
import importlib.metadata
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from uploadlab.processes.groups import Processes
from uploadlab.versions.pip_runs import PipConflict, run_pip
from uploadlab.versions.reasons import constrained
from uploadlab.versions.requirements import DIRECT, canonical, package_of, pinned, pins

NOT_LOADED = {"locust"}
"""Of the lock files, what no upload loads: it need not go with what is changed."""
ABSENT = "0.dev0"
"""The version of what is not there: no requirement takes one so old."""
TRIES = 4
"""As often pip is asked again, each time with fewer pins of the lock files."""


class Wanted(NamedTuple):
    """A package that pip would install."""

    name: str
    version: str
    source: str
    """What pip installs it from: a requirement, or an address."""


class Installed(NamedTuple):
    """A package of the environment that a folder stands before."""

    version: str
    needs: list[str]
    """Its requirements, as its metadata has them."""


def installed_packages(environment: Path | None) -> dict[str, Installed]:
    """Return the packages in a folder, by default in this Python's environment, by their canonical names."""
    path = [str(environment)] if environment else sys.path
    return {
        canonical(found.name): Installed(found.version, found.requires or [])
        for found in importlib.metadata.distributions(path=path)
    }


def resolved(
    words: Sequence[str],
    locks: Sequence[Path],
    here: Mapping[str, Installed],
    work: Path,
    processes: Processes,
) -> list[Wanted]:
    """Return what has to be installed for these words; raise LabError with pip's reason.

    Locked packages that do not go with what is changed are free to change with it.
    """
    changed = {canonical(package_of(word)): pinned(word) for word in words}
    locked = {name: pin for name, pin in pins(locks).items() if name not in changed}
    beside, freed = _dependents(changed, locked, here)
    for left in reversed(range(TRIES)):
        kept = {name: pin for name, pin in locked.items() if name not in freed}
        try:
            found = _ask(words, sorted(beside), kept if left else {}, work, processes)
            return [package for package in found if _differs(package, here)]
        except PipConflict as conflict:
            more = {canonical(name) for name in constrained(conflict.said)} - freed
            if not left or not more:
                raise
            freed |= more
    raise AssertionError  # the last try returns or raises


def are_here(words: Sequence[str], here: Mapping[str, Installed]) -> bool:
    """Return whether each of these is here in the very version that it pins."""
    if any(map(DIRECT.search, words)):
        return False
    changed = {canonical(package_of(word)): pinned(word) for word in words}
    return all(name in here and here[name].version == pin for name, pin in changed.items())


def go_alone(words: Sequence[str], locks: Sequence[Path], here: Mapping[str, Installed]) -> bool:
    """Return whether no locked package has to change with these, as far as the lock files can tell.

    What the changed packages themselves need, only their metadata says: see ``complete``.
    """
    changed = {canonical(package_of(word)): pinned(word) for word in words}
    locked = {name: pin for name, pin in pins(locks).items() if name not in changed}
    return all(changed.values()) and not any(_dependents(changed, locked, here))


def complete(folder: Path, here: Mapping[str, Installed]) -> dict[str, str] | None:
    """Return the versions in a folder; None if a package there needs what is neither there nor here."""
    mine = installed_packages(folder)
    both = {**here, **mine}
    for found in mine.values():
        for need in found.needs:
            needed = canonical(package_of(need))
            if not _admits(need, both[needed].version if needed in both else ABSENT):
                return None
    return {name: found.version for name, found in mine.items()}


def _differs(package: Wanted, here: Mapping[str, Installed]) -> bool:
    return (
        "://" in package.source or package.name not in here or here[package.name].version != package.version
    )


def _dependents(
    changed: Mapping[str, str], locked: Mapping[str, str], here: Mapping[str, Installed]
) -> tuple[set[str], set[str]]:
    """Return the locked packages that need what is changed, and those of them that cannot stay as they are.

    Whether one can stay is known where a version is pinned: if it can, it is in neither.
    """
    beside: set[str] = set()
    freed: set[str] = set()
    fresh = dict(changed)
    while fresh:
        following = {}
        for name in (locked.keys() & here.keys()) - beside - NOT_LOADED:
            for need in here[name].needs:
                needed = canonical(package_of(need))
                if needed in fresh and not (can := _admits(need, fresh[needed])):
                    following[name] = ""
                    freed |= {name} if can is False else set()
        beside |= following.keys()
        fresh = following
    return beside, freed


def _admits(need: str, version: str) -> bool | None:
    """Return whether a requirement takes a version, or does not apply here; None where that is not known."""
    if not version:
        return None
    packaging = importlib.import_module("pip._vendor.packaging.requirements")
    requirement = packaging.Requirement(need)
    if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
        return True
    return version != ABSENT and bool(requirement.specifier.contains(version, prereleases=True))


def _ask(
    words: Sequence[str],
    beside: Iterable[str],
    constraints: Mapping[str, str],
    work: Path,
    processes: Processes,
) -> list[Wanted]:
    """Return all that pip would install into an empty environment; raise LabError with its reason."""
    constraint_file, report = work / "constraints.txt", work / "report.json"
    constraint_file.write_text("".join(f"{name}=={pin}\n" for name, pin in constraints.items()))
    run_pip(
        [
            "install", "--dry-run", "--ignore-installed", "--progress-bar", "off", "--report", str(report),
            "--constraint", str(constraint_file), *words, *beside,
        ],
        words, work, processes,
    )  # fmt: skip
    found = []
    for item in json.loads(report.read_text())["install"]:
        name, version = canonical(item["metadata"]["name"]), item["metadata"]["version"]
        direct = f"{name} @ {item['download_info']['url']}" if item["is_direct"] else ""
        found.append(Wanted(name, version, direct or f"{name}=={version}"))
    return found
