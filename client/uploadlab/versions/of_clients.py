"""The folders of packages that the clients of a run load, made before anything starts."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from uploadlab.errors import LabError
from uploadlab.paths import client_environment, in_container
from uploadlab.versions.client_folders import ClientFolders
from uploadlab.versions.folders import PackageFolder, folder_at
from uploadlab.versions.locks import OWN_CLIENT, client_locks
from uploadlab.versions.making import FolderMaker, WantedFolder
from uploadlab.versions.requirements import canonical, named, pins
from uploadlab.versions.sets import folder_in_image


def folders_of_clients(
    sets: Iterable[Sequence[str]], clients: Iterable[str], maker: FolderMaker
) -> dict[tuple[str, ...], ClientFolders]:
    """Return what the clients load for each set of requirements; raise LabError with pip's reason.

    ``clients`` are those that send beside the lab's own.
    """
    distinct = list(dict.fromkeys(map(tuple, sets)))
    if not any(distinct):
        return {}
    names = dict.fromkeys((OWN_CLIENT, *clients))
    own = {(words, name): words_of_client(words, name) for words in distinct for name in names}
    wanted = {key: wanted_by_client(found, key[1]) for key, found in own.items() if found}
    made = _in_image(own) if in_container() else maker.made(wanted.values())
    paths: dict[tuple[str, ...], dict[str, Path]] = {words: {} for words in distinct}
    reported: dict[str, None] = {}
    for (words, name), want in wanted.items():
        folder = made[want]
        if isinstance(folder, LabError):
            raise folder
        paths[words][name] = folder.path
        reported |= dict.fromkeys([*folder.versions, *(canonical(named(word)) for word in own[words, name])])
        maker.note(f"{name or 'The client'}: {folder.text}.")
    return {words: ClientFolders(found, list(reported)) for words, found in paths.items()}


def wanted_by_client(words: Sequence[str], client: str) -> WantedFolder:
    """Return what a folder of these requirements is made from, for a client; empty: the lab's own."""
    environment = client_environment(client) if client else None
    return WantedFolder(tuple(words), tuple(client_locks(client)), environment)


def _in_image(own: Mapping[tuple[tuple[str, ...], str], Sequence[str]]) -> dict[WantedFolder, PackageFolder]:
    """Return the folders that the client's image has; raise LabError for one that it does not have."""
    found = {}
    for (_, client), mine in own.items():
        if mine:
            made = folder_at(folder_in_image(mine, client))
            if made is None:
                who = client or "the client"
                raise LabError(
                    f"{who} of this container does not have {', '.join(mine)}: start the run by ./scripts/lab"
                )
            found[wanted_by_client(mine, client)] = made
    return found


def words_of_client(words: Iterable[str], client: str) -> list[str]:
    """Return the requirements of a set whose packages are in the lock file of a client."""
    locked = pins(client_locks(client))
    return [word for word in words if canonical(named(word)) in locked]
