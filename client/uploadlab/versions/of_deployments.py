"""The package folders that the deployments of a run load, made before anything starts."""

from collections.abc import Collection, Iterable
from pathlib import Path

from uploadlab.errors import LabError
from uploadlab.model.comparison import Comparison
from uploadlab.model.deployments import Deployment
from uploadlab.versions.folders import PackageFolder
from uploadlab.versions.locks import server_locks
from uploadlab.versions.making import FolderMaker, WantedFolder


def folders_of_deployments(
    deployments: Iterable[Deployment], compared: Comparison | None, each_counts: bool, maker: FolderMaker
) -> dict[str, Path | str]:
    """Return the folders by the deployments' names, or why there is none; make those that are not there yet.

    In a comparison, a side that pip cannot install is a problem of its own as long as others are left to
    compare; else, with ``each_counts``, as long as any is left. Otherwise raise LabError with pip's reason.
    """
    wanted = {
        made.name: WantedFolder(tuple(made.packages), tuple(server_locks()))
        for made in deployments
        if made.packages
    }
    found = maker.made(wanted.values())
    folders = {
        name: folder.path if isinstance(folder := found[want], PackageFolder) else str(folder)
        for name, want in wanted.items()
    }
    for want, folder in found.items():
        if isinstance(folder, PackageFolder):
            maker.note(f"{', '.join(want.words)}: {folder.text}.")
    errors = [folder for folder in found.values() if isinstance(folder, LabError)]
    if errors and not (each_counts and len(errors) < len(found)):
        broken = {name for name, why in folders.items() if isinstance(why, str)}
        require_others(compared, broken, errors[0])
    return folders


def require_others(compared: Comparison | None, broken: Collection[str], error: LabError) -> None:
    """Raise the error unless each group has its base, and another to compare with it."""
    for group in compared.groups if compared else []:
        if group.base in broken or all(name in broken for name in group.others):
            raise error
    if not compared:
        raise error
