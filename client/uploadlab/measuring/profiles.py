"""The profiled uploads of a run, beside the timed ones and never counted as timing."""

from collections.abc import Sequence

from uploadlab.analysis.cells import given_up
from uploadlab.measuring.protocols import Watcher, Workbench
from uploadlab.measuring.time_left import watched
from uploadlab.measuring.uploads import write_payloads
from uploadlab.model.cells import Cell
from uploadlab.model.deployments import EXTERNAL, REFERENCE
from uploadlab.model.measurements import Profiled
from uploadlab.units import format_size

KINDS = ("calls", "samples")
"""Every call by cProfile, with the memory by tracemalloc; and the stack each millisecond."""


class ProfileStage:
    """The uploads under a profiler: a cell and a kind of profile each."""

    name = "profiles"

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def remaining(self) -> list[tuple[Cell, str]]:
        """Return each pair of a deployment of the app and a method, at its smallest size, in each kind.

        A cell that timed out is left out: under a profiler it takes longer.
        """
        run, folder = self._bench.run, self._bench.folder
        if not run.profile:
            return []
        hopeless = given_up(run, folder.read_measurements())
        usable = {
            target.name
            for target in run.targets
            if target.tier not in (REFERENCE, EXTERNAL) and not target.unavailable
        }
        smallest: dict[tuple[str, str], Cell] = {}
        for cell in sorted((planned.cell for planned in run.cells), key=lambda cell: cell.size_bytes):
            if cell.deployment in usable and cell.id not in hopeless:
                smallest.setdefault((cell.deployment, cell.method), cell)
        done = {(profiled.cell_id, profiled.kind) for profiled in folder.read_profiled() if profiled.files}
        return [(cell, kind) for kind in KINDS for cell in smallest.values() if (cell.id, kind) not in done]

    def execute(self, items: Sequence[tuple[Cell, str]], watcher: Watcher) -> None:
        """Make these, saving each profile as soon as it is there; raise LabError."""
        run, folder, data_dir, sender, *_ = self._bench
        urls = {target.name: target.url for target in run.targets}
        payloads = write_payloads(data_dir, {cell.size_bytes for cell, _ in items})
        for cell, kind in watched(items, len(items), watcher):
            watcher.began(f"{cell.deployment} {cell.method} {format_size(cell.size_bytes)}, profiled")
            url, payload = urls[cell.deployment], payloads[cell.size_bytes]
            outcome, files, why = sender.profile(url, cell.method, payload, run.budget_seconds, kind)
            names = folder.keep_profile(cell, files)
            folder.append_profile(Profiled(cell.id, kind, outcome.seconds, names, why))
