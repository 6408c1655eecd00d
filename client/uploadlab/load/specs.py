"""What the targets of a run need, in the environment of the lab's own workers: no master sets it."""

import os
from argparse import Namespace
from collections.abc import Mapping

import msgspec

from uploadlab.catalogue.methods import FIELD
from uploadlab.model.targets import StatusRange, TargetSpec

VARIABLE = "LAB_TARGET_SPECS"


def specs_environment(specs: Mapping[str, TargetSpec]) -> dict[str, str]:
    """Return the variable that a worker reads."""
    return {VARIABLE: msgspec.json.encode(specs).decode()}


def spec_for(host: str, options: Namespace) -> TargetSpec | None:
    """Return how a host takes uploads as they are; None if it has the lab's routes.

    A worker that the lab has not started itself knows no more than ``--expect-status`` and ``--field``.
    """
    specs = msgspec.json.decode(os.environ.get(VARIABLE) or "{}", type=dict[str, TargetSpec])
    if host in specs:
        return specs[host]
    if not (status := options.expect_status):
        return None
    field = "" if options.field == FIELD else options.field
    return TargetSpec(expect_status=[StatusRange(status, status)], field=field)
