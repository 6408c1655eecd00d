"""Several client processes, for uploads at the same time."""

from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome
from uploadlab.model.targets import TargetSpec
from uploadlab.processes.groups import Processes
from uploadlab.sending.client import Client


class Crew(Client):
    """A client whose ``measure`` may be called by several threads: each upload has a process to itself."""

    def __init__(self, processes: Processes) -> None:
        super().__init__(processes)
        self._free: list[Client] = []

    def measure(
        self,
        url: str,
        method: str,
        payload: Payload,
        budget_seconds: float,
        foreign: TargetSpec | None = None,
        through: tuple[str, int] | None = None,
    ) -> Outcome:
        """Upload once and verify, by the process that became free last; start one if none is free."""
        try:
            client = self._free.pop()
        except IndexError:
            client = Client(self._processes)
        try:
            return client.measure(url, method, payload, budget_seconds, foreign, through)
        finally:
            self._free.append(client)
