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
    """After the last byte, the client waited for {} of the upload's time, longer than full buffers explain:
    only then the server began its work, such as a copy, a scan or a second hop."""
    if not cell.foreign or cell.size_bytes < SETTLED_BYTES:
        return None
    share = cell.share("response_wait_seconds")
    return share if share >= MUCH + BUFFERS_BYTES / cell.size_bytes else None


@rule(
    "server: check its disk, its workers and each proxy in front at that time",
    unit=".1f",
    by_client=True,
)
def stalled(cell: CellEvidence) -> float | None:
    """For {} s in mid-body nothing was read: the server, or something in front of it, had stopped reading."""
    stall = cell.median("longest_stall_seconds") or 0.0
    if not cell.foreign or cell.size_bytes < SETTLED_BYTES or cell.share("longest_stall_seconds") < MUCH:
        return None
    return stall if stall >= STALL_SECONDS else None
