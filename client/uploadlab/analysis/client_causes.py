"""Causes that the client's side alone proves, for servers that report nothing of themselves.

How a server reads cannot be seen from here, nor whether it or the network was slow, so no rule says that.
"""

from uploadlab.analysis.cause_rules import MUCH, SETTLED_BYTES, CellEvidence, rule
from uploadlab.units import MIB

BUFFERS_BYTES = 10 * MIB
"""What the sockets of both ends may hold of a body: the limits of Linux, 4 MiB to send and 6 MiB received."""
STALL_SECONDS = 1.0
"""A network of over 1 MB/s takes the next block sooner."""


@rule("server: store the body while it arrives, not after its last byte", by_client=True)
def waited_after_last_byte(cell: CellEvidence) -> float | None:
    """After the last byte was handed over, the client waited {} of the time, longer than what buffers hold
    explains: the server began its work, a copy, a scan or a second hop, only then."""
    if not cell.foreign or cell.size_bytes < SETTLED_BYTES:
        return None
    share = cell.share("response_wait_seconds")
    return share if share >= MUCH + BUFFERS_BYTES / cell.size_bytes else None


@rule(
    "server: look at its disk and workers at that time, and at every proxy before it",
    unit=".1f",
    by_client=True,
)
def stalled(cell: CellEvidence) -> float | None:
    """For {} s the server took nothing in mid-body: it, or something between, had stopped reading."""
    stall = cell.median("longest_stall_seconds") or 0.0
    if not cell.foreign or cell.size_bytes < SETTLED_BYTES or cell.share("longest_stall_seconds") < MUCH:
        return None
    return stall if stall >= STALL_SECONDS else None
