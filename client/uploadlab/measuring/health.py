"""Waits for targets: until they answer, and until they are idle."""

import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from uploadlab.measuring.protocols import Sender, Watcher, Workbench
from uploadlab.model.deployments import EXTERNAL, Target

HEALTHY_SECONDS = 60.0
"""For the lab's own deployments, which all start at once; a deployment that dies is not waited for."""
EXTERNAL_SECONDS = 15.0
"""For a server that the user named: it runs already."""
IDLE_GRACE_SECONDS = 10.0


def check_targets(
    targets: Sequence[Target], sender: Sender, explain: Callable[[str], str]
) -> tuple[list[Target], dict[str, dict[str, str]]]:
    """Wait for all targets together. Return them, with reasons for the sick ones, and their versions."""
    started = time.monotonic()
    checked: list[Target] = []
    versions: dict[str, dict[str, str]] = {}
    for target in targets:
        if not target.unavailable:
            end = started + (EXTERNAL_SECONDS if target.tier == EXTERNAL else HEALTHY_SECONDS)
            left = max(1.0, end - time.monotonic())  # time for a last try
            versions[target.name], why = sender.wait_healthy(target, left, partial(explain, target.name))
            target = msgspec.structs.replace(target, unavailable=why)
        checked.append(target)
    return checked, versions


def wait_idle(bench: Workbench, target: Target, watcher: Watcher) -> None:
    """Wait until the server has ended an upload that was cut off; say so if it does not."""
    seconds = bench.run.budget_seconds + IDLE_GRACE_SECONDS
    if not target.foreign and not bench.sender.wait_idle(target.url, seconds):
        watcher.note(f"{target.name} is still busy with an upload that was cut off")
