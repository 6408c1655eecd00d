"""Several client processes, for uploads at the same time."""

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from types import MappingProxyType

from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome
from uploadlab.model.targets import TargetSpec
from uploadlab.processes.groups import Processes
from uploadlab.sending.client import Client
from uploadlab.sending.programs import ClientUnavailable, Programs
from uploadlab.versions.client_folders import NO_FOLDERS, ClientFolders
from uploadlab.versions.locks import OWN_CLIENT


class Crew(Client):
    """A client whose ``measure`` may be called by several threads: each upload has a process to itself."""

    def __init__(
        self,
        processes: Processes,
        folders: Mapping[tuple[str, ...], ClientFolders] = MappingProxyType({}),
    ) -> None:
        """Take what clients load, by the requirements of targets."""
        super().__init__(processes)
        self.processes, self.folders = processes, folders
        self._free: dict[tuple[str, ...], list[Client]] = {}

    def measure(
        self,
        url: str,
        method: str,
        payload: Payload,
        budget_seconds: float,
        foreign: TargetSpec | None = None,
        through: tuple[str, int] | None = None,
        packages: Sequence[str] = (),
    ) -> Outcome:
        """Upload once and verify, by the process that became free last; start one if none is free.

        Each set of packages has processes of its own.
        """
        client = self._taken(packages)
        try:
            return client.measure(url, method, payload, budget_seconds, foreign, through)
        finally:
            self._free[tuple(packages)].append(client)

    def versions_for(self, packages: Sequence[str]) -> dict[str, str]:
        """Return the versions that the clients of targets with these packages load, as far as they differ.

        Raise LabError if a client does not start with them.
        """
        client = self._taken(packages)
        found = client.versions()
        self._free[tuple(packages)].append(client)
        folders = self.folders.get(tuple(packages), NO_FOLDERS)
        names = {name for known in self.folders.values() for name in known.paths}
        with closing(Programs(self.processes, folders)) as programs:
            for name in sorted(names - {OWN_CLIENT}):
                with suppress(ClientUnavailable):  # its uploads say so
                    found = {**found, **programs.versions(name)}
        return found

    def _taken(self, packages: Sequence[str]) -> Client:
        """Return a client that is free, or a new one."""
        free = self._free.setdefault(tuple(packages), [])
        try:
            return free.pop()
        except IndexError:
            return Client(self.processes, self.folders.get(tuple(packages), NO_FOLDERS))
