"""What disturbed the measurements of a run from outside, for the reader to judge and to act on. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from uploadlab.analysis.cells import by_cell
from uploadlab.model.host_use import HostUse, HostWarning
from uploadlab.model.load import LoadStep
from uploadlab.model.measurements import Measurement


class Disturbance(NamedTuple):
    """One kind of disturbance, over all that a run measured."""

    warning: HostWarning
    disturbed: int
    """Rounds or steps that count and were disturbed in this way."""
    of: int
    """All rounds or steps that count."""
    most_cores: float | None = None
    """The most cores that others took, such as 0.8; None where it is no matter of CPU."""


def disturbances(rows: Iterable[Measurement]) -> list[Disturbance]:
    """Return what disturbed the rounds that count, the most frequent disturbance first."""
    return _found([row for measured in by_cell(rows).values() for row in measured])


def step_disturbances(steps: Iterable[LoadStep]) -> list[Disturbance]:
    """Return what disturbed the steps of concurrent uploads, the most frequent disturbance first."""
    return _found(list(steps))


def is_mostly_disturbed(rows: Sequence[Measurement]) -> bool:
    """Return whether most of these rounds were disturbed: then the host may be why they are slow."""
    return 2 * sum(row.disturbed for row in rows) > len(rows)


def _found(measured: Sequence[HostUse]) -> list[Disturbance]:
    found = []
    for warning in HostWarning:
        disturbed = [use for use in measured if warning in use.host_warnings]
        if disturbed:
            cores = [part for use in disturbed if (part := _cores_taken(use, warning)) is not None]
            found.append(Disturbance(warning, len(disturbed), len(measured), max(cores, default=None)))
    return sorted(found, key=lambda disturbance: -disturbance.disturbed)


def _cores_taken(use: HostUse, warning: HostWarning) -> float | None:
    match warning:
        case HostWarning.OTHER_PROCESSES | HostWarning.OTHER_RUN:
            seconds = use.other_cpu_seconds
        case HostWarning.CPU_STEAL:
            seconds = use.steal_seconds
        case _:
            return None
    return None if seconds is None or not use.host_seconds else seconds / use.host_seconds
