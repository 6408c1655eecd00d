"""What goes wrong in a run, and after how many bytes: the same for the same seed."""

import random
from enum import StrEnum
from typing import NamedTuple

MOST_FAULTS = 10


class FaultKind(StrEnum):
    """A fault in mid-upload."""

    FIN = "fin"
    """Both ends see the end of the connection."""
    RST = "rst"
    """Both ends see a reset, and lose what they have not read yet."""
    SILENCE = "silence"
    """Neither end sees anything more."""
    WORKER = "worker"
    """SIGKILL for the process that writes the upload, or for another one of the app's server."""
    DEPLOYMENT = "deployment"
    """SIGKILL for all processes of the deployment; it is started again."""
    FULL_DISK = "full disk"
    """Not one byte of the data folder's disk is free, for a while."""


CUTS = (FaultKind.FIN, FaultKind.RST, FaultKind.SILENCE)


class PlannedFault(NamedTuple):
    """A fault, and where it comes."""

    after_bytes: int
    """Sent up the line, heads included, over all its connections."""
    kind: FaultKind


def drawn_faults(seed: int, size_bytes: int) -> list[PlannedFault]:
    """Return up to ten faults, in the order they come; each comes before a whole file is sent."""
    draw = random.Random(seed)
    count = draw.randint(0, MOST_FAULTS)
    places = sorted(draw.sample(range(1, size_bytes), count))
    return [PlannedFault(place, draw.choice(list(FaultKind))) for place in places]
