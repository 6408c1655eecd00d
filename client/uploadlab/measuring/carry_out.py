"""Carries out a run: start, check, do each stage, stop."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from uploadlab.measuring.health import check_targets
from uploadlab.measuring.prepare import Prepared
from uploadlab.measuring.protocols import Runtime, Sender, Stage, Watcher, Workbench
from uploadlab.model.deployments import CLIENT, EXTERNAL, Target
from uploadlab.planning.stored import lacking_secrets
from uploadlab.runtimes.link.lines import Links


def carry_out(
    prepared: Prepared,
    data_dir: Path,
    runtime: Runtime,
    sender: Sender,
    links: Links | None,
    stages: Sequence[Callable[[Workbench], Stage[Any]]],
    watch: Callable[[int, str], AbstractContextManager[Watcher]],
) -> None:
    """Carry out the stages in this order. However it ends, all that was measured is saved.

    ``watch`` shows the progress of a stage with this many items of this name.
    """
    run, folder = prepared.run, prepared.folder
    try:
        # A target that did not answer when the run was stopped may answer now.
        external = {
            target.behind: msgspec.structs.replace(
                target, name=target.behind, link="", unavailable=lacking_secrets(target)
            )
            for target in run.targets
            if target.tier == EXTERNAL
        }
        started = [*runtime.start(prepared.deployments), *external.values()]
        checked, versions = check_targets(started, sender, runtime.explain)
        versions = _with_clients(versions, run.targets, sender)
        # The versions of clients are known once their programs have started, maybe before the run went on.
        run.versions = run.versions | versions if run.of_clients else versions
        known = {target.name: target for target in checked}
        run.targets = [
            target if target.tier == CLIENT else known[target.behind].over(target.link)
            for target in run.targets
        ]
        folder.write_run(run)
        for make_stage in stages:
            stage = make_stage(Workbench(run, folder, data_dir, sender, runtime.explain, links))
            if items := stage.remaining():
                with watch(len(items), stage.name) as watcher:
                    stage.execute(items, watcher)
    finally:
        runtime.stop()
        folder.remove_if_empty()


def _with_clients(
    versions: dict[str, dict[str, str]], targets: Sequence[Target], sender: Sender
) -> dict[str, dict[str, str]]:
    """Return the versions of targets with those of the client, where targets have clients of their own."""
    of_clients = [target for target in targets if target.tier != CLIENT]
    if not any(target.client_packages for target in of_clients):
        return versions
    found = dict(versions)
    for target in of_clients:
        if target.behind in versions:
            found[target.behind] = {**sender.versions_for(target.client_packages), **versions[target.behind]}
    return found
