"""Carries out a run: start, check, do each stage, stop."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from uploadlab.measuring.health import check_targets
from uploadlab.measuring.prepare import Prepared
from uploadlab.measuring.protocols import Runtime, Sender, Stage, Watcher, Workbench
from uploadlab.model.deployments import CLIENT, EXTERNAL
from uploadlab.planning.stored import lacking_secrets


def carry_out(
    prepared: Prepared,
    data_dir: Path,
    runtime: Runtime,
    sender: Sender,
    stages: Sequence[Callable[[Workbench], Stage[Any]]],
    watch: Callable[[int, str], AbstractContextManager[Watcher]],
) -> None:
    """Carry out the stages in this order. However it ends, all that was measured is saved.

    ``watch`` shows the progress of a stage with this many items of this name.
    """
    run, folder = prepared.run, prepared.folder
    try:
        # A target that did not answer when the run was stopped may answer now.
        external = [
            msgspec.structs.replace(target, unavailable=lacking_secrets(target))
            for target in run.targets
            if target.tier == EXTERNAL
        ]
        started = runtime.start(prepared.deployments) + external
        checked, versions = check_targets(started, sender, runtime.explain)
        names = {target.name for target in run.targets}
        # The versions of clients are known once their programs have started, maybe before the run went on.
        run.versions = run.versions | versions if run.of_clients else versions
        clients = [target for target in run.targets if target.tier == CLIENT]
        run.targets = [target for target in checked if target.name in names] + clients
        folder.write_run(run)
        for make_stage in stages:
            stage = make_stage(Workbench(run, folder, data_dir, sender, runtime.explain))
            if items := stage.remaining():
                with watch(len(items), stage.name) as watcher:
                    stage.execute(items, watcher)
    finally:
        runtime.stop()
        folder.remove_if_empty()
