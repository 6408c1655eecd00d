"""The package folders that the deployments of a run load, made before anything starts."""

from collections.abc import Callable, Iterable
from pathlib import Path

from uploadlab.errors import LabError
from uploadlab.model.comparison import Comparison
from uploadlab.model.deployments import Deployment
from uploadlab.processes.groups import Processes
from uploadlab.versions.folders import make_package_folder
from uploadlab.versions.locks import server_locks


def folders_of_deployments(
    deployments: Iterable[Deployment],
    compared: Comparison | None,
    processes: Processes,
    note: Callable[[str], object],
) -> dict[str, Path | str]:
    """Return the folders by the deployments' names, or why there is none; make those that are not there yet.

    In a comparison, a side that pip cannot install is a problem of its own as long as others are left to
    compare. Else raise LabError with pip's reason.
    """
    folders: dict[str, Path | str] = {}
    made: dict[tuple[str, ...], Path | LabError] = {}
    for deployment in deployments:
        words = tuple(deployment.packages)
        if not words:
            continue
        if words not in made:
            try:
                folder = make_package_folder(words, server_locks(), processes)
                text = ", ".join(f"{name} {version}" for name, version in folder.versions.items())
                note(f"{', '.join(words)}: {text or 'what the lock files have'}.")
                made[words] = folder.path
            except LabError as error:
                made[words] = error
        found = made[words]
        folders[deployment.name] = found if isinstance(found, Path) else str(found)
        if not isinstance(found, Path):
            _require_others(compared, {name for name, why in folders.items() if isinstance(why, str)}, found)
    return folders


def _require_others(compared: Comparison | None, broken: set[str], error: LabError) -> None:
    """Raise the error unless each group has its base, and another to compare with it."""
    for group in compared.groups if compared else []:
        if group.base in broken or all(name in broken for name in group.others):
            raise error
    if not compared:
        raise error
