"""Waits for targets."""

import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from uploadlab.measuring.protocols import Sender
from uploadlab.model.deployments import EXTERNAL, Target

HEALTHY_SECONDS = 15.0
LAST_TRY_SECONDS = 1.0
START_IT = "; start that server, or correct --target NAME=URL"


def check_targets(
    targets: Sequence[Target], sender: Sender, explain: Callable[[str], str]
) -> tuple[list[Target], dict[str, dict[str, str]]]:
    """Wait for all targets together; returns them with reasons for the sick ones, and versions."""
    end = time.monotonic() + HEALTHY_SECONDS
    checked: list[Target] = []
    versions: dict[str, dict[str, str]] = {}
    for target in targets:
        if not target.unavailable:
            left = max(LAST_TRY_SECONDS, end - time.monotonic())
            versions[target.name], why = sender.wait_healthy(target, left, partial(explain, target.name))
            hint = START_IT if why and target.tier == EXTERNAL else ""
            target = msgspec.structs.replace(target, unavailable=why + hint)
        checked.append(target)
    return checked, versions
