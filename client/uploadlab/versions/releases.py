"""The releases of a package that an index has, and that a requirement takes."""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

from uploadlab.errors import LabError, UsageError
from uploadlab.processes.groups import Processes
from uploadlab.versions.pip_runs import run_pip
from uploadlab.versions.requirements import package_of

MOST_RELEASES = 15
AVAILABLE = re.compile(r"^Available versions: (.+)$", re.MULTILINE)


class Releases:
    """What fits a requirement, the newest first."""

    def __init__(self, fitting: Sequence[str], left_out: Sequence[str]) -> None:
        self.fitting, self.left_out = list(fitting), list(left_out)


def releases_of(requirement: str, work: Path, processes: Processes) -> Releases:
    """Return the newest releases that fit, and those over the bound; raise LabError if there is none.

    Releases that need another Python are not among them, and no pre-releases, unless the requirement has one.
    """
    name = package_of(requirement)
    said = run_pip(["index", "versions", name, "--pre"], [name], work, processes)
    found = AVAILABLE.search(said)
    if not found:
        raise LabError(
            f"--versions {requirement}: pip lists no versions of {name}; is this pip older than 21.2?"
        )
    versions = found[1].split(", ")
    fitting = _newest_first(requirement, versions)
    if not fitting:
        newest = ", ".join(versions[:3])
        raise UsageError(f"--versions {requirement}: no release fits; the newest are {newest}")
    return Releases(fitting[:MOST_RELEASES], fitting[MOST_RELEASES:])


def _newest_first(requirement: str, versions: Sequence[str]) -> list[str]:
    packaging = importlib.import_module("pip._vendor.packaging.requirements")
    numbers = importlib.import_module("pip._vendor.packaging.version")
    try:
        specifier = packaging.Requirement(requirement).specifier
    except packaging.InvalidRequirement:
        raise UsageError(f"--versions {requirement!r} is no requirement: write 'gunicorn>=23'") from None
    return sorted(specifier.filter(versions), key=numbers.Version, reverse=True)
