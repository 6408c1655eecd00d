"""Carries out a run: start, check, measure, stop."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from uploadlab.checking import stage as check
from uploadlab.load import stage
from uploadlab.load.stage import Crowd
from uploadlab.measuring import profiles
from uploadlab.measuring.health import check_targets
from uploadlab.measuring.prepare import Prepared
from uploadlab.measuring.protocols import Bench, Runtime, Sender, Watcher
from uploadlab.measuring.stopping import stopping
from uploadlab.measuring.uploads import execute, remaining
from uploadlab.model.deployments import EXTERNAL


def carry_out(
    prepared: Prepared,
    data_dir: Path,
    runtime: Runtime,
    sender: Sender,
    crowd: Crowd,
    watch: Callable[[int, str], AbstractContextManager[Watcher]],
) -> None:
    """Start, check, measure and stop. Whatever ends it early, what was measured is saved."""
    run, folder = prepared.run, prepared.folder
    try:
        # One that was unavailable when a run stopped may answer now.
        external = [
            msgspec.structs.replace(target, unavailable="")
            for target in run.targets
            if target.tier == EXTERNAL
        ]
        started = runtime.start(prepared.deployments) + external
        rows = {target.name for target in run.targets}
        checked, run.versions = check_targets(started, sender, runtime.explain)
        run.targets = [target for target in checked if target.name in rows]
        folder.write_run(run)
        tasks = remaining(run, folder)
        patience = stopping(run, folder.read_measurements())
        tasks = patience.worthwhile(tasks) if patience else tasks
        with watch(len(tasks), "uploads") as watcher:
            execute(run, tasks, Bench(sender, data_dir, runtime.explain, patience), folder, watcher)
        if run.profile:
            pairs = profiles.remaining(run, folder.read_measurements(), folder.read_profiled())
            with watch(len(pairs), "profiles") as watcher:
                profiles.execute(run, pairs, sender, data_dir, folder, watcher)
        if cells := check.remaining(run, folder):
            with watch(len(cells), "checks") as watcher:
                check.execute(cells, runtime.explain, folder, watcher)
        if steps := stage.remaining(run, folder):
            with watch(len(steps), "steps") as watcher:
                stage.execute(run, steps, stage.Bench(crowd, sender, runtime.explain), folder, watcher)
    finally:
        runtime.stop()
        folder.remove_if_empty()
