"""The folders of packages that a client's process, and the programs that it starts, load."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

FOLDERS, REPORTED = "LAB_CLIENT_FOLDERS", "LAB_REPORTED_PACKAGES"
"""Variables of a client's process: its folders, as JSON, and the packages whose versions it reports."""


class ClientFolders(NamedTuple):
    """What the clients of a target load before their own packages."""

    paths: Mapping[str, Path] = MappingProxyType({})
    """A folder for each client that has one; the lab's own client is the empty name."""
    reported: Sequence[str] = ()
    """Packages that the client of this target, or of another, has in another version."""

    def environment(self) -> dict[str, str]:
        """Return the variables by which the client's process passes this on to the programs of others."""
        if not self.reported:
            return {}
        folders = {name: str(path) for name, path in self.paths.items()}
        return {FOLDERS: json.dumps(folders), REPORTED: ",".join(self.reported)}


NO_FOLDERS = ClientFolders()


def folders_here() -> ClientFolders:
    """Return the folders that the lab has passed to this process."""
    folders = json.loads(os.environ.get(FOLDERS) or "{}")
    reported = [name for name in os.environ.get(REPORTED, "").split(",") if name]
    return ClientFolders({name: Path(path) for name, path in folders.items()}, reported)
